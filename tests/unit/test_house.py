"""The rules of the house, each held by a test that reads in ten seconds."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PRODUCT = ("worker.py", "workflows", "activities", "api", "simulator", "cli")

# Who may import what, besides the standard library; the first line that fits a file counts. `worker.py` and `cli/` may
# import everything. Beyond design and habit: pydantic_settings is pydantic's, starlette is FastAPI's own ground.
MAY_IMPORT = (
    ("workflows/domain/", {"workflows.domain"}),
    ("workflows/connection.py", {"temporalio", "cryptography", "workflows"}),
    ("workflows/tracing/", {"temporalio", "opentelemetry", "workflows"}),
    ("workflows/", {"temporalio", "workflows"}),
    ("activities/zendesk/", {"httpx2", "activities.zendesk"}),
    ("activities/postgres/", {"psycopg", "psycopg_pool", "activities.postgres"}),
    (
        "activities/",
        {"temporalio", "pydantic", "pydantic_settings", "structlog"}
        | {"activities", "workflows.asking", "workflows.domain", "workflows.ports"},
    ),
    (
        "api/",
        {"fastapi", "starlette", "uvicorn", "pydantic", "pydantic_settings", "phonenumbers", "email_validator"}
        | {"jinja2"}
        | {"prometheus_client", "structlog", "temporalio", "api", "workflows", "activities.postgres"},
    ),
    # Never the product's code, or both could be wrong in the same way.
    ("simulator/", {"fastapi", "starlette", "uvicorn", "httpx2", "simulator"}),
)
# These are for processes; a workflow that reached for one would do I/O.
PROCESS_MODULES = (
    *("workflows.asking", "workflows.connection", "workflows.serving", "workflows.starting"),
    "workflows.tracing",
)


def python_files(*places: str) -> list[Path]:
    """Return the product's modules, or those of the places named."""
    roots = [ROOT / place for place in places or PRODUCT]
    return sorted(file for root in roots for file in ([root] if root.is_file() else root.rglob("*.py")))


def tracked_files() -> list[Path]:
    """Return what is under version control, or all there is where this is no checkout."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listing.stdout.split("\0") if listing.returncode == 0 else [str(path) for path in ROOT.glob("[!.]*")]
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def imports(source: str) -> Iterator[str]:
    """Give the full name of everything a module imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where things come from"
            # `from activities import postgres` may name a module: take the longer name, it is the one to judge.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbidden_imports(file: str, source: str) -> list[str]:
    """Return what this module of ours imports and may not."""
    allowed = next((names for place, names in MAY_IMPORT if file.startswith(place)), None)
    if allowed is None:
        return []
    return [name for name in imports(source) if not _may(name, allowed, file)]


def _may(name: str, allowed: set[str], file: str) -> bool:
    if name.split(".", maxsplit=1)[0] in sys.stdlib_module_names:
        return True
    module = file.removesuffix(".py").replace("/", ".")
    of_a_process = any(_inside(module, each) for each in PROCESS_MODULES)
    of_a_workflow = file.startswith("workflows/") and not of_a_process
    if of_a_workflow and any(_inside(name, process_module) for process_module in PROCESS_MODULES):
        return False
    return any(_inside(name, permitted) for permitted in allowed)


def _inside(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def builtin_io(source: str) -> list[str]:
    """Return calls of builtins that reach outside; ruff's ban sees modules only."""
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    outside = {"open", "input", "print", "exec", "eval", "__import__"}
    return [call.id for call in calls if isinstance(call, ast.Name) and call.id in outside]


@pytest.mark.parametrize("file", python_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_imports_only_what_its_folder_may(file: Path) -> None:
    """The import table holds against the syntax tree of each module."""
    assert forbidden_imports(file.relative_to(ROOT).as_posix(), file.read_text()) == []


@pytest.mark.parametrize(
    ("file", "source", "forbidden"),
    [
        ("workflows/domain/call.py", "import temporalio", ["temporalio"]),
        ("workflows/domain/call.py", "from workflows.ports import Crm", ["workflows.ports.Crm"]),
        ("workflows/call.py", "def late():\n    from activities import crm", ["activities.crm"]),
        ("workflows/call.py", "from workflows import connection", ["workflows.connection"]),
        ("workflows/call.py", "from workflows.tracing import begin", ["workflows.tracing.begin"]),
        ("activities/crm.py", "from workflows.call import CallWorkflow", ["workflows.call.CallWorkflow"]),
        ("activities/crm.py", "import psycopg", ["psycopg"]),
        ("activities/zendesk/client.py", "from activities import crm", ["activities.crm"]),
        ("activities/postgres/pool.py", "import httpx2 as httpx", ["httpx2"]),
        ("api/app.py", "from activities import help_desk", ["activities.help_desk"]),
        ("simulator/zendesk.py", "import workflows.domain.limits", ["workflows.domain.limits"]),
        ("workflows/domain/call.py", "import dataclasses\nfrom workflows.domain.errors import Gone", []),
        ("api/app.py", "from activities.postgres import reading", []),
        ("worker.py", "import anything", []),
    ],
)
def test_a_planted_import_is_found(file: str, source: str, forbidden: list[str]) -> None:
    """The checker of the import table sees what it is there to see."""
    assert forbidden_imports(file, source) == forbidden


def test_http_comes_from_one_place() -> None:
    """Adapters get their HTTP library from one module (as `httpx`), and nobody uses the one it continues."""
    names = {file: set(imports(file.read_text())) for file in python_files()}
    assert [file for file, found in names.items() if any(_inside(name, "httpx") for name in found)] == []
    users = [file for file in python_files("activities") if "httpx2" in names[file]]
    assert len(users) <= 1, users


def test_domain_reaches_nothing_through_builtins() -> None:
    """`open()`, `input()` and their like are in neither the domain nor the ports."""
    files = [*python_files("workflows/domain"), ROOT / "workflows" / "ports.py"]
    assert {file: found for file in files if file.exists() and (found := builtin_io(file.read_text()))} == {}
    assert builtin_io("def late():\n    return open('x')") == ["open"]


@pytest.mark.parametrize("file", ["workflows/domain/planted.py", "workflows/ports.py"])
@pytest.mark.parametrize(
    "line",
    [
        "from time import time",
        "import os",
        "import random",
        "import asyncio",
        "from pathlib import Path",
        "from datetime import datetime as when\nprint(when.now())",
        "import uuid\nprint(uuid.uuid4())",
    ],
)
def test_clock_randomness_environment_and_io_are_banned_in_the_domain(file: str, line: str) -> None:
    """Ruff refuses them there, and there alone."""

    def ruff(name: str) -> str:
        command = ["check", "--no-cache", "--select=TID251", "--output-format=concise", f"--stdin-filename={name}", "-"]
        return subprocess.run(
            [sys.executable, "-m", "ruff", *command], cwd=ROOT, input=line, capture_output=True, text=True, check=False
        ).stdout

    assert "TID251" in ruff(file)
    assert "TID251" not in ruff("activities/planted.py")


def test_every_module_says_what_it_is_for() -> None:
    """Each module, tests included, opens with a docstring."""
    files = python_files(*PRODUCT, "tests")
    assert [file for file in files if not ast.get_docstring(ast.parse(file.read_text()))] == []


def test_tests_are_no_packages() -> None:
    """With an `__init__.py`, `tests/workflows` would shadow the real one."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_changelog_has_an_unreleased_section() -> None:
    """Every change a user can notice has a place to be told of."""
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text()


def test_nothing_names_a_registry_or_a_machine() -> None:
    """No file of ours holds the address of a package index, or a path of the machine it was written on."""
    # In pieces, so that this file does not name them itself.
    hosts = {
        "pypi": "org",
        "python" + "hosted": "org",
        "registry.np" + "mjs": "org",
        "proxy.go" + "lang": "org",
        "maven": "org/maven2",
    }
    addresses = [*(re.escape(f"{name}.{end}") for name, end in hosts.items()), "--(?:extra-)?" + "index-url"]
    machine_paths = [rf"/{place}/" for place in ("work", "root", r"home/\w+", r"Users/\w+")]
    pattern = re.compile(rf"{'|'.join(addresses)}|(?<![\w.])(?:{'|'.join(machine_paths)})")
    # The tool that strips such options has to name them.
    files = set(tracked_files()) - {ROOT / ".ci" / "lock"}
    found = {file: hits for file in files if (hits := pattern.findall(file.read_text(errors="ignore")))}
    assert found == {}
    assert pattern.search("open('" + "/work" + "/x')")


def test_locked_dependencies_have_hashes_and_no_addresses() -> None:
    """Every requirement is exact and hashed, and the file works with whichever index its reader uses."""
    text = (ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    requirements = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(requirements) > 30
    assert [line for line in requirements if not re.match(r"[a-z0-9][a-z0-9.\-\[\],]*==\S+ ", line)] == []
    assert [line for line in requirements if "--hash=sha256:" not in line or "://" in line] == []


def test_temporal_compose_is_pinned_healthy_and_complete() -> None:
    """Every image has an exact version, every service that stays has a health check, and the shards are 512."""
    compose = yaml.safe_load((ROOT / "docker-compose.temporal.yml").read_text())
    services = compose["services"]
    assert set(services) == {"postgresql", "schema", "temporal", "ui"}
    for service in services.values():
        assert re.search(r":\d+\.\d+(\.\d+)?$", service["image"])
        # The deprecated image that sets itself up.
        assert "auto-setup" not in service["image"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert [name for name, service in services.items() if "healthcheck" not in service] == ["schema"]
    assert services["temporal"]["environment"]["NUM_HISTORY_SHARDS"] == "512"
    assert services["temporal"]["depends_on"]["schema"]["condition"] == "service_completed_successfully"
    dynamic = yaml.safe_load(compose["configs"]["dynamic"]["content"])
    for kind in ("Read", "Write"):
        (rule,) = dynamic[f"matching.numTaskqueue{kind}Partitions"]
        assert rule == {"value": 1, "constraints": {"taskQueueName": "zendesk"}}
