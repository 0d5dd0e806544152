"""Adapters: everything that touches network or database, behind the ports of `workflows.ports`."""
