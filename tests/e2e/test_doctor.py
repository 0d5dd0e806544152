"""The doctor against planted faults: each is found, nothing else is, and what it tells to type mends it."""

import asyncio
import secrets
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cli.doctor.examine import examine
from cli.doctor.settings import ground_of
from tests.e2e.doctor_kit import a_key, another_database, doctor, execute, mended, register, running, talkbridge
from tests.e2e.stack import OPS_TOKEN, SECRET, Stack, eventually


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running system in which all is well."""
    with Stack(folder=tmp_path_factory.mktemp("house")) as stack:
        asyncio.run(stack.set_up())
        stack.start_gateway()
        stack.start_workers(1)
        yield stack


def test_a_sound_system_has_no_failure(house: Stack) -> None:
    """Code 0; every group has something to say, and the webhook that was tried left no call."""
    found = doctor(house, "--exchange")
    assert found.failures == {}
    assert found.code == 0
    groups = {each["group"] for each in found.checks if each["state"] == "ok"}
    assert groups == {"Settings", "Database", "Temporal", "Token", "Zendesk", "CRM", "Gateway", "Clock"}
    assert {each["name"] for each in found.checks if each["group"] == "Clock"} == {
        *("PostgreSQL", "Zendesk", "the CRM", "the gateway")
    }
    assert house.http.get(_gateway(house, "/calls"), headers=_bearer()).json()["calls"] == []


def test_nothing_is_asked_offline(house: Stack) -> None:
    """Settings are looked at, everything else says why not."""
    found = doctor(house, "--offline", TEMPORAL_ADDRESS="127.0.0.1:1", DATABASE_URL="postgresql://u:p@127.0.0.1:1/x")
    assert found.code == 0
    assert {each["group"] for each in found.checks if each["state"] == "ok"} == {"Settings"}


@pytest.mark.parametrize(
    ("flags", "settings", "failure"),
    [
        ((), {"CRM_TOKEN": None}, "Settings/CRM_TOKEN"),
        ((), {"ENCRYPTION_KEYS": "k1:short"}, "Settings/ENCRYPTION_KEYS"),
        ((), {"ENCRYPTION_KEYS": a_key("k9")}, "Database/keys"),
        ((), {"ENCRYPTION_KEYS": a_key("k1")}, "Database/keys"),
        ((), {"DATABASE_URL": "postgresql://u:hidden@127.0.0.1:1/x"}, "Database/reachable"),
        ((), {"TEMPORAL_ADDRESS": "127.0.0.1:1"}, "Temporal/reachable"),
        ((), {"TEMPORAL_NAMESPACE": "nowhere"}, "Temporal/namespace"),
        (("--exchange",), {"ZENDESK_CLIENT_SECRET": "another-client-secret"}, "Token/exchange"),
        ((), {"CRM_TOKEN": "another-crm-token"}, "CRM/request"),
        ((), {"CRM_URL": "http://127.0.0.1:1"}, "CRM/request"),
        ((), {"WEBHOOK_SECRETS": "another-webhook-secret"}, "Gateway/webhook"),
        ((), {"WEBHOOK_SECRETS": f"{SECRET},another-webhook-secret"}, "Gateway/webhook, secret 2"),
        ((), {"OPS_TOKEN": "another-ops-token"}, "Gateway/ops token"),
        ((), {"API_PORT": "1"}, "Gateway/healthz"),
    ],
)
def test_a_planted_fault_is_found(
    house: Stack, flags: tuple[str, ...], settings: dict[str, str | None], failure: str
) -> None:
    """It fails and says what to do; no other check cries out."""
    found = doctor(house, *flags, **settings)
    assert list(found.failures) == [failure]
    assert found.code == 1
    assert found.failures[failure]["command"] or found.failures[failure]["mend"]


def test_each_process_may_be_alone_on_its_machine(house: Stack) -> None:
    """With the other's settings gone nothing fails: what needs them is skipped and says so."""
    zendesk = ("API", "URL", "CLIENT_ID", "CLIENT_SECRET")
    for only, gone in (
        ("gateway", [*(f"ZENDESK_{name}" for name in zendesk), "CRM_URL", "CRM_TOKEN"]),
        ("worker", ["WEBHOOK_SECRETS", "OPS_TOKEN", "API_PORT"]),
    ):
        found = doctor(house, "--only", only, **dict.fromkeys(gone))
        assert found.failures == {}
        assert found.code == 0
        assert any("--only" in each["text"] or "elsewhere" in each["text"] for each in found.checks)


async def test_a_wrong_clock_is_found(house: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes are seen against each clock that answers, and explain why the gateway refuses signatures."""
    for name, value in house.environment.items():
        monkeypatch.setenv(name, value)
    ground = ground_of("all", None)
    ground.now = lambda: datetime.now(UTC) + timedelta(minutes=10)
    sections = {section.title: section.findings async for section in examine(ground)}
    assert {each.state for each in sections["Clock"]} == {"fails"}
    assert all("behind this machine" in each.text for each in sections["Clock"])
    assert all(each.command == "sudo timedatectl set-ntp true" for each in sections["Clock"])
    assert "Gateway" in sections


def test_too_few_scopes_are_found(house: Stack) -> None:
    """Those that are missing are named; once granted, all is well."""
    before = house.sim("GET", "/settings")["granted_scopes"]
    house.sim("PATCH", "/settings", {"granted_scopes": "tickets:read_all"})
    found = doctor(house, "--exchange")
    house.sim("PATCH", "/settings", {"granted_scopes": " ".join(before)})
    assert list(found.failures) == ["Token/scopes granted"]
    assert "talk:read_all tickets:write" in found.failures["Token/scopes granted"]["text"]
    assert doctor(house, "--exchange").failures == {}


def test_setup_mends_a_database(house: Stack) -> None:
    """An empty one, then one of the release before, then one whose identity key was never made."""
    url = another_database(house)
    _mended_by_setup(house, url, "Database/schema")
    execute(url, "DROP TABLE mends; DROP INDEX calls_by_time; DELETE FROM schema_version WHERE version >= 3")
    _mended_by_setup(house, url, "Database/schema")
    execute(url, "DELETE FROM secrets")
    _mended_by_setup(house, url, "Database/keys")


def _mended_by_setup(stack: Stack, url: str, name: str) -> None:
    failures = doctor(stack, DATABASE_URL=url).failures
    assert list(failures) == [name]
    assert failures[name]["command"] == "talkbridge setup"
    mended(stack, failures[name], DATABASE_URL=url)
    assert doctor(stack, DATABASE_URL=url).failures == {}


def test_a_missing_setting_is_made_by_what_is_printed(house: Stack) -> None:
    """The line for a shell writes `.env`, and then the setting is there."""
    dot_env = house.folder / ".env"
    try:
        for name in ("ENCRYPTION_KEYS", "WEBHOOK_SECRETS", "OPS_TOKEN", "ZENDESK_API"):
            failure = doctor(house, "--offline", **{name: None}).failures[f"Settings/{name}"]
            subprocess.run(["bash", "-c", failure["command"]], cwd=house.folder, check=True)
            assert doctor(house, "--offline", **{name: None}).failures == {}
    finally:
        dot_env.unlink()


def test_setup_and_a_worker_mend_a_namespace(house: Stack) -> None:
    """A namespace that forgets after a day and has no search attributes; then a house without a worker."""
    name = f"spoilt-{secrets.token_hex(4)}"
    asyncio.run(register(house, name, days=1))
    failures = doctor(house, TEMPORAL_NAMESPACE=name).failures
    assert {"Temporal/retention", "Temporal/search attributes"} < set(failures)
    mended(house, failures["Temporal/retention"], TEMPORAL_NAMESPACE=name)

    failures = doctor(house, TEMPORAL_NAMESPACE=name).failures
    assert set(failures) == {f"Temporal/queue {queue}" for queue in ("calls", "zendesk", "crm", "token")}
    assert {failure["command"] for failure in failures.values()} == {"python worker.py"}
    worker = house.start_worker(TEMPORAL_NAMESPACE=name)
    house.until_log(f"worker-{len(house.workers)}", "worker serves")
    eventually(lambda: doctor(house, TEMPORAL_NAMESPACE=name).failures == {})
    worker.kill()
    # Temporal still remembers it; nobody answers all the same.
    failures = doctor(house, TEMPORAL_NAMESPACE=name).failures
    assert failures["Token/token workflow"]["command"] == "python worker.py"


def test_the_servers_it_names_are_there_once_started(house: Stack) -> None:
    """Neither Temporal nor PostgreSQL: one command starts both, `setup` prepares them."""
    gone: dict[str, str | None] = {"TEMPORAL_ADDRESS": "127.0.0.1:1", "DATABASE_URL": "postgresql://u@127.0.0.1:1/x"}
    failures = doctor(house, **gone).failures
    assert set(failures) == {"Temporal/reachable", "Database/reachable"}
    (command,) = {failure["command"] for failure in failures.values()}
    with running(house, command) as printed:
        failures = doctor(house, **printed).failures
        assert not {name for name in failures if name.endswith("/reachable")}
        mended(house, failures["Database/schema"], **printed)
        left = set(doctor(house, **printed).failures)
        assert left == {f"Temporal/queue {queue}" for queue in ("calls", "zendesk", "crm", "token")}


def test_bad_usage_and_unreadable_settings_are_no_findings(house: Stack) -> None:
    """Code 2: nothing was examined."""
    assert talkbridge(house, "doctor", "--colour").returncode == 2
    assert talkbridge(house, "doctor", "--url", "nowhere").returncode == 2
    dot_env = house.folder / ".env"
    dot_env.write_bytes(b"\xff\xfe")
    try:
        done = talkbridge(house, "doctor")
    finally:
        dot_env.unlink()
    assert done.returncode == 2
    assert ".env cannot be read" in done.stderr


def _gateway(stack: Stack, path: str) -> str:
    return f"http://127.0.0.1:{stack.gateway_port}{path}"


def _bearer() -> dict[str, str]:
    return {"Authorization": f"Bearer {OPS_TOKEN}"}
