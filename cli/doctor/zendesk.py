"""Group *Zendesk*: whether it takes the token, and how much room its rate limit leaves."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

from activities.failures import detail_of
from activities.postgres.credential import CredentialStore
from activities.postgres.errors import StoreError
from activities.settings import WorkerSettings
from activities.zendesk.errors import Forbidden, RateLimited, Unauthorized, VendorError
from activities.zendesk.guide import find_by_external_id
from activities.zendesk.message import error_of
from api.checks.finding import Finding, fails, ok, skipped
from cli.doctor.asking import Vendor, ask
from cli.doctor.ground import Ground
from workflows.connection import UnknownKeyError

_PROBE = "talkbridge-doctor"
"""An external id that no ticket has."""
LEAST_ROOM = 0.1
SHARE = 0.8
"""Of the account's limit: others need it, too."""


async def check(ground: Ground) -> AsyncIterator[Finding]:
    """One search by an external id that no ticket has; nothing is written."""
    if ground.worker is None:
        yield skipped("request", ground.lacking["worker"])
        return
    settings, bearer = ground.worker, ground.bearer or await _stored(ground, ground.worker)
    if bearer is None:
        yield skipped("request", "there is no token to send with it")
        return
    request = find_by_external_id(_PROBE)
    try:
        answer = await ask(ground, Vendor("Zendesk", settings.zendesk_url, bearer), "find_by_external_id", request)
    except VendorError as error:
        yield _refused(error)
        return
    refused = error_of(answer, datetime.now(UTC))
    yield _refused(refused) if refused is not None else ok("request", "a search is answered")
    yield rate(answer.headers, settings.zendesk_requests_per_minute)


async def _stored(ground: Ground, settings: WorkerSettings) -> str | None:
    """The token that the workers use, if it can be had."""
    if ground.database is None or ground.keyring is None:
        return None
    store = CredentialStore(ground.database, encrypt=ground.keyring.encrypt, decrypt=ground.keyring.decrypt)
    try:
        stored = await store.read(settings.account)
    except (StoreError, UnknownKeyError, ValueError):
        return None
    return stored.token if stored is not None and stored.left_s > 0 else None


def _refused(error: VendorError) -> Finding:
    text = detail_of(error, "search")
    match error:
        case Unauthorized():
            mend = "nothing, while a worker runs: the next request renews it; `talkbridge doctor --exchange` tries one"
        case Forbidden():
            mend = "give the OAuth client's user the right to read tickets"
        case RateLimited():
            mend = "set ZENDESK_REQUESTS_PER_MINUTE below the account's limit"
        case _:
            mend = "is ZENDESK_URL the account's address, and can this machine reach it?"
    return fails("request", text, mend=mend)


def rate(headers: Mapping[str, str], ours: int | None) -> Finding:
    """The account's limit and what is left of this minute, beside ours. `headers` have names in lower case.

    https://developer.zendesk.com/api-reference/introduction/rate-limits/
    """
    limit, left = (_number(headers, name) for name in ("limit", "remaining"))
    own = (
        f"ZENDESK_REQUESTS_PER_MINUTE is {ours}" if ours else "ZENDESK_REQUESTS_PER_MINUTE is not set: no limit of ours"
    )
    if not limit:
        return ok("rate", f"{own}; Zendesk says nothing of its limit")
    wanted = max(1, int(limit * SHARE))
    mend = f"set ZENDESK_REQUESTS_PER_MINUTE={wanted} for every worker, and start them again"
    if ours and ours > limit:
        return fails("rate", f"{own}, the account allows {limit}", mend=mend)
    if left is not None and left < limit * LEAST_ROOM:
        return fails("rate", f"{left} of {limit} requests are left of this minute; {own}", mend=mend)
    return ok("rate", f"the account allows {limit} a minute{'' if left is None else f', {left} are left'}; {own}")


def _number(headers: Mapping[str, str], name: str) -> int | None:
    texts = [headers.get(f"{prefix}{name}", "") for prefix in ("ratelimit-", "x-rate-limit-")]
    # The limit itself once had no suffix.
    texts += [headers.get("x-rate-limit", "")] if name == "limit" else []
    return next((int(text) for text in texts if text.isascii() and text.isdigit()), None)
