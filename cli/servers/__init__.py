"""Real development servers, found, made, started on loopback and cleaned up again; for the demo and the tests.

`TemporalServer` (temporal.py) and `PostgresServer` (postgres.py) are context managers; `time_skipping.path()` gives the
executable of Temporal's time-skipping test server.
"""
