"""The worker's settings, from the environment to a frozen value."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from activities.settings import Process, SettingsError, WorkerSettings, account_of, documented

KEY = "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
LEAST = {
    "DATABASE_URL": "postgresql://u:hunter2@localhost:5432/talkbridge",
    "ENCRYPTION_KEYS": KEY,
    "ZENDESK_API": "guide",
    "ZENDESK_URL": "https://example.zendesk.com/",
    "ZENDESK_CLIENT_ID": "id",
    "ZENDESK_CLIENT_SECRET": "hunter2",
    "CRM_URL": "http://localhost:8001/crm",
    "CRM_TOKEN": "hunter2",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The least a worker needs, and no `.env`."""
    monkeypatch.chdir(tmp_path)
    for setting in documented():
        monkeypatch.delenv(setting.name, raising=False)
    for name, value in LEAST.items():
        monkeypatch.setenv(name, value)


def test_the_least_is_enough() -> None:
    """Everything else has the default of the contract; the value is frozen and shows no secret."""
    settings = WorkerSettings.read()
    assert settings.zendesk_url == "https://example.zendesk.com"
    assert settings.zendesk_scopes == ("talk:read_all", "tickets:read_all", "tickets:write")
    assert settings.zendesk_requests_per_minute is None
    policy = settings.policy()
    assert policy.screen_pop_properties == ["crm_customer_id", "account_status", "last_ticket_date"]
    assert (policy.grace_s, policy.linger_s, policy.max_duration_s, policy.give_up_s) == (5, 3600, 14400, 86400)
    assert (policy.http_timeout_s, policy.status_after_call, policy.account) == (10, "open", "example")
    assert "hunter2" not in repr(settings)
    with pytest.raises(ValidationError):
        settings.log_level = "DEBUG"


def test_lists_are_read_by_their_separators(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scopes are separated by spaces, properties by commas; an empty value is as good as none."""
    monkeypatch.setenv("ZENDESK_SCOPES", " tickets:write  a:b ")
    monkeypatch.setenv("SCREEN_POP_PROPERTIES", "a, b_2,")
    monkeypatch.setenv("METRICS_PORT", "")
    settings = WorkerSettings.read()
    assert settings.zendesk_scopes == ("tickets:write", "a:b")
    assert settings.screen_pop_properties == ("a", "b_2")
    assert settings.metrics_port is None


def test_an_env_file_serves_development(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env` fills in what the environment lacks, and loses against it."""
    monkeypatch.delenv("CRM_TOKEN")
    (tmp_path / ".env").write_text("CRM_TOKEN=from-file\nZENDESK_CLIENT_ID=from-file\nUNKNOWN=1\n")
    settings = WorkerSettings.read()
    assert settings.crm_token.get_secret_value() == "from-file"
    assert settings.zendesk_client_id == "id"


@pytest.mark.parametrize("name", LEAST)
def test_a_missing_setting_is_named_in_one_sentence(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence begins with the setting's name and says how to set it."""
    monkeypatch.delenv(name)
    with pytest.raises(SettingsError) as caught:
        WorkerSettings.read()
    sentence = str(caught.value)
    assert sentence.startswith(f"{name} is missing: set it in the environment or in .env to ")
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("ENCRYPTION_KEYS", "k1:hunter2"),
        ("ENCRYPTION_KEYS", f"{KEY},{KEY}"),
        ("ENCRYPTION_KEYS", ","),
        ("ZENDESK_API", "other"),
        ("ZENDESK_URL", "example.zendesk.com"),
        ("ZENDESK_URL", "https://u:hunter2@example.com"),
        ("ZENDESK_URL", "https://example.com:port"),
        ("ZENDESK_REQUESTS_PER_MINUTE", "0"),
        ("SCREEN_POP_PROPERTIES", "a-b"),
        ("SCREEN_POP_PROPERTIES", ","),
        ("ZENDESK_SCOPES", " "),
        ("HTTP_TIMEOUT_S", "0"),
        ("CALL_GRACE_S", "-1"),
        ("TICKET_STATUS_AFTER_CALL", "closed"),
        ("LOG_LEVEL", "LOUD"),
        ("METRICS_PORT", "70000"),
        ("ALERT_WEBHOOK_URL", "hunter2"),
    ],
)
def test_a_malformed_setting_is_named_and_not_shown(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the setting and what is wrong with it, never its value."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=rf"^{name} cannot be used \(.+\): set it .+\.$") as caught:
        WorkerSettings.read()
    assert "hunter2" not in str(caught.value)


def test_several_problems_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is explained, the others are named."""
    monkeypatch.delenv("ZENDESK_URL")
    monkeypatch.setenv("HTTP_TIMEOUT_S", "x")
    with pytest.raises(SettingsError, match=r"^ZENDESK_URL is missing: .*; HTTP_TIMEOUT_S as well\.$"):
        WorkerSettings.read()


@pytest.mark.parametrize(
    ("url", "account"),
    [
        ("https://example.zendesk.com", "example"),
        ("https://Example.Zendesk.com/", "example"),
        ("http://127.0.0.1:8765", "127.0.0.1-8765"),
        ("https://a.b.zendesk.com", "a.b.zendesk.com"),
    ],
)
def test_an_account_has_a_name(url: str, account: str) -> None:
    """The subdomain at Zendesk, host and port elsewhere."""
    assert account_of(url) == account


def test_every_setting_is_documented() -> None:
    """Each has a meaning, its process, and a default that the settings accept; secrets are marked."""
    settings = {setting.name: setting for setting in documented()}
    assert all(setting.meaning for setting in settings.values())
    assert {name for name, setting in settings.items() if setting.default is None} == set(LEAST)
    assert settings["DATABASE_URL"].process == Process.BOTH
    assert settings["ZENDESK_URL"].process == Process.WORKER
    secret = {name for name, setting in settings.items() if setting.secret}
    assert secret == {
        *("ALERT_WEBHOOK_URL", "CRM_TOKEN", "DATABASE_URL", "ENCRYPTION_KEYS", "TEMPORAL_API_KEY"),
        "ZENDESK_CLIENT_SECRET",
    }


def test_the_documented_defaults_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting every default by hand changes nothing."""
    before = WorkerSettings.read()
    for setting in documented():
        if setting.default is not None:
            monkeypatch.setenv(setting.name, setting.default)
    assert WorkerSettings.read() == before
