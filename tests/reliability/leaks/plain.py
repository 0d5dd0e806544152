"""`python -m tests.reliability.leaks.plain worker|gateway`: a process of ours whose payloads are not encrypted.

For the self-check alone: what the scan would find if the codec were forgotten.
"""

import asyncio
import sys

from temporalio.converter import DataConverter

from workflows import connection


def main() -> None:
    """Take the codec away, then be the process asked for."""
    which = sys.argv.pop()
    connection.data_converter = lambda keyring: DataConverter.default
    if which == "worker":
        import worker

        connection.leave(asyncio.run(worker.main()))
    from api import __main__ as gateway

    connection.leave(gateway.main())


if __name__ == "__main__":
    main()
