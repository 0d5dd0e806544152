"""Hostile data through the whole system, hostile answers to its client, and what each became."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.stack import Stack
from tests.e2e.webhooks import Json
from tests.reliability.injection import calls, checks, hostile, markup, mutants, pages
from tests.reliability.injection.calls import Call, Trap
from tests.reliability.report import progress

FAULTS: tuple[Json, ...] = (
    {"kind": "search", "fault": "wrong_shape", "body": {"results": [{"id": "1"}, {"id": -5}, {"id": 10**30}]}},
    {"kind": "search", "fault": "status", "status": 200, "body": '{"results":' + "[" * 100_000},
    {"kind": "create_ticket", "fault": "status", "status": 429, "headers": {"Retry-After": "soon"}},
    {"kind": "create_ticket", "fault": "status", "status": 503, "body": '{"error": "\\n1999-01-01 FORGED-BY-DATA"}'},
    {"kind": "update_ticket", "fault": "status", "status": 429, "headers": {"Retry-After": "-99"}},
    {"kind": "fetch_customer", "fault": "status", "status": 200, "body": '{"customer": {"crm_customer_id": NaN}}'},
    {"kind": "fetch_customer", "fault": "status", "status": 200, "headers": {"Content-Encoding": "gzip"}},
    {"kind": "patch_call", "fault": "status", "status": 503, "headers": {"Content-Type": "text/html"}, "body": "<h1>"},
    {"kind": "fetch_customer", "fault": "redirect"},
    {"kind": "patch_call", "fault": "huge"},
)
"""What requests meet once each while hostile calls go on; redirects lead to the trap."""

SETTINGS = {
    "LOG_FORMAT": "json",
    "HTTP_TIMEOUT_S": "4",
    "TICKET_URL": markup.TICKET_URL,
    "TEMPORAL_UI_URL": markup.TEMPORAL_UI_URL,
}


@dataclass(kw_only=True)
class Report:
    """What was sent and what it became."""

    n: int
    seed: int
    calls: list[Call]
    stuck: int
    searches: int
    log_lines: int
    pages: int
    vendors: hostile.Vendors
    mutants: mutants.Mutants
    trapped: int
    wrong: list[str] = field(default_factory=list)

    @property
    def findings(self) -> list[str]:
        """Everything that should not be."""
        trapped = [f"{self.trapped} connections to addresses from data"] if self.trapped else []
        return [*self.wrong, *self.vendors.wrong, *self.mutants.wrong, *trapped]


@dataclass(frozen=True, kw_only=True)
class _Played:
    """What became of the calls."""

    stuck: int
    searches: int
    log_lines: int
    pages: int
    wrong: list[str]


def run(folder: Path, *, n: int, seed: int) -> Report:
    """So many hostile calls; answers in proportion."""
    trap = Trap()
    try:
        progress("answers of wrong shapes")
        read = mutants.read_all(n=n * 100, seed=seed)
        progress("vendors of ill will")
        asked = asyncio.run(hostile.ask_all(rounds=max(1, n // 40), seed=seed, trap_url=trap.url))
        made = calls.make(n, seed, trap.url)
        with Stack(folder=folder, settings=SETTINGS) as stack:
            asyncio.run(stack.set_up())
            played = _play(stack, made, calls.make_stuck(max(3, n // 20), seed, trap.url), trap)
        return Report(
            n=n,
            seed=seed,
            calls=made,
            stuck=played.stuck,
            searches=played.searches,
            log_lines=played.log_lines,
            pages=played.pages,
            vendors=asked,
            mutants=read,
            trapped=trap.connections(),
            wrong=played.wrong,
        )
    finally:
        trap.close()


def _play(stack: Stack, made: list[Call], stuck: list[Call], trap: Trap) -> _Played:
    stack.start_gateway()
    stack.start_worker()
    # The log for people has to hold as well.
    stack.start_worker(LOG_FORMAT="console")
    for fault in FAULTS if len(made) >= len(FAULTS) else ():
        more = {"headers": {"Location": trap.url}} if fault["fault"] == "redirect" else {}
        stack.sim("POST", "/faults", {**fault, **more})
    told = calls.play(stack, made) | calls.play_stuck(stack, stuck)
    pages_read, wrong = pages.read(stack, [*made, *stuck], told, stuck)
    journal = stack.journal()
    texts = {
        "gateway, json": stack.log("gateway-1"),
        "worker, json": stack.log("worker-1"),
        "worker, console": stack.log("worker-2"),
    }
    wrong += _wrong(stack, made, told, texts)
    wrong += checks.searches(journal, by_id := {call.call_id: call for call in (*made, *stuck)})
    wrong += checks.requests(journal, by_id)
    return _Played(
        stuck=len(stuck),
        searches=sum(request["kind"] == "search" for request in journal),
        log_lines=sum(len(text.splitlines()) for text in texts.values()),
        pages=pages_read,
        wrong=wrong,
    )


def _wrong(stack: Stack, made: list[Call], told: dict[str, Json], texts: dict[str, str]) -> Iterator[str]:
    for call in made:
        yield from checks.ticket(call, stack.ticket(told[call.call_id]["ticket_id"]))
        yield from checks.pops(call, stack.sim("GET", f"/calls/{call.call_id}")["call"]["pops"])
        yield from checks.status(call, told[call.call_id])
    yield from checks.logs(texts)
