"""Every setting there is, from the classes that read them; and the pages made of it: docs/settings.md, .env.example.

`python -m cli.known_settings` writes both; a test holds them to the classes.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from activities import settings as worker
from api import settings as gateway

ROOT = Path(__file__).parents[1]
BOTH, GATEWAY, WORKER = "both", "gateway", "worker"
PROCESSES = {
    BOTH: "Gateway, worker and `talkbridge setup`",
    GATEWAY: "Gateway (`python -m api`)",
    WORKER: "Worker (`python worker.py`)",
}

_TRACING = (
    ("OTEL_TRACES_EXPORTER", "none", "`otlp` to send spans to an OpenTelemetry collector; docs/tracing.md", False),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "http://localhost:4318",
        "the collector, in HTTP; OpenTelemetry's other standard variables work too",
        False,
    ),
    ("OTEL_EXPORTER_OTLP_HEADERS", "", "`name=value`, comma-separated, for a collector that asks who sends", True),
    ("OTEL_SERVICE_NAME", "", "the name spans go under; unset: `talkbridge-gateway` and `talkbridge-worker`", False),
)
"""OpenTelemetry's own variables, which no settings class reads."""

_INTRODUCTION = """# Settings

Every process reads its settings once, when it starts, from the environment and from the file `.env` in the folder it is
started in; the environment wins, and an empty value counts as not set. A missing or malformed setting ends the start
with one sentence that names it. The gateway never sees the Zendesk secret, the worker never sees the webhook secrets:
give each process its own environment in production.

`talkbridge settings` prints what is set, where it is set and what is missing. `.env.example` is a file to begin with.

Settings that shape a call (deadlines, `TICKET_STATUS_AFTER_CALL`, `SCREEN_POP_PROPERTIES`) hold for calls that start
after the change; a call keeps those it started with.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One setting. `default` is None where a value must be given, empty where none is needed."""

    name: str
    process: str
    default: str | None
    meaning: str
    secret: bool


def known() -> list[Known]:
    """Every setting, those of all processes first."""
    documented: list[gateway.Setting | worker.Setting] = [*gateway.documented(), *worker.documented()]
    found = [
        Known(
            name=each.name,
            process=str(each.process),
            default=each.default,
            meaning=each.meaning,
            secret=each.secret,
        )
        for each in documented
    ]
    found += [
        Known(name=name, process=BOTH, default=default, meaning=meaning, secret=secret)
        for name, default, meaning, secret in _TRACING
    ]
    by_name = {each.name: each for each in reversed(found)}
    return sorted(by_name.values(), key=lambda each: (list(PROCESSES).index(each.process), found.index(each)))


def settings_page() -> str:
    """docs/settings.md."""
    return "\n".join([_INTRODUCTION, *(line for process in PROCESSES for line in _section(process))])


def _section(process: str) -> Iterator[str]:
    yield from (f"## {PROCESSES[process]}", "", "| Setting | Default | What it is |", "|---|---|---|")
    for each in known():
        if each.process == process:
            # A bar would end the cell.
            yield f"| `{each.name}` | {_default(each)} | {each.meaning.replace('|', chr(92) + '|')} |"
    yield ""


def _default(each: Known) -> str:
    if each.default is None:
        return "**needed**"
    return f"`{each.default}`" if each.default else "not set"


def env_example() -> str:
    """`.env.example`: what is needed to fill in, the rest as it is without a line of one's own."""
    lines = [
        "# Copy this to .env and fill in what has no value. Environment variables win over this file.",
        "# docs/settings.md explains every line; `talkbridge settings` checks the result.",
    ]
    for process, title in PROCESSES.items():
        lines += ["", f"# --- {title.replace('`', '')} ---"]
        for each in known():
            if each.process == process:
                lines += [f"# {each.meaning.replace('`', '')}", _assignment(each)]
    return "\n".join(lines) + "\n"


def _assignment(each: Known) -> str:
    if each.default is None:
        return f"{each.name}="
    return f'# {each.name}="{each.default}"' if " " in each.default else f"# {each.name}={each.default}"


def pages() -> dict[Path, str]:
    """The generated files and what should be in them."""
    return {ROOT / "docs" / "settings.md": settings_page(), ROOT / ".env.example": env_example()}


def main() -> int:
    """Write the pages."""
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
