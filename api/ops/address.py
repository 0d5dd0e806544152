"""Where the telephony platform finds this gateway, judged by how a browser found it."""

import ipaddress
from dataclasses import dataclass

from fastapi import Request

from api.ops.trial import PATH


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAddress:
    """The address, and what keeps a telephony platform elsewhere from using it; None when nothing is known to."""

    url: str
    caution: str | None


def webhook_address(request: Request) -> WebhookAddress:
    """From the request's own host, or the one that a proxy says it was sent to."""
    host = (request.headers.get("x-forwarded-host") or request.headers.get("host") or "").partition(",")[0].strip()
    scheme = request.url.scheme
    return WebhookAddress(url=f"{scheme}://{host or 'localhost'}{PATH}", caution=caution(scheme, host))


def caution(scheme: str, host: str) -> str | None:
    """`host` may have a port."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if _here(name):
        return (
            "This address leads to this machine only. Give the platform the public one of the proxy before the gateway."
        )
    if _private(name):
        return "This address is one of a private network. A platform outside needs the public one of your proxy."
    if scheme != "https":
        return "You came here without TLS. Over the internet send webhooks by https, to a proxy before the gateway."
    return None


def _here(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost") or not name


def _private(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_private
    except ValueError:
        return "." not in name or name.endswith((".local", ".internal", ".lan"))
