"""`talkbridge doctor`: examine an installation; 0 all is well, 1 something fails, 2 nothing could be examined."""

import json
import logging
import sys
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console

from api.checks.finding import Section, exit_code
from cli.doctor.examine import examine
from cli.doctor.settings import ground_of
from cli.doctor.telling import document, summary, told
from cli.errors import CliError
from cli.servers.progress import say

CANNOT_RUN = 2


async def doctor(
    *,
    only: Annotated[Literal["all", "gateway", "worker"], Parameter(help="The process that is at home here.")] = "all",
    url: Annotated[str | None, Parameter(help="The gateway; API_HOST and API_PORT unless given.")] = None,
    exchange: Annotated[bool, Parameter(help="Ask Zendesk for a token of our own, too.", negative="")] = False,
    offline: Annotated[bool, Parameter(help="Only what needs no network.", negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", help="Print the findings as JSON.", negative="")] = False,
) -> int:
    """Examine, tell, and return the exit code."""
    try:
        ground = ground_of(only, url, exchange=exchange)
    except CliError as error:
        say(str(error))
        return CANNOT_RUN
    # What the checks find is told once, by them.
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    console = Console(highlight=False, soft_wrap=True)
    sections: list[Section] = []
    async for section in examine(ground, offline=offline):
        sections.append(section)
        if not as_json:
            for line in told(section):
                console.print(line)
            sys.stdout.flush()
    console.print(json.dumps(document(sections), indent=2), markup=False) if as_json else console.print(
        f"\n{summary(sections)}", markup=False
    )
    return exit_code(sections)
