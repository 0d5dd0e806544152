"""The gateway's settings: one sentence for what is wrong, and no secret in it."""

import base64
from pathlib import Path

import pytest

from api.settings import GatewaySettings, SettingsError, documented, origin_of, temporal_environment

KEYS = "k1:" + base64.b64encode(b"0" * 32).decode()
GOOD = {
    "DATABASE_URL": "postgresql://user:planted-password@db/talkbridge",
    "ENCRYPTION_KEYS": KEYS,
    "WEBHOOK_SECRETS": "planted-secret, second",
    "OPS_TOKEN": "planted-token",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for setting in documented():
        monkeypatch.delenv(setting.name, raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


def test_defaults_and_secrets() -> None:
    """What need not be set has the design's default, and no secret shows."""
    settings = GatewaySettings.read()
    assert (settings.api_host, settings.api_port, settings.webhook_tolerance_s) == ("127.0.0.1", 8080, 300)
    assert settings.secrets == (b"planted-secret", b"second")
    assert list(settings.keyring.keys) == ["k1"]
    assert "planted" not in repr(settings) + str(settings)


@pytest.mark.parametrize("name", list(GOOD))
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_setting_is_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str, value: str | None) -> None:
    """It names the setting and says how to set it; empty is missing."""
    monkeypatch.delenv(name)
    if value is not None:
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        GatewaySettings.read()
    text = str(error.value)
    assert text.startswith(f"{name} is missing: set it in the environment or in .env to ")
    assert "\n" not in text
    assert "planted" not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://planted"),
        ("ENCRYPTION_KEYS", "k1:planted"),
        ("ENCRYPTION_KEYS", "planted"),
        ("WEBHOOK_SECRETS", " , "),
        ("OPS_TOKEN", "  "),
        ("OPS_TOKEN_READONLY", "  "),
        ("OPS_TOKEN_READONLY", GOOD["OPS_TOKEN"]),
        ("TICKET_URL", "https://planted.example/tickets"),
        ("TICKET_URL", "planted/{ticket_id}"),
        ("API_PORT", "planted"),
        ("API_PORT", "65536"),
        ("WEBHOOK_TOLERANCE_S", "0"),
        ("TEMPORAL_UI_URL", "planted"),
        ("PHONE_REGION", "planted"),
        ("LOG_FORMAT", "planted"),
    ],
)
def test_a_malformed_setting_is_one_sentence_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """What was set may be a secret in the wrong place."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        GatewaySettings.read()
    assert str(error.value).startswith(f"{name} cannot be used (")
    assert "planted" not in str(error.value)


def test_several_faults_are_named_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A newcomer learns of all of them at once."""
    for name in GOOD:
        monkeypatch.delenv(name)
    with pytest.raises(SettingsError, match="ENCRYPTION_KEYS, OPS_TOKEN, WEBHOOK_SECRETS as well"):
        GatewaySettings.read()


def test_dot_env_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """In development settings stand in a file, Temporal's own among them."""
    Path(".env").write_text("API_PORT=9999\nPHONE_REGION=us\nTEMPORAL_ADDRESS=t:1\nTEMPORAL_API_KEY=k\nUNKNOWN=1\n")
    monkeypatch.setenv("API_PORT", "8888")
    settings = GatewaySettings.read()
    assert (settings.api_port, settings.phone_region) == (8888, "US")
    assert temporal_environment({"TEMPORAL_ADDRESS": "t:2", "OTHER": "x"}) == {
        "TEMPORAL_ADDRESS": "t:2",
        "TEMPORAL_API_KEY": "k",
    }


def test_every_setting_is_documented() -> None:
    """Each has a meaning; what holds a secret says so."""
    settings = {setting.name: setting for setting in documented()}
    assert {field.upper() for field in GatewaySettings.model_fields} <= set(settings)
    assert all(setting.meaning for setting in settings.values())
    assert {name for name, setting in settings.items() if setting.secret} == {
        *GOOD,
        "OPS_TOKEN_READONLY",
        "TEMPORAL_API_KEY",
    }
    assert {name for name, setting in settings.items() if setting.default is None} == set(GOOD)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://localhost:8233/", "http://localhost:8233"),
        ("https://Temporal.Example.com:443/x", "https://temporal.example.com"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("ftp://example.com", None),
        ("http://", None),
        ("http://x:port", None),
    ],
)
def test_origins_are_written_as_browsers_do(url: str, origin: str | None) -> None:
    """Lower case, without a usual port or a path."""
    assert origin_of(url) == origin
