"""Play every scene in which something happens to the credential while calls are under way, and judge it."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.reliability.credentials import clocks, hour
from tests.reliability.credentials.older import older
from tests.reliability.credentials.scenes import SCENES as HARMS
from tests.reliability.credentials.section import section
from tests.reliability.credentials.stage import Account, Scene, play
from tests.reliability.report import options, progress, publish

SCENES: tuple[Scene, ...] = (*HARMS, *clocks.SCENES)
CALLS_A_SECOND = 2.5


def main() -> int:
    """1 when anything was lost, came twice, or broke a law."""
    parser = options("credentials", __doc__, n=150)
    parser.add_argument("--only", default="", help="scenes whose name holds this")
    parser.add_argument("--older", default="", metavar="REVISION", help="also: workers of now and of then take turns")
    given = parser.parse_args()
    scenes = [*SCENES, older(given.older)] if given.older else SCENES
    chosen = [scene for scene in scenes if given.only in scene.name]
    accounts = [asyncio.run(_play(scene, given.n, given.seed)) for scene in chosen]
    if given.only in hour.NAME:
        progress(f"{hour.NAME}: {hour.TITLE}")
        accounts.append(_told(asyncio.run(hour.play(given.n // 5))))
    publish(section(accounts, command=_command(given)), into_page=given.write)
    return 1 if any(account.verdict.everything for account in accounts) else 0


def _command(given: argparse.Namespace) -> str:
    """What a reader types to see the same again."""
    more = f' ARGS="--older {given.older}"' if given.older else ""
    return f"make credentials N={given.n} SEED={given.seed}{more}"


async def _play(scene: Scene, n: int, seed: int) -> Account:
    progress(f"{scene.name}: {scene.title} ({n} calls)")
    folder = Path(tempfile.mkdtemp(prefix="talkbridge-credentials-"))
    progress(f"  logs: {folder}")
    return _told(await play(scene, folder, n=n, seconds=max(6.0, n / CALLS_A_SECOND), seed=seed))


def _told(account: Account) -> Account:
    for sentence in account.verdict.everything:
        progress(f"  {sentence}")
    progress(f"  {account.tokens} token requests, {account.refused} answers 401, alerts {account.alerts}")
    return account


if __name__ == "__main__":
    sys.exit(main())
