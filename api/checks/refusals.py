"""Whether webhooks were refused for their signature lately, by what this gateway remembers."""

from collections.abc import Mapping

from api.checks.finding import Finding, fails, ok
from api.signature import Verdict

LATELY_S = 3600.0
_MEND = {
    Verdict.WRONG: "give the telephony platform one of WEBHOOK_SECRETS, or set here what it signs with; the paste box "
    "on this page tells which secret a signature fits",
    Verdict.TOO_OLD: "set the clock that is wrong (group Clock); or does something hold webhooks back?",
}
_SAID = {Verdict.WRONG: "with a wrong signature", Verdict.TOO_OLD: "with a timestamp too far from now"}


def signatures(told: Mapping[str, tuple[int, float]], now: float) -> Finding:
    """`told`: how often each verdict was given since the start, and when last, by the steady clock of `now`.

    A request without any signature is a stranger's: counted, and no failure.
    """
    lately = [verdict for verdict in _SAID if verdict in told and now - told[verdict][1] < LATELY_S]
    strangers = told.get(Verdict.MISSING, (0, 0.0))[0]
    beside = f"; {strangers} without a signature, as strangers send them" if strangers else ""
    if not lately:
        return ok("signatures", f"none was refused in the last hour{beside}")
    counted = ", ".join(_counted(verdict, told[verdict], now) for verdict in lately)
    return fails("signatures", f"refused since this gateway started: {counted}{beside}", mend=_MEND[lately[0]])


def _counted(verdict: Verdict, seen: tuple[int, float], now: float) -> str:
    count, last = seen
    return f"{count} {_SAID[verdict]}, the last {max(0.0, now - last) / 60:.0f} min ago"
