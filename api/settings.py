"""What the gateway needs to know before it starts: the environment read once, into one frozen value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import phonenumbers
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, NoDecode, SettingsConfigDict

from activities.postgres.address import require_address
from workflows.connection import Keyring

DOT_ENV = ".env"


class SettingsError(Exception):
    """A setting is missing or malformed; the text is one sentence that names it and says how to set it."""


def origin_of(url: str) -> str | None:
    """The origin of an http(s) address, as a browser sends it; None for anything else."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    host = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")


def _address(url: str) -> str:
    if origin_of(url) is None:
        raise ValueError("it is not an http(s) address of a host")
    return url.rstrip("/")


def _database(url: SecretStr) -> SecretStr:
    require_address(url.get_secret_value())
    return url


def _keys(text: SecretStr) -> SecretStr:
    Keyring.parse(text.get_secret_value())
    return text


def _region(region: str) -> str:
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("it is not the two letters of a country")
    return region


def _not_blank(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise ValueError("it is empty")
    return secret


def _ticket_address(url: str) -> str:
    if origin_of(url) is None or "{ticket_id}" not in url:
        raise ValueError("it is not an http(s) address with `{ticket_id}` in it")
    return url


def _parts(value: object) -> object:
    return tuple(p.strip() for p in value.split(",") if p.strip()) if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


class GatewaySettings(BaseSettings):
    """Everything the gateway reads from its environment. Temporal's own variables are read by `connect`."""

    model_config = SettingsConfigDict(
        env_file=DOT_ENV, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

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
    api_host: str = Field("127.0.0.1", description="address the gateway listens on")
    api_port: Annotated[int, Field(ge=0, le=65535)] = Field(8080, description="port the gateway listens on")
    webhook_secrets: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_parts), Field(min_length=1)] = Field(
        description="secrets that may have signed a webhook, comma-separated, each used as the text it is; make one "
        "with `openssl rand -base64 32`"
    )
    webhook_tolerance_s: Annotated[int, Field(gt=0)] = Field(
        300, description="seconds a signature's timestamp may be away from now"
    )
    ops_token: Annotated[SecretStr, AfterValidator(_not_blank)] = Field(
        description="what operations show to see calls, as a bearer token or in the sign-in form of `/ops`; make one "
        "with `openssl rand -hex 24`"
    )
    ops_token_readonly: Annotated[SecretStr, AfterValidator(_not_blank)] | None = Field(
        None,
        description="what those show who may see calls and not mend them, where `OPS_TOKEN` is asked for; another than "
        "`OPS_TOKEN`; unset: nobody",
    )
    temporal_ui_url: Annotated[str, AfterValidator(_address)] | None = Field(
        None, description="the Temporal UI, for links; the only origin that may ask `/codec/decode`; unset: none"
    )
    ticket_url: Annotated[str, AfterValidator(_ticket_address)] | None = Field(
        None,
        description="a ticket's page, for links, with `{ticket_id}` where its number goes: "
        "`https://example.zendesk.com/agent/tickets/{ticket_id}`; unset: plain numbers",
    )
    phone_region: Annotated[str, BeforeValidator(_upper), AfterValidator(_region)] | None = Field(
        None, description="two letters of the country whose national numbers are understood; unset: only `+` numbers"
    )

    @field_validator("ops_token_readonly")
    @classmethod
    def _is_another(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        operators = info.data.get("ops_token")
        if token is not None and operators is not None and token.get_secret_value() == operators.get_secret_value():
            raise ValueError("it is the same as OPS_TOKEN")
        return token

    @classmethod
    def read(cls) -> Self:
        """The settings of this process' environment, and of `.env` where there is one. Raises `SettingsError`."""
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError(_sentence(error)) from None

    @property
    def keyring(self) -> Keyring:
        """The keys of `ENCRYPTION_KEYS`."""
        return Keyring.parse(self.encryption_keys.get_secret_value())

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """The webhook secrets as the bytes that sign."""
        return tuple(secret.get_secret_value().encode() for secret in self.webhook_secrets)

    @property
    def readonly_token(self) -> str | None:
        """The token of those who only look."""
        return self.ops_token_readonly.get_secret_value() if self.ops_token_readonly else None

    @property
    def temporal_ui_origin(self) -> str | None:
        """Scheme, host and port of `TEMPORAL_UI_URL`."""
        return origin_of(self.temporal_ui_url) if self.temporal_ui_url else None


def temporal_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Temporal's standard variables (`TEMPORAL_*`), from `.env` and, first, the environment given."""
    source = DotEnvSettingsSource(GatewaySettings, env_file=DOT_ENV, case_sensitive=True, env_ignore_empty=True)
    both = {**source.env_vars, **environment}
    return {name: value for name, value in both.items() if name.startswith("TEMPORAL_") and value}


class Process(StrEnum):
    """Who reads a setting."""

    BOTH = "both"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting, for `docs/settings.md` and `.env.example`. `default` is None where a value must be given."""

    name: str
    default: str | None
    meaning: str
    process: Process
    secret: bool = False


_SHARED = ("database_url", "encryption_keys", "log_format", "log_level")
_TEMPORAL = (
    ("TEMPORAL_ADDRESS", "localhost:7233", "Temporal's frontend, host and port", False),
    ("TEMPORAL_NAMESPACE", "default", "Temporal's namespace", False),
    ("TEMPORAL_API_KEY", "", "API key, for Temporal Cloud; switches TLS on", True),
    ("TEMPORAL_TLS", "", "`true` for a frontend that speaks TLS; Temporal's other standard variables work too", False),
)


def documented() -> Iterator[Setting]:
    """Every setting of the gateway, those it shares with the worker first; an empty default means unset."""
    for name, default, meaning, secret in _TEMPORAL:
        yield Setting(name=name, default=default, meaning=meaning, process=Process.BOTH, secret=secret)
    for name, field in GatewaySettings.model_fields.items():
        yield Setting(
            name=name.upper(),
            default=None if field.is_required() else "" if field.default is None else str(field.default),
            meaning=field.description or "",
            process=Process.BOTH if name in _SHARED else Process.GATEWAY,
            secret="SecretStr" in str(field.annotation),
        )


def _sentence(error: ValidationError) -> str:
    first, *others = error.errors(include_input=False, include_url=False)
    name = str(first["loc"][0])
    reason = "is missing" if first["type"] == "missing" else f"cannot be used ({_reason(first)})"
    meaning = GatewaySettings.model_fields[name].description
    sentence = f"{name.upper()} {reason}: set it in the environment or in {DOT_ENV} to {meaning}"
    names = sorted({str(each["loc"][0]).upper() for each in others} - {name.upper()})
    return f"{sentence}; {', '.join(names)} as well." if names else f"{sentence}."


def _reason(problem: Any) -> str:  # noqa: ANN401 - pydantic's own record of an error
    return str(problem["msg"]).removeprefix("Value error, ")
