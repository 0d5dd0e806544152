"""Who sent this webhook: HMAC over the signature's timestamp and the raw body, compared as bytes in constant time.

https://developer.zendesk.com/documentation/webhooks/verifying/
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

SIGNATURE_HEADER = "X-Zendesk-Webhook-Signature"
TIMESTAMP_HEADER = "X-Zendesk-Webhook-Signature-Timestamp"


class Verdict(StrEnum):
    """What came of the check. The sender hears the same for every refusal; the log tells them apart."""

    GENUINE = "genuine"
    MISSING = "missing"
    WRONG = "wrong"
    TOO_OLD = "too_old"


def sign(secret: bytes, timestamp: bytes, body: bytes) -> bytes:
    """base64(HMAC-SHA256(secret, timestamp + body)); the secret is used as text, never base64-decoded."""
    return base64.b64encode(hmac.digest(secret, timestamp + body, hashlib.sha256))


def verify(
    secrets: Sequence[bytes],
    *,
    signature: bytes | None,
    timestamp: bytes | None,
    body: bytes,
    now: datetime,
    tolerance_s: int,
) -> Verdict:
    """Whether any secret signed this body, and within `tolerance_s` of `now`.

    Headers come as bytes: `compare_digest` raises for text that is not ASCII, and a header may be anything.
    """
    if not signature or not timestamp:
        return Verdict.MISSING
    genuine = False
    for secret in secrets:
        genuine |= hmac.compare_digest(sign(secret, timestamp, body), signature)
    if not genuine:
        return Verdict.WRONG
    signed_at = _moment(timestamp)
    if signed_at is None or abs(now - signed_at) > timedelta(seconds=tolerance_s):
        return Verdict.TOO_OLD
    return Verdict.GENUINE


def _moment(text: bytes) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.decode("ascii"))
    except ValueError:
        return None
    # Arithmetic with a zone at the calendar's edge overflows.
    return moment if moment.tzinfo is not None and 1970 <= moment.year <= 9000 else None
