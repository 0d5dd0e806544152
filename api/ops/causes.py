"""What each cause of *needs attention* means and what to do about it: the runbook's words, for the page.

`docs/operations.md` has them as well, and how to look closer; a test holds the two together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from workflows.domain.errors import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Two sentences, neither with a capital letter nor a full stop."""

    means: str
    do: str


ADVICE: Mapping[str, Advice] = MappingProxyType(
    {
        Failure.UNAVAILABLE: Advice(
            means="Zendesk gave no usable answer for a day, or tickets went and changed faster than we could write",
            do="wait until Zendesk is well, then retry; one ticket alone that stays out of reach: use another ticket",
        ),
        Failure.RATE_LIMITED: Advice(
            means="Zendesk answered 429 (too many requests) for a day",
            do="set ZENDESK_REQUESTS_PER_MINUTE below what the account allows, restart the workers, then retry",
        ),
        Failure.LEDGER_UNAVAILABLE: Advice(
            means="PostgreSQL could not be written for a day, so nothing was sent",
            do="bring PostgreSQL back: the calls go on by themselves, and at once with retry",
        ),
        Failure.NOT_SENT: Advice(
            means="for a day no connection to Zendesk was free; nothing was sent",
            do="start more workers, then retry",
        ),
        Failure.CREDENTIAL_REFUSED: Advice(
            means="Zendesk accepts no token of ours",
            do="do what the alert client_refused or token_ending says; the calls go on by themselves",
        ),
        Failure.SCOPE_MISSING: Advice(
            means="the token lacks a scope",
            do="grant it to the OAuth client; the calls go on by themselves within a minute",
        ),
        Failure.FORBIDDEN: Advice(
            means="the OAuth client's user may not do that with these tickets",
            do="give the user access to them, then retry; or use another ticket, one it may write",
        ),
        Failure.MISCONFIGURED: Advice(
            means="Zendesk does not know what we ask for: 400, 404, 405, 415, a redirect where none is expected, or "
            "422 when it is to show the call's own ticket",
            do="many calls: correct ZENDESK_URL, then retry; one ticket alone: use another ticket",
        ),
        Failure.TICKET_PENDING: Advice(
            means="an earlier call of the same customer still looks for its ticket",
            do="mend that one; this one goes on after ten minutes at most",
        ),
        Failure.STEP_REFUSED: Advice(
            means="Zendesk refuses the content (422) and no fallback is left; or the note is on the ticket and "
            "only its status was refused",
            do="a required field or a rule of the account: change it, then retry; else write the note by hand "
            "and skip the step, or use another ticket. A ticket still In-Call: set its status in Zendesk, "
            "then skip the step",
        ),
        Failure.COMMENTS_INCOMPLETE: Advice(
            means="the ticket's comments cannot be read whole, so a second note cannot be ruled out",
            do="look at the ticket for the note's last line, [call … · completed]. It is there: skip the step. "
            "It is not: write it by hand and skip the step, or use another ticket",
        ),
        Failure.CLIENT_REFUSED: Advice(
            means="the token endpoint refuses our client id and secret",
            do="do what the alert client_refused says",
        ),
        Failure.UNEXPECTED: Advice(
            means="a fault of ours",
            do="report it with the worker's log; retry after an upgrade; urgent: write the ticket by hand and "
            "end the call",
        ),
    }
)
OTHER = Advice(
    means="Temporal ended the step with a failure that has no name of ours",
    do="look at the workflow's last failure in the Temporal UI; then as for Unexpected",
)
"""For a cause that is not in the table."""


def advice(cause: str) -> Advice:
    """What is known of the cause."""
    return ADVICE.get(cause, OTHER)
