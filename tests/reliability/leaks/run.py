"""One run: the story, crashes, starts that fail; then everything gathered and looked through."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from tests.reliability.leaks.house import House, house
from tests.reliability.leaks.places import KINDS, gather, kind_of, made_folder
from tests.reliability.leaks.plants import Plants
from tests.reliability.leaks.scan import Hit, files, scan_folder
from tests.reliability.leaks.starts import Start, start_all, wrong
from tests.reliability.leaks.story import Told, crash, tell
from tests.reliability.report import progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one run came to: `bytes_by_kind` is what was looked through, `plants` how many texts were looked for."""

    told: Told
    starts: int
    plants: int
    bytes_by_kind: Counter[str]
    hits: list[Hit]

    @property
    def right(self) -> bool:
        """Whether nothing was found, in all the places there have to be."""
        kinds = {kind for _, kind in KINDS} - ({"output of starts that fail"} if not self.starts else set())
        return not self.hits and kinds <= set(self.bytes_by_kind)

    def hits_by_kind(self) -> Counter[str]:
        """How many different planted things stand in each kind of place."""
        return Counter(kind for kind, _ in {(kind_of(hit.place), hit.what) for hit in self.hits})


async def look(folder: Path, *, seed: int, customers: int, starts: int | None = None, codec: bool = True) -> Found:
    """Plant, let everything fail, and look. `starts`: at most so many wrong settings; `codec` False: the self-check."""
    random = Random(seed)
    gathered = made_folder(folder / "gathered")
    with house(folder / "run", seed=seed, customers=customers, codec=codec) as made:
        await made.furnish()
        made.man(workers=2 if codec else 1)
        progress(f"{customers} calls, vendors that fail and repeat what they were sent{'' if codec else ', no codec'}")
        told = await tell(made, random)
        printed = {"metrics.txt": [made.http.get(url).text for url in made.metrics], "answers.txt": told.answers}
        if codec:
            crash(made)
        failing = _some(random, made, starts)
        progress(f"{len(failing)} wrong settings")
        tried = start_all(made, failing)
        plants = made.plants() | _of_starts(failing)
        await gather(made, gathered)
    for name, texts in printed.items():
        (gathered / name).write_text("\n".join(texts))
    progress("looking")
    return Found(
        told=told,
        starts=tried,
        plants=len(plants),
        bytes_by_kind=_sizes(gathered),
        hits=scan_folder(gathered, plants),
    )


def _some(random: Random, made: House, limit: int | None) -> list[Start]:
    port = urlsplit(made.postgres.url).port
    assert port is not None
    failing = wrong(random, port)
    random.shuffle(failing)
    return failing[:limit]


def _of_starts(failing: list[Start]) -> Plants:
    return Plants.of(secrets={f"{start.setting} of start {n}": start.secret for n, start in enumerate(failing)})


def _sizes(folder: Path) -> Counter[str]:
    sizes: Counter[str] = Counter()
    for path in files(folder):
        sizes[kind_of(str(path.relative_to(folder)))] += path.stat().st_size
    return sizes
