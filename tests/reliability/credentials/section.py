"""The account of all scenes as a section of docs/reliability.md."""

from collections.abc import Sequence

from tests.reliability.credentials.stage import Account
from tests.reliability.report import Section, table, zero

HEADS = (
    "What happens",
    "Calls",
    "Token requests",
    "In flight at once",
    "Closest, s",
    "Answers 401",
    "Alerts",
    "Lost",
    "Twice",
    "Seen",
)


def section(accounts: Sequence[Account], *, command: str) -> Section:
    """A row a scene, and the sums with their bounds."""
    calls = sum(account.calls for account in accounts)
    lost = sum(len(account.verdict.lost) for account in accounts)
    twice = sum(len(account.verdict.twice) for account in accounts)
    tokens = sum(account.tokens for account in accounts)
    out_of_law = sum(len(account.verdict.exchanges) for account in accounts)
    alerts = sum(len(account.verdict.alerts) for account in accounts)
    text = f"""
{table(HEADS, map(_row, accounts))}

- Lost: {zero(lost, calls)} calls. Done twice (tickets, notes): {zero(twice, calls)} calls.
- Token requests in flight with another, or sooner than they may: {zero(out_of_law, tokens)}.
- Alerts missing, repeated or without reason: {alerts} in {len(accounts)} scenes.
- Every scene has servers of its own, and calls go on all the time.
"""
    return Section(name="credentials", command=command, text=text)


def _row(account: Account) -> list[object]:
    verdict = account.verdict
    return [
        account.title,
        account.calls,
        account.tokens,
        account.most_at_once,
        f"{account.closest_s:.1f}" if account.tokens > 1 else "–",
        account.refused,
        ", ".join(account.alerts) or "–",
        len(verdict.lost),
        len(verdict.twice),
        "; ".join([*account.seen, f"{account.pops} of {account.calls} screen pops shown"]),
    ]
