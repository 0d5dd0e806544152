"""`talkbridge settings`: what is set and where, without a secret; and what is missing."""

from pathlib import Path

import pytest

from cli.known_settings import known
from cli.settings import HIDDEN, settings, shown, where

KNOWN = {each.name: each for each in known()}
KEY = "k1:" + "A" * 43 + "="
GATEWAY = {
    "DATABASE_URL": "postgresql://me:hush-database@db:5432/talkbridge?sslpassword=hush-parameter",
    "ENCRYPTION_KEYS": KEY,
    "WEBHOOK_SECRETS": "hush-webhook",
    "OPS_TOKEN": "hush-ops",
}


@pytest.fixture(autouse=True)
def _away_from_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of the person who runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in KNOWN:
        monkeypatch.delenv(name, raising=False)


def test_what_is_missing_is_named_with_how_to_set_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Code 1, and one sentence for each setting."""
    with pytest.raises(SystemExit) as ended:
        settings()
    assert ended.value.code == 1
    printed = capsys.readouterr().out
    needed = [each.name for each in KNOWN.values() if each.default is None]
    assert [name for name in needed if f"✗ {name} is missing: set it" not in printed] == []
    assert "WEBHOOK_TOLERANCE_S is missing" not in printed


def test_one_process_alone_can_be_complete(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What only the worker needs is not asked of a gateway's host, and no secret is printed."""
    for name, value in GATEWAY.items():
        monkeypatch.setenv(name, value)
    Path(".env").write_text("API_PORT=9\nOPS_TOKEN=from-the-file\n")
    settings(only="gateway")
    printed = capsys.readouterr().out
    assert "Everything needed is set." in printed
    assert "hush" not in printed
    assert "from-the-file" not in printed
    assert "AAAA" not in printed
    assert f"postgresql://me:{HIDDEN}@db:5432/talkbridge" in printed
    assert "ZENDESK_URL" not in printed


def test_what_cannot_be_used_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A malformed value is a reason, not an echo."""
    for name, value in (GATEWAY | {"DATABASE_URL": "mysql://hush-too@db"}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match="1"):
        settings(only="gateway")
    printed = capsys.readouterr().out
    assert "✗ DATABASE_URL cannot be used" in printed
    assert "hush" not in printed


def test_the_environment_wins_over_the_file() -> None:
    """As for the processes; empty values count as not set, and names may be in lower case."""
    port = KNOWN["API_PORT"]
    assert where(port, {"api_port": "1"}, {"API_PORT": "2"}) == ("1", "environment")
    assert where(port, {"API_PORT": ""}, {"API_PORT": "2"}) == ("2", ".env")
    assert where(port, {}, {}) == ("8080", "default")
    assert where(KNOWN["OPS_TOKEN"], {}, {}) == ("", "missing")
    assert where(KNOWN["PHONE_REGION"], {}, {}) == ("", "not set")


@pytest.mark.parametrize(
    ("name", "value", "printed"),
    [
        ("ENCRYPTION_KEYS", f"{KEY},k0:{'B' * 43}=", f"k1:{HIDDEN}, k0:{HIDDEN}"),
        ("ENCRYPTION_KEYS", "hush", HIDDEN),
        ("DATABASE_URL", "host=db password=hush", HIDDEN),
        ("DATABASE_URL", "postgresql://db/talkbridge", "postgresql://db/talkbridge"),
        ("ZENDESK_CLIENT_SECRET", "hush", HIDDEN),
        ("ZENDESK_CLIENT_ID", "talkbridge", "talkbridge"),
    ],
)
def test_of_a_secret_only_what_is_none_is_shown(name: str, value: str, printed: str) -> None:
    """Key ids, server and database may be seen; keys and passwords never."""
    assert shown(KNOWN[name], value) == printed


def test_every_setting_with_a_secret_in_it_is_masked() -> None:
    """The list of secrets is this one."""
    assert {name for name, each in KNOWN.items() if each.secret} == {
        *("DATABASE_URL", "ENCRYPTION_KEYS", "WEBHOOK_SECRETS", "OPS_TOKEN", "ZENDESK_CLIENT_SECRET"),
        *("CRM_TOKEN", "ALERT_WEBHOOK_URL", "TEMPORAL_API_KEY", "OPS_TOKEN_READONLY", "OTEL_EXPORTER_OTLP_HEADERS"),
    }
