"""`python -m tests.reliability.baseline`: a conventional integration, fairly written, for the harness to judge.

It checks each webhook, sets the key by which a repetition is known (in a store that survives, as Redis would), puts the
event into a queue in memory and works that off with retries. No step of it is durable.
"""

import logging
import sys

import uvicorn

from tests.reliability.baseline.app import create_app
from tests.reliability.baseline.settings import Settings


def main() -> int:
    """Serves until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    settings = Settings.read()
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, log_config=None, access_log=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
