"""`talkbridge call retry|skip|use-ticket|end`: mend a call that is stuck, after saying what that will do."""

import getpass
import secrets
import sys
from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import Parameter

from cli.call import app, fetch
from cli.errors import CliError
from cli.gateway import address, ask, client, door

Url = Annotated[str | None, Parameter(help="The gateway; API_HOST and API_PORT unless given.")]
Reason = Annotated[str, Parameter(help="Why; the ledger keeps it with your name.")]
By = Annotated[str | None, Parameter(help="Your name; the account's on this machine unless given.")]
Yes = Annotated[bool, Parameter(help="Do not ask.", negative="")]

_TIMEOUT_S = 30


@app.command
def retry(call_id: str, *, reason: Reason, by: By = None, url: Url = None, yes: Yes = False) -> None:
    """Try at once what waits or was refused."""
    _mend(call_id, "retry", reason=reason, by=by, url=url, yes=yes)


@app.command
def skip(call_id: str, *, reason: Reason, by: By = None, url: Url = None, yes: Yes = False) -> None:
    """Go on without the step that is stuck."""
    _mend(call_id, "skip", reason=reason, by=by, url=url, yes=yes)


@app.command
def use_ticket(
    call_id: str, ticket_id: int, *, reason: Reason, by: By = None, url: Url = None, yes: Yes = False
) -> None:
    """Write to this ticket instead."""
    _mend(call_id, "use_ticket", reason=reason, by=by, url=url, yes=yes, ticket_id=ticket_id)


@app.command
def end(call_id: str, *, reason: Reason, by: By = None, url: Url = None, yes: Yes = False) -> None:
    """Treat the call as over."""
    _mend(call_id, "end", reason=reason, by=by, url=url, yes=yes)


def _mend(
    call_id: str,
    action: str,
    *,
    reason: str,
    by: str | None,
    url: str | None,
    yes: bool,
    ticket_id: int | None = None,
) -> None:
    settings = door()
    where = address(url, settings)
    told = fetch(where, settings.bearer, call_id)
    sentence = told.get("mends", {}).get(action)
    if sentence is None:
        raise CliError(f"Nothing to do: {_standing(told)}.")
    print(sentence)
    if not (yes or _agreed()):
        raise CliError("Nothing was done.")
    wish = {"id": secrets.token_hex(8), "action": action, "by": by or getpass.getuser(), "reason": reason}
    print(_posted(where, settings.bearer, call_id, {**wish, "ticket_id": ticket_id})["text"])


def _standing(told: dict[str, Any]) -> str:
    state = told["state"].replace("_", " ")
    return f"call {told['call_id']} is {state}" + (" and needs attention" if told["needs_attention"] else "")


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise CliError("Nothing was done: without a terminal to ask at, --yes is needed.")
    return input("Do it? [y/N] ").strip().lower() in ("y", "yes")


def _posted(url: str, ops_token: str, call_id: str, wish: dict[str, Any]) -> dict[str, Any]:
    with client(url, timeout_s=_TIMEOUT_S) as http:
        path = f"/calls/{quote(call_id, safe='')}/mends"
        return ask(http, "POST", path, ops_token, unknown=f"call {call_id}", body=wish)
