"""The durable part of Talkbridge: what a call is, what is due next, and the workflows that see to it."""
