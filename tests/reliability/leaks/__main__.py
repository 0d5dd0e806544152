"""`python -m tests.reliability.leaks`: plant, let everything fail, look everywhere; `--folder` looks in a folder."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.reliability.chaos.scripts import Load, scripts
from tests.reliability.leaks.plants import Plants
from tests.reliability.leaks.rotation import Rotated, rotate
from tests.reliability.leaks.run import Found, look
from tests.reliability.leaks.scan import scan_folder
from tests.reliability.leaks.section import section
from tests.reliability.report import options, progress, publish

CUSTOMERS = 60


def main() -> int:
    """The exit code: 0 when nothing was found, the self-check found what it had to, and every rotated call ended."""
    parser = options("leaks", __doc__, n=CUSTOMERS)
    parser.add_argument("--folder", type=Path, help="look through what `make chaos` kept, of the same --n and --seed")
    parser.add_argument("--plants", type=Path, help='look for this there: {"emails": [], "phones": [], "texts": {}}')
    parser.add_argument("--starts", type=int, help="at most so many wrong settings (default: all)")
    given = parser.parse_args()
    if given.folder:
        plants = Plants.read(given.plants) if given.plants else _of_chaos(given.n, given.seed)
        return _look_through(given.folder, plants)
    with tempfile.TemporaryDirectory(prefix="talkbridge-leaks-") as name:
        found, plain, rotated = asyncio.run(_all(Path(name), given.n, given.seed, given.starts))
    publish(section(found, plain, rotated, seed=given.seed), into_page=given.write)
    for hit in found.hits:
        progress(f"FOUND {hit}")
    return 0 if found.right and plain.hits and rotated.right else 1


async def _all(folder: Path, customers: int, seed: int, starts: int | None) -> tuple[Found, Found, Rotated]:
    found = await look(folder / "encrypted", seed=seed, customers=customers, starts=starts)
    plain = await look(folder / "plain", seed=seed, customers=3, starts=0, codec=False)
    return found, plain, await rotate(folder / "rotation", seed=seed, calls=customers)


def _look_through(folder: Path, plants: Plants) -> int:
    # What the simulated vendors print and keep is theirs.
    hits = [hit for hit in scan_folder(folder, plants) if "simulator" not in hit.place]
    for hit in hits:
        progress(f"FOUND {hit}")
    progress(f"{len(plants)} texts looked for in {folder}: {len(hits)} hits")
    return 1 if hits or not plants else 0


def _of_chaos(calls: int, seed: int) -> Plants:
    """The customers of a chaos run; emails and numbers, as names are words there."""
    played = scripts(Load(n=calls, seed=seed))
    phones = {str(script.phone) for script in played if str(script.phone or "").startswith("+")}
    emails = {str(script.email).lower() for script in played if script.email}
    return Plants(emails=frozenset(emails), phones=frozenset(phones))


if __name__ == "__main__":
    sys.exit(main())
