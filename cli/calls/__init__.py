"""`talkbridge calls`: the list of calls, once or for as long as one looks."""
