"""Where the gateway is and what opens it: from the environment and `.env`, as the gateway itself reads them."""

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx2 as httpx
from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cli.errors import CliError

_START = "start it with `python -m api`, or name another one with --url (or API_HOST and API_PORT)"
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a gateway may listen on, and where to find it


class Door(BaseSettings):
    """What a client of the gateway needs; nothing is required until it is used."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True)

    api_host: str = "127.0.0.1"
    api_port: int = 8080
    webhook_secrets: Annotated[SecretStr | None, NoDecode] = None
    ops_token: SecretStr | None = None

    @property
    def url(self) -> str:
        """The gateway's address on this machine."""
        host = _EVERYWHERE.get(self.api_host, self.api_host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.api_port}"

    @property
    def webhook_secret(self) -> str:
        """The first of `WEBHOOK_SECRETS`. Raises `CliError` when there is none."""
        text = self.webhook_secrets.get_secret_value() if self.webhook_secrets else ""
        secrets = [secret.strip() for secret in text.split(",") if secret.strip()]
        if not secrets:
            raise CliError("WEBHOOK_SECRETS is not set: set it, here or in .env, to what the gateway has.")
        return secrets[0]

    @property
    def bearer(self) -> str:
        """The ops token. Raises `CliError` when there is none."""
        if self.ops_token is None:
            raise CliError("OPS_TOKEN is not set: set it, here or in .env, to what the gateway has.")
        return self.ops_token.get_secret_value()


def door() -> Door:
    """Read environment and `.env`. Raises `CliError`."""
    try:
        return Door()
    except ValidationError as error:
        names = ", ".join(str(each["loc"][0]).upper() for each in error.errors())
        raise CliError(f"{names} cannot be used: `talkbridge settings` says why.") from None


def address(url: str | None, settings: Door) -> str:
    """The address given, else the settings', without a final slash. Raises `CliError`."""
    chosen = (url or settings.url).rstrip("/")
    parts = urlsplit(chosen)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CliError(f"--url is {chosen}, which is not an address such as http://127.0.0.1:8080.")
    return chosen


def client(url: str, *, timeout_s: float = 10) -> httpx.Client:
    """An HTTP client for that gateway; for one on this machine it heeds no proxy."""
    return httpx.Client(base_url=url, timeout=timeout_s, trust_env=not _on_this_machine(url))


def ask(
    http: httpx.Client,
    method: str,
    path: str,
    bearer: str,
    *,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
    unknown: str | None = None,
) -> dict[str, Any]:
    """The gateway's answer to whoever shows the ops token. `unknown`: what a 404 does not know.

    Raises `CliError`, a sentence for each way to be refused.
    """
    url = str(http.base_url).rstrip("/")
    try:
        answer = http.request(method, path, params=query, json=body, headers={"Authorization": f"Bearer {bearer}"})
    except httpx.TransportError as error:
        raise out_of_reach(url, error) from error
    if answer.status_code == 401:
        raise CliError(f"{url} refused the ops token (401): OPS_TOKEN here is not the gateway's.")
    if answer.status_code == 404 and unknown is not None:
        raise CliError(f"No {unknown} is known at {url}.")
    if not answer.is_success:
        raise refusal(url, answer)
    told = answer.json()
    assert isinstance(told, dict)
    return told


def out_of_reach(url: str, error: Exception) -> CliError:
    """What to tell when there is no connection."""
    return CliError(f"Nothing answers at {url} ({type(error).__name__}): {_START}.")


def refusal(url: str, response: httpx.Response) -> CliError:
    """What to tell of an answer that is none of those expected."""
    return CliError(f"{url} answered {response.status_code}: {_explained(response)}")


def _explained(response: httpx.Response) -> str:
    """A problem document in words, else the beginning of the body."""
    try:
        document = response.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return response.text[:200] or "an empty body"
    told = [document.get("title"), document.get("detail")]
    return "; ".join(str(part) for part in told if part) or str(document)[:200]


def _on_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
