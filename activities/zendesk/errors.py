"""What can become of a request, in our words.

    VendorError
    ├── NotSent ............. we chose not to send: no free connection, or too little time
    ├── Unavailable ......... no usable answer
    │   ├── Unreachable ..... no connection was made, so nothing was sent
    │   ├── NoAnswer ........ sent, and no whole answer in time
    │   ├── ConnectionLost .. sent, and the connection broke before the whole answer
    │   ├── ServerFault ..... 5xx or 408
    │   └── MalformedAnswer . not the JSON object expected, or too large
    ├── RateLimited ......... 429
    ├── Unauthorized ........ 401
    ├── Forbidden ........... 403
    ├── NotFound ............ 404
    ├── Conflict ............ 409
    ├── Unprocessable ....... 422
    ├── BadRequest .......... 400
    └── Misconfigured ....... redirects, 405, 415, other 4xx, an address or header that cannot be sent

`str()` of each is safe to log. What the vendor wrote is in `vendor_text`, as it came: mask it before showing it.
"""


class VendorError(Exception):
    """A request that did not work. `status` is the HTTP status, if there was one."""

    sent = True
    """Whether the request, or a part of it, may have reached the vendor."""

    def __init__(self, message: str, *, status: int | None = None, vendor_text: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.vendor_text = vendor_text


class NotSent(VendorError):
    """Nothing left this process, by our own choice; trying again costs nothing."""

    sent = False


class Unavailable(VendorError):
    """There is no usable answer; the request may be tried again."""


class Unreachable(Unavailable):
    """No connection could be made, so the request was never sent."""

    sent = False


class NoAnswer(Unavailable):
    """The request went out and no whole answer came in time: what became of it is unknown."""


class ConnectionLost(Unavailable):
    """The connection broke after the request went out: what became of it is unknown."""


class ServerFault(Unavailable):
    """5xx or 408: what became of the request is unknown."""


class MalformedAnswer(Unavailable):
    """The answer is not the JSON object expected, or over the limit: what became of the request is unknown."""


class RateLimited(VendorError):
    """429. `retry_after_s` is what the vendor asked for, None when it did not say."""

    def __init__(self, message: str, *, retry_after_s: float | None = None, vendor_text: str = "") -> None:
        super().__init__(message, status=429, vendor_text=vendor_text)
        self.retry_after_s = retry_after_s


class Unauthorized(VendorError):
    """401: the credential is not accepted."""


class Forbidden(VendorError):
    """403: this credential may not do that."""


class NotFound(VendorError):
    """404: there is no such thing, or no such address."""


class Conflict(VendorError):
    """409: somebody else wrote first."""


class Unprocessable(VendorError):
    """422: the content is refused. `field` names the first field at fault, if the vendor named one."""

    def __init__(self, message: str, *, field: str | None = None, vendor_text: str = "") -> None:
        super().__init__(message, status=422, vendor_text=vendor_text)
        self.field = field


class BadRequest(VendorError):
    """400: the vendor does not understand the request (or knows its idempotency key with another body)."""


class Misconfigured(VendorError):
    """A redirect, 405, 415, another 4xx, or an unusable address: our settings or the vendor's API are wrong."""
