"""The gateway's settings: read once from the environment (and `.env`), typed, secrets masked."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlsplit

import phonenumbers
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, NoDecode, SettingsConfigDict

from workflows.connection import Keyring

DOT_ENV = ".env"


class SettingsError(Exception):
    """A setting is missing or malformed; the text is one sentence a setting, names it and says how to set it."""


class Documented(NamedTuple):
    """A setting as `docs/settings.md` and `.env.example` show it. `default` is None for what has to be set."""

    name: str
    default: str | None
    meaning: str
    example: str
    secret: bool


def _example(text: str) -> dict[str, Any]:
    return {"example": text}


def _parts(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _not_empty(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().strip():
        raise ValueError("it is empty")
    return value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


Secret = Annotated[SecretStr, AfterValidator(_not_empty)]


class Settings(BaseSettings):
    """Everything the gateway can be told. Names are the environment's, in lower case."""

    model_config = SettingsConfigDict(
        env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    temporal_address: str = Field(
        default="localhost:7233",
        description="Where Temporal is, `host:port`. Temporal's other standard variables (TLS, API key) are read too.",
        json_schema_extra=_example("localhost:7233"),
    )
    temporal_namespace: str = Field(
        default="default", description="Temporal's namespace.", json_schema_extra=_example("default")
    )
    database_url: Secret = Field(
        description="PostgreSQL with the ledger.",
        json_schema_extra=_example("postgresql://talkbridge:password@localhost:5432/talkbridge"),
    )
    encryption_keys: Secret = Field(
        description="Keys for everything stored, `id:base64 of 32 bytes`, comma-separated, newest first.",
        json_schema_extra=_example("k1:<output of `openssl rand -base64 32`>"),
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="How log lines look: `console` or `json`.", json_schema_extra=_example("json")
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = Field(
        default="INFO",
        description="The least severe log lines shown: DEBUG, INFO, WARNING or ERROR.",
        json_schema_extra=_example("INFO"),
    )
    api_host: str = Field(
        default="127.0.0.1", description="Address the gateway listens on.", json_schema_extra=_example("127.0.0.1")
    )
    api_port: int = Field(
        default=8080, ge=0, le=65535, description="Port the gateway listens on.", json_schema_extra=_example("8080")
    )
    webhook_secrets: Annotated[tuple[Secret, ...], NoDecode, BeforeValidator(_parts)] = Field(
        min_length=1,
        description="Secrets that may have signed a webhook, comma-separated, each used as the text it is.",
        json_schema_extra=_example("<output of `openssl rand -base64 32`>"),
    )
    webhook_tolerance_s: int = Field(
        default=300,
        ge=1,
        description="How many seconds a signature's timestamp may be away from now.",
        json_schema_extra=_example("300"),
    )
    ops_token: Secret = Field(
        description="What operations show to see calls: `Authorization: Bearer` or the sign-in form of /ops.",
        json_schema_extra=_example("<output of `openssl rand -hex 24`>"),
    )
    temporal_ui_url: str | None = Field(
        default=None,
        description="Address of the Temporal UI: for links, and the one origin that may ask /codec/decode.",
        json_schema_extra=_example("http://localhost:8233"),
    )
    phone_region: Annotated[str, BeforeValidator(_upper)] | None = Field(
        default=None,
        description="Two letters of the country whose national phone numbers are understood; unset: only `+` numbers.",
        json_schema_extra=_example("US"),
    )

    @field_validator("encryption_keys")
    @classmethod
    def _keys_can_be_read(cls, value: SecretStr) -> SecretStr:
        Keyring.parse(value.get_secret_value())
        return value

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr) -> SecretStr:
        if not re.match(r"postgres(ql)?://|\w+\s*=", value.get_secret_value()):
            raise ValueError("it is not a PostgreSQL address")
        return value

    @field_validator("temporal_ui_url")
    @classmethod
    def _is_web_address(cls, value: str | None) -> str | None:
        if value is not None and origin_of(value) is None:
            raise ValueError("it is not an http or https address")
        return value

    @field_validator("phone_region")
    @classmethod
    def _is_region(cls, value: str | None) -> str | None:
        if value is not None and value not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError("it is not a country's two letters")
        return value

    @property
    def keyring(self) -> Keyring:
        """The keys of `ENCRYPTION_KEYS`."""
        return Keyring.parse(self.encryption_keys.get_secret_value())

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """The webhook secrets as the bytes that sign."""
        return tuple(secret.get_secret_value().encode() for secret in self.webhook_secrets)

    @property
    def temporal_ui_origin(self) -> str | None:
        """Scheme, host and port of `TEMPORAL_UI_URL`, as a browser sends them in `Origin`."""
        return origin_of(self.temporal_ui_url) if self.temporal_ui_url else None


def origin_of(url: str) -> str | None:
    """The origin of an http(s) address; None for anything else."""
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


def load(dot_env: str | None = DOT_ENV) -> Settings:
    """Read environment and `.env`; the environment wins. Raises `SettingsError`."""
    try:
        return Settings(_env_file=dot_env)
    except ValidationError as error:
        problems = [_sentence(each["loc"], each["type"], each["msg"]) for each in error.errors(include_input=False)]
        raise SettingsError("\n".join(dict.fromkeys(problems))) from None


def temporal_environment(environment: Mapping[str, str], dot_env: str | None = DOT_ENV) -> dict[str, str]:
    """Temporal's standard variables (`TEMPORAL_*`), from `.env` and, first, the environment given."""
    source = DotEnvSettingsSource(Settings, env_file=dot_env, case_sensitive=True, env_ignore_empty=True)
    both = {**source.env_vars, **environment}
    return {name: value for name, value in both.items() if name.startswith("TEMPORAL_") and value}


def documented() -> Iterator[Documented]:
    """Every setting of the gateway, in the order of this file."""
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict)
        default = None if field.is_required() else "" if field.default is None else str(field.default)
        secret = name in ("database_url", "encryption_keys", "webhook_secrets", "ops_token")
        yield Documented(name.upper(), default, field.description or "", str(extra["example"]), secret)


def _sentence(location: tuple[int | str, ...], kind: str, message: str) -> str:
    name = str(location[0]).upper()
    setting = next(each for each in documented() if each.name == name)
    how = f"set it in the environment or in {DOT_ENV}, for instance {name}={setting.example}"
    if kind == "missing":
        return f"{name} is not set: {how}"
    return f"{name} cannot be used ({message.removeprefix('Value error, ')}): {how}"
