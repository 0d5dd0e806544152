"""Whether webhooks were refused for their signature lately, by what this gateway remembers."""

from collections.abc import Mapping

from api.checks.finding import Finding, fails, ok
from api.signature import Verdict

LATELY_S = 3600.0
"""For so long it is told."""
FAILING_S = 600.0
"""For so long it is a failure, unless a signed webhook has followed."""
_MEND = {
    Verdict.WRONG: "give the telephony platform one of WEBHOOK_SECRETS, or set here what it signs with; the paste box "
    "on this page tells which secret a signature fits",
    Verdict.TOO_OLD: "set the clock that is wrong (group Clock); or does something hold webhooks back?",
}
_SAID = {Verdict.WRONG: "with a wrong signature", Verdict.TOO_OLD: "with a timestamp too far from now"}


def signatures(told: Mapping[str, tuple[int, float]], signed_at: float | None, now: float) -> Finding:
    """`told`: how often each verdict was given since the start, and when last, by the steady clock of `now`.

    `signed_at`: when, by that clock, a webhook was last genuine. A request without any signature is a stranger's:
    counted, and no failure. Neither is a refusal that is over.
    """
    lately = [verdict for verdict in _SAID if verdict in told and now - told[verdict][1] < LATELY_S]
    strangers = told.get(Verdict.MISSING, (0, 0.0))[0]
    beside = f"; {strangers} without a signature, as strangers send them" if strangers else ""
    if not lately:
        return ok("signatures", f"none was refused in the last hour{beside}")
    counted = ", ".join(_counted(verdict, told[verdict], now) for verdict in lately)
    text = f"refused since this gateway started: {counted}"
    standing = [verdict for verdict in lately if _stands(told[verdict][1], signed_at, now)]
    if standing:
        return fails("signatures", f"{text}{beside}", mend=_MEND[standing[0]])
    followed = signed_at is not None and all(told[verdict][1] <= signed_at for verdict in lately)
    return ok("signatures", f"{text}{'; signed ones have come since' if followed else ''}{beside}")


def _stands(refused_at: float, signed_at: float | None, now: float) -> bool:
    return now - refused_at < FAILING_S and (signed_at is None or signed_at < refused_at)


def _counted(verdict: Verdict, seen: tuple[int, float], now: float) -> str:
    count, last = seen
    minutes = int(max(0.0, now - last) // 60)
    return f"{count} {_SAID[verdict]}, the last {f'{minutes} min ago' if minutes else 'just now'}"
