"""Zendesk in the `guide` dialect: requests as values, answers from bytes, then the wire. It knows no calls."""
