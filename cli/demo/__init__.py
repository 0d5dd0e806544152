"""`talkbridge demo`: the whole system on this machine, six stories played on it, and the books compared."""
