"""Tracing is off unless asked for, says what it lacks, and is nobody else's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.trace import ProxyTracerProvider

from activities.settings import temporal_environment
from api.reference.__main__ import gateway as reference
from api.tracing import tracing_environment
from tests.collector import Collector
from workflows.tracing import Tracing, TracingUnusable, begin

ROOT = Path(__file__).parents[3]
ON = {"OTEL_TRACES_EXPORTER": "otlp"}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"},
        {"OTEL_TRACES_EXPORTER": "none"},
        {**ON, "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_it_is_off_unless_asked_for(environment: dict[str, str]) -> None:
    """An endpoint alone, which some platforms set for everybody, switches nothing on."""
    assert begin(environment, "x") is None


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER cannot be used: set it"),
        ({**ON, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL cannot be used: set it"),
        ({**ON, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "9999"}, "the OTEL_ settings cannot be used"),
    ],
)
def test_what_cannot_be_used_is_named(
    given: dict[str, str], named: str, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence that names the setting."""
    for name in given:
        monkeypatch.setenv(name, "")
    with pytest.raises(TracingUnusable, match=f"^{named}"):
        begin(given, "x")


@pytest.mark.parametrize("process", ["api", "worker"])
def test_without_the_extra_a_process_says_what_to_install(process: str, tmp_path: Path) -> None:
    """It ends with code 2 and one sentence, before it reaches for any server."""
    hide = (
        "import sys, importlib.abc\n"
        "class Hidden(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter')):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
    )
    start = {
        "api": "from api.__main__ import main, leave\nsys.argv = ['api']\nleave(main())",
        "worker": "import asyncio, worker\nworker.leave(asyncio.run(worker.main()))",
    }[process]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": "postgresql://nobody:nothing@127.0.0.1:1/none",
        "ENCRYPTION_KEYS": "k1:" + "A" * 43 + "=",
        "WEBHOOK_SECRETS": "s",
        "OPS_TOKEN": "t",
        "ZENDESK_API": "guide",
        "ZENDESK_URL": "http://127.0.0.1:1",
        "ZENDESK_CLIENT_ID": "c",
        "ZENDESK_CLIENT_SECRET": "s",
        "CRM_URL": "http://127.0.0.1:1",
        "CRM_TOKEN": "t",
        **ON,
    }
    command = [sys.executable, "-c", hide + start]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr == (
        "OTEL_TRACES_EXPORTER is `otlp`, but OpenTelemetry is not installed: install `talkbridge[tracing]`, or set it "
        "to `none`.\n"
    )


def test_a_process_that_is_not_traced_imports_nothing_of_it() -> None:
    """Neither the SDK nor an exporter is imported by gateway or worker."""
    looked = "import sys, api.__main__, worker; print([m for m in sys.modules if m.startswith('opentelemetry.sdk')])"
    done = subprocess.run([sys.executable, "-c", looked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_variables_may_stand_in_dot_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment wins; what is no variable of OpenTelemetry is left out."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("OTEL_TRACES_EXPORTER=otlp\nOTEL_SERVICE_NAME=a\nOPS_TOKEN=secret\n")
    given = {"OTEL_SERVICE_NAME": "b", "PATH": "x"}
    assert tracing_environment(given) == {**ON, "OTEL_SERVICE_NAME": "b"}
    assert temporal_environment(given, "OTEL_") == tracing_environment(given)


async def test_nothing_is_made_global(tracing: Tracing) -> None:
    """Libraries that would trace by themselves find nobody to tell."""
    assert isinstance(trace.get_tracer_provider(), ProxyTracerProvider)


async def test_a_name_of_ones_own_is_kept(collector: Collector) -> None:
    """`OTEL_SERVICE_NAME` wins, and the headers for the collector are sent."""
    given = {
        **ON,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_SERVICE_NAME": "bridge",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-key=collectors%20key",
    }
    tracing = begin(given, "talkbridge-test")
    assert tracing is not None
    tracing.vendor_request("x", None, 200, 0.1)
    await tracing.close()
    assert collector.services == {"bridge"}
    assert collector.headers["x-key"] == "collectors key"


async def test_the_frameworks_own_telemetry_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says: it would send whole addresses, and what failed."""
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    own = (await reference()).__dict__["_telemetry"]
    assert [own[name] for name in ("tracing", "metrics", "logs", "auto_configure")] == [False] * 4
