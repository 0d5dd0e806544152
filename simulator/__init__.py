"""Zendesk, the CRM and the telephony platform in one process: strict, stateful and faulty on request."""
