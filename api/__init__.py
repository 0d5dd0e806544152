"""The gateway: takes webhooks, hands them to Temporal, and answers what became of a call."""
