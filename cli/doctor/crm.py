"""Group *CRM*: whether the customer database takes our token."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from activities.failures import detail_of
from activities.zendesk.errors import Forbidden, NotFound, Unauthorized, VendorError
from activities.zendesk.message import Request, error_of
from api.checks.finding import Finding, fails, ok, skipped
from cli.doctor.asking import Vendor, ask
from cli.doctor.ground import Ground

_NOBODY = {"email": "talkbridge-doctor@example.com"}


async def check(ground: Ground) -> AsyncIterator[Finding]:
    """A question for a customer who does not exist: 404 is the right answer, and so is a record."""
    if ground.worker is None:
        yield skipped("request", ground.lacking["worker"])
        return
    settings, request = ground.worker, Request(method="GET", path="/customers", query=_NOBODY)
    token = settings.crm_token.get_secret_value()
    try:
        answer = await ask(ground, Vendor("the CRM", settings.crm_url, token), "fetch_customer", request)
    except VendorError as error:
        yield _refused(error)
        return
    refused = error_of(answer, datetime.now(UTC))
    if refused is None or isinstance(refused, NotFound):
        yield ok("request", f"answered {answer.status}, as it should be for a customer nobody knows")
    else:
        yield _refused(refused)


def _refused(error: VendorError) -> Finding:
    if isinstance(error, Unauthorized | Forbidden):
        mend = "set CRM_TOKEN to a bearer token that the CRM takes, and start the workers again"
    else:
        mend = "is CRM_URL right (`/customers` is appended), and can this machine reach it?"
    return fails("request", detail_of(error, "fetch_customer"), mend=mend)
