"""`python -m tests.reliability.baseline gateway|worker NAME`: a conventional integration, for the harness to judge.

Fairly written: the gateway checks each webhook, sets the key by which a repetition is known, and pushes the event into
a list, both in a store that survives as Redis would. A worker takes it from the list and works it off with retries. No
step is durable.
"""

import asyncio
import logging
import sys

import uvicorn

from tests.reliability.baseline.app import create_app
from tests.reliability.baseline.settings import Settings
from tests.reliability.baseline.store import Store
from tests.reliability.baseline.worker import Worker


def main() -> int:
    """Works until told to stop."""
    role, name = sys.argv[1:3]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    settings = Settings.read()
    if role == "gateway":
        uvicorn.run(create_app(settings), host=settings.host, port=settings.port, log_config=None, access_log=False)
    else:
        asyncio.run(Worker(settings, Store(settings.store), name).run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
