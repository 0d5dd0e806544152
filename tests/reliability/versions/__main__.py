"""`python -m tests.reliability.versions`: calls that outlive the code they began under, on a real Temporal server."""

import asyncio
import logging
import sys
from typing import Any

from cli.servers.temporal import TemporalServer
from tests.reliability.report import Section, options, progress, publish, table, zero
from tests.reliability.versions.fleet import fleet_at
from tests.reliability.versions.replays import recorded, refused
from tests.reliability.versions.scenes import SCENES, Told
from tests.reliability.versions.variants import GuardedCallWorkflow, UnguardedCallWorkflow
from workflows.call import CallWorkflow

_CODE: dict[str, type[Any]] = {
    "today's": CallWorkflow,
    "a next release, guarded by `workflow.patched`": GuardedCallWorkflow,
    "the same without the guard": UnguardedCallWorkflow,
}
_ABOUT = """A next release is played by a workflow with one more request at its beginning, once guarded by
`workflow.patched`, once not; [the policy](decisions/0009-changing-workflow-code.md) says why. Temporal is the
development server, workers and workflows are real, the vendors in-memory twins. A call that *stands still* takes
every webhook and writes nothing; its workflow task is tried again until code comes that knows its history."""


def main() -> int:
    """The proof's command: 0 when every call ended as it should and the unguarded change was found out."""
    asked = options("versions", __doc__, n=100).parse_args()
    logging.disable(logging.CRITICAL)
    told = asyncio.run(play(asked.n, f"v{asked.seed}"))
    replays = asyncio.run(replay())
    publish(_section(told, replays, asked.n, asked.seed), into_page=asked.write)
    for text in [text for each in told.values() for text in each.wrong]:
        progress(text)
    return int(not good(told, replays))


async def play(n: int, name: str) -> dict[str, Told]:
    """`n` calls, dealt out to the scenes: most to those that should not stand still."""
    shares = {"upgraded": n - 3 * max(1, n // 5), "at-once": max(1, n // 5)}
    told = {}
    with TemporalServer(own=True) as server:
        async with fleet_at(server.address) as fleet:
            for scene, act in SCENES.items():
                told[scene] = await act(fleet, f"{name}-{scene}", shares.get(scene, max(1, n // 5)))
                progress(f"{scene}: {told[scene].calls} calls, {len(told[scene].wrong)} wrong")
    return told


async def replay() -> dict[str, dict[str, tuple[int, list[str]]]]:
    """By released version and by code: how many histories, and which of them it refuses."""
    return {
        version: {name: (len(files), await refused(code, files)) for name, code in _CODE.items()}
        for version, files in recorded().items()
    }


def good(told: dict[str, Told], replays: dict[str, dict[str, tuple[int, list[str]]]]) -> bool:
    """Whether nothing went wrong, and what had to be found out was."""
    today, guarded, unguarded = _CODE
    return (
        not any(each.wrong for each in told.values())
        and told["upgraded"].task_failures == 0
        and told["unguarded"].task_failures > 0
        and not any(by[today][1] or by[guarded][1] for by in replays.values())
        and all(by[unguarded][1] for by in replays.values())
    )


def _section(
    told: dict[str, Told], replays: dict[str, dict[str, tuple[int, list[str]]]], n: int, number: int
) -> Section:
    calls, wrong = sum(each.calls for each in told.values()), sum(len(each.wrong) for each in told.values())
    scenes = table(
        ("What happens", "Calls", "Wrong in the end", "Tasks refused on the way", "Began with the change"),
        [
            ((SCENES[scene].__doc__ or scene).strip(), each.calls, len(each.wrong), each.task_failures, each.patched)
            for scene, each in told.items()
        ],
    )
    rows = [
        (version, code, files, "none" if not differing else ", ".join(differing))
        for version, by in replays.items()
        for code, (files, differing) in by.items()
    ]
    histories = table(("Recorded by", "Replayed by", "Histories", "Refused"), rows)
    text = f"{_ABOUT}\n\n**{zero(wrong, calls)} calls lost, doubled or told wrongly.**\n\n{scenes}\n\n{histories}"
    command = f"make versions N={n} SEED={number}"
    return Section(name="versions", command=command, text=text)


if __name__ == "__main__":
    sys.exit(main())
