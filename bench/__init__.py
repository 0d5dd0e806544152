"""Measurements of the whole on this machine: how soon an agent sees the caller, what a call costs and leaves behind."""
