"""`python -m tests.reliability.leaks`: plant, let everything fail, look everywhere; `--folder` looks in a folder."""

import asyncio
import sys
import tempfile
from pathlib import Path

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
    parser.add_argument("--folder", type=Path, help="look through this folder only, for example of `make chaos`")
    parser.add_argument("--plants", type=Path, help='what to look for there, as JSON: {"emails": [], "phones": []}')
    given = parser.parse_args()
    if given.folder:
        return _look_through(given.folder, given.plants)
    with tempfile.TemporaryDirectory(prefix="talkbridge-leaks-") as name:
        found, plain, rotated = asyncio.run(_all(Path(name), given.n, given.seed))
    publish(section(found, plain, rotated, seed=given.seed), into_page=given.write)
    for hit in found.hits:
        progress(f"FOUND {hit}")
    return 0 if found.right and plain.hits and rotated.right else 1


async def _all(folder: Path, customers: int, seed: int) -> tuple[Found, Found, Rotated]:
    found = await look(folder / "encrypted", seed=seed, customers=customers)
    plain = await look(folder / "plain", seed=seed, customers=3, starts=0, codec=False)
    return found, plain, await rotate(folder / "rotation", seed=seed, calls=customers)


def _look_through(folder: Path, plants: Path | None) -> int:
    looked_for = Plants.read(plants or folder / "plants.json")
    hits = scan_folder(folder, looked_for)
    for hit in hits:
        progress(f"FOUND {hit}")
    progress(f"{len(looked_for)} planted texts looked for in {folder}: {len(hits)} hits")
    return 1 if hits or not looked_for else 0


if __name__ == "__main__":
    sys.exit(main())
