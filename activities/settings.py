"""What a worker needs to know before it starts: the environment read once, into one frozen value."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, DotEnvSettingsSource, NoDecode, SettingsConfigDict

from activities.postgres.address import require_address
from workflows.domain.call import CallPolicy
from workflows.domain.limits import PROPERTY_NAME


class SettingsError(Exception):
    """A setting is missing or malformed; the text is one sentence that names it and says how to set it."""


def _address(url: str) -> str:
    parts = _split(url)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise ValueError("it is not an http(s) address of a host")
    return url.rstrip("/")


def _webhook(url: SecretStr) -> SecretStr:
    # A chat's webhook carries its secret in path or query.
    _address(url.get_secret_value().partition("?")[0])
    return url


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # a port that is none raises here
    except ValueError:
        # Its text quotes a part of the address, and that may be a part of a secret.
        raise ValueError("it is not an address") from None
    return parts


def _database(url: SecretStr) -> SecretStr:
    require_address(url.get_secret_value())
    return url


def _keys(text: SecretStr) -> SecretStr:
    entries = [entry.strip().partition(":") for entry in text.get_secret_value().split(",") if entry.strip()]
    for position, (key_id, _, encoded) in enumerate(entries, start=1):
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not key_id or len(key) != 32:
            raise ValueError(f"entry {position} is not an id, a colon and 32 bytes in base64")
    if not entries or len({key_id for key_id, _, _ in entries}) < len(entries):
        raise ValueError("it needs at least one key, each with an id of its own")
    return text


def _properties(names: tuple[str, ...]) -> tuple[str, ...]:
    wrong = [name for name in names if not PROPERTY_NAME.fullmatch(name)]
    if wrong or not names:
        raise ValueError("each name is 1 to 64 letters, digits or underscores")
    return names


def _words(separator: str | None) -> BeforeValidator:
    def split(value: object) -> object:
        return tuple(w.strip() for w in value.split(separator) if w.strip()) if isinstance(value, str) else value

    return BeforeValidator(split)


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


Address = Annotated[str, AfterValidator(_address)]
Seconds = Annotated[int, Field(gt=0)]
Port = Annotated[int, Field(ge=1, le=65535)]

_OPTIONS = SettingsConfigDict(
    env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
)


class SharedSettings(BaseSettings):
    """What gateway, worker and `talkbridge setup` all need. Temporal's own variables are read by `connect`."""

    model_config = _OPTIONS

    database_url: Annotated[SecretStr, AfterValidator(_database)] = Field(
        description="PostgreSQL's address: `postgresql://user:password@host:5432/talkbridge`"
    )
    encryption_keys: Annotated[SecretStr, AfterValidator(_keys)] = Field(
        description="`id:base64 of 32 bytes`, comma-separated, newest first; make one with "
        "`echo k1:$(openssl rand -base64 32)`"
    )
    log_format: Literal["console", "json"] = Field("console", description="`console` or `json`")
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = Field(
        "INFO", description="`DEBUG`, `INFO`, `WARNING` or `ERROR`"
    )

    @classmethod
    def read(cls) -> Self:
        """The settings of this process' environment, and of `.env` where there is one. Raises `SettingsError`."""
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError(_sentence(error, cls.model_fields)) from None


class WorkerSettings(SharedSettings):
    """Everything a worker reads from its environment."""

    zendesk_api: Literal["guide"] = Field(description="Zendesk's dialect: `guide`")
    zendesk_url: Address = Field(description="the account, for instance `https://example.zendesk.com`")
    zendesk_client_id: str = Field(description="the OAuth client's identifier")
    zendesk_client_secret: SecretStr = Field(description="the OAuth client's secret")
    zendesk_scopes: Annotated[tuple[str, ...], NoDecode, _words(None), Field(min_length=1)] = Field(
        ("talk:read_all", "tickets:read_all", "tickets:write"), description="required scopes, space-separated"
    )
    zendesk_requests_per_minute: Annotated[int, Field(gt=0)] | None = Field(
        None, description="requests a minute, all workers together; unset: no limit of ours"
    )
    crm_url: Address = Field(description="the customer database; `/customers` is appended")
    crm_token: SecretStr = Field(description="the customer database's bearer token")
    screen_pop_properties: Annotated[tuple[str, ...], NoDecode, _words(","), AfterValidator(_properties)] = Field(
        ("crm_customer_id", "account_status", "last_ticket_date"),
        description="customer properties shown to the agent, comma-separated, most important first",
    )
    screen_pop_deadline_s: Seconds = Field(10, description="seconds after which a screen pop helps nobody")
    recent_ticket_window_s: Seconds = Field(300, description="seconds for which a caller's last ticket is used again")
    token_refresh_margin_s: Seconds = Field(300, description="seconds before its end at which the token is renewed")
    call_grace_s: Annotated[int, Field(ge=0)] = Field(5, description="seconds the final update waits for stragglers")
    call_linger_s: Annotated[int, Field(ge=0)] = Field(3600, description="seconds a finished call heeds late events")
    call_max_duration_s: Seconds = Field(14400, description="seconds after which a call without an end is closed")
    step_give_up_s: Seconds = Field(86400, description="seconds after which a step that does not work needs attention")
    ticket_status_after_call: Literal["new", "open", "pending", "hold", "solved"] = Field(
        "open", description="the ticket's status after its last call: `new`, `open`, `pending`, `hold` or `solved`"
    )
    http_timeout_s: Annotated[float, Field(gt=0, le=300)] = Field(10, description="seconds a request may take")
    alert_webhook_url: Annotated[SecretStr, AfterValidator(_webhook)] | None = Field(
        None, description="where alerts are posted; unset: logged only"
    )
    metrics_port: Port | None = Field(None, description="port of `/metrics`, one for each worker; unset: none")

    @property
    def account(self) -> str:
        """The Zendesk account's name in ids of ours."""
        return account_of(self.zendesk_url)

    def policy(self) -> CallPolicy:
        """The settings that shape a call."""
        return CallPolicy(
            screen_pop_properties=list(self.screen_pop_properties),
            screen_pop_deadline_s=self.screen_pop_deadline_s,
            grace_s=self.call_grace_s,
            linger_s=self.call_linger_s,
            max_duration_s=self.call_max_duration_s,
            give_up_s=self.step_give_up_s,
            http_timeout_s=self.http_timeout_s,
            recent_ticket_window_s=self.recent_ticket_window_s,
            status_after_call=self.ticket_status_after_call,
            account=self.account,
        )


def account_of(zendesk_url: str) -> str:
    """`https://example.zendesk.com` → `example`; elsewhere host and port: `127.0.0.1-8765`."""
    host = urlsplit(zendesk_url).netloc.lower()
    subdomain = re.fullmatch(r"([a-z0-9-]+)\.zendesk\.com", host)
    return subdomain[1] if subdomain else host.replace(":", "-")


def temporal_environment(environment: Mapping[str, str], prefix: str = "TEMPORAL_") -> dict[str, str]:
    """Temporal's standard variables, or those of another prefix, from `.env` and, first, the environment given."""
    source = DotEnvSettingsSource(SharedSettings, env_file=".env", case_sensitive=True, env_ignore_empty=True)
    both = {**source.env_vars, **environment}
    return {name: value for name, value in both.items() if name.startswith(prefix) and value}


class Process(StrEnum):
    """Who reads a setting."""

    BOTH = "both"
    WORKER = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting, for `docs/settings.md` and `.env.example`. `default` is None where a value must be given."""

    name: str
    default: str | None
    meaning: str
    process: Process
    secret: bool = False


_TEMPORAL = (
    ("TEMPORAL_ADDRESS", "localhost:7233", "Temporal's frontend, host and port", False),
    ("TEMPORAL_NAMESPACE", "default", "Temporal's namespace", False),
    ("TEMPORAL_API_KEY", "", "API key, for Temporal Cloud; switches TLS on", True),
    ("TEMPORAL_TLS", "", "`true` for a frontend that speaks TLS; Temporal's other standard variables work too", False),
)


def documented() -> Iterator[Setting]:
    """Every setting of a worker, those it shares with the gateway first; an empty default means unset."""
    for name, default, meaning, secret in _TEMPORAL:
        yield Setting(name=name, default=default, meaning=meaning, process=Process.BOTH, secret=secret)
    for name, field in WorkerSettings.model_fields.items():
        yield Setting(
            name=name.upper(),
            default=None if field.is_required() else _shown(name, field.default),
            meaning=field.description or "",
            process=Process.BOTH if name in SharedSettings.model_fields else Process.WORKER,
            secret="SecretStr" in str(field.annotation),
        )


def _shown(name: str, default: object) -> str:
    if isinstance(default, tuple):
        return (" " if name == "zendesk_scopes" else ",").join(default)
    return "" if default is None else str(default)


def _sentence(error: ValidationError, fields: dict[str, FieldInfo]) -> str:
    first, *others = error.errors(include_input=False, include_url=False)
    name = str(first["loc"][0]) if first["loc"] else "?"
    reason = "is missing" if first["type"] == "missing" else f"cannot be used ({_reason(first)})"
    meaning = fields[name].description if name in fields else None
    sentence = f"{name.upper()} {reason}: set it in the environment or in .env to {meaning or 'a usable value'}"
    names = sorted({str(each["loc"][0]).upper() for each in others if each["loc"]} - {name.upper()})
    return f"{sentence}; {', '.join(names)} as well." if names else f"{sentence}."


def _reason(problem: Any) -> str:  # noqa: ANN401 - pydantic's own record of an error
    return str(problem["msg"]).removeprefix("Value error, ")
