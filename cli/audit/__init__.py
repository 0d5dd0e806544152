"""`talkbridge audit`: every event, request and mend that the ledger knows of, for a call or a span of time."""
