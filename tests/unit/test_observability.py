"""`docs/metrics.md`, the alert rules and the dashboard name exactly what the code counts."""

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.fleet import Gauge
from api.metrics import Metrics

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "observability"
PAGE = (ROOT / "docs" / "metrics.md").read_text()
DOCUMENTED = dict(re.findall(r"^\| `(talkbridge_\w+)` \| (\w+) \|", PAGE, re.MULTILINE))
OF_HISTOGRAMS = ("_bucket", "_count", "_sum")
METER_METHODS = {"create_counter": "counter", "create_gauge": "gauge"}
HISTOGRAM_METHODS = ("create_histogram", "create_histogram_float", "create_histogram_timedelta")


def rules() -> list[dict[str, Any]]:
    """Every alert rule."""
    found = yaml.safe_load((FOLDER / "alerts.yml").read_text())
    return [rule for group in found["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Every panel of the dashboard that asks for something."""
    found = json.loads((FOLDER / "dashboard.json").read_text())
    return [panel for panel in found["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[str]:
    """Every question to Prometheus."""
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in panels() for target in panel["targets"])


def metrics_in(expression: str) -> set[str]:
    """The documented names behind the series an expression asks for; a series nobody documents stays as it is."""
    asked = set(re.findall(r"\btalkbridge_\w+", expression))
    return {next((n.removesuffix(s) for s in OF_HISTOGRAMS if _is_histogram(n, s)), n) for n in asked}


def _is_histogram(name: str, suffix: str) -> bool:
    return name.endswith(suffix) and DOCUMENTED.get(name.removesuffix(suffix)) == "histogram"


def counted_by_workers() -> dict[str, str]:
    """Names and types of the metrics a worker's code makes, as Prometheus sees them."""
    made: dict[str, str] = {}
    for folder in ("activities", "workflows"):
        for file in (ROOT / folder).rglob("*.py"):
            for call in (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)):
                method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
                kind = "histogram" if method in HISTOGRAM_METHODS else METER_METHODS.get(method)
                if kind is not None:
                    assert isinstance(call.args[0], ast.Constant), f"{file}: a metric's name has to be plain to see"
                    made[str(call.args[0].value) + ("_total" if kind == "counter" else "")] = kind
    return made


def test_every_metric_is_documented_with_its_type() -> None:
    """The page has what the code counts, and nothing else."""
    of_the_gateway = dict(re.findall(r"^# TYPE (talkbridge_\w+) (\w+)$", Metrics().text().decode(), re.MULTILINE))
    assert {gauge.metric for gauge in Gauge} <= set(of_the_gateway)
    assert of_the_gateway | counted_by_workers() == DOCUMENTED


def test_rules_and_dashboard_ask_for_what_there_is() -> None:
    """Every metric named in them is on the page."""
    asked = set().union(*(metrics_in(expression) for expression in expressions()))
    assert asked - set(DOCUMENTED) == set()
    assert len(asked) > 15


def test_the_dashboard_shows_every_metric() -> None:
    """What is worth counting is worth seeing."""
    shown = set().union(*(metrics_in(target["expr"]) for panel in panels() for target in panel["targets"]))
    assert set(DOCUMENTED) - shown == set()


def test_a_misspelt_metric_is_found() -> None:
    """The check sees what it is there to see."""
    assert metrics_in("sum(talkbridge_screen_pop_latency_count) / talkbridge_webhook_total") == {
        "talkbridge_screen_pop_latency",
        "talkbridge_webhook_total",
    }
    assert "talkbridge_webhook_total" not in DOCUMENTED


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_every_rule_says_what_why_and_where(rule: dict[str, Any]) -> None:
    """What it means, why its threshold is what it is, whether it may wait, and a runbook section of its own."""
    assert rule["labels"]["severity"] in ("page", "ticket")
    notes = rule["annotations"]
    assert all(notes[name].endswith(".") for name in ("summary", "meaning", "threshold"))
    assert notes["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"


def test_panels_do_not_overlap_and_have_names() -> None:
    """Each panel has a place of its own within the 24 columns, a title and an id."""
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in panels()}) == len({panel["title"] for panel in panels()}) == len(panels())


def promtool(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """What Prometheus' own tool says; the test is skipped where there is none."""
    path = shutil.which("promtool")
    if path is None:
        pytest.skip("promtool is not installed; on Debian: apt-get install --no-install-recommends prometheus")
    return subprocess.run([path, *command], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "command",
    [("check", "rules", "alerts.yml"), ("test", "rules", "alerts.test.yml"), ("check", "config", "prometheus.yml")],
    ids=" ".join,
)
def test_promtool_is_content(command: tuple[str, ...]) -> None:
    """Prometheus' own tool reads the rules and finds that they fire when they should."""
    ran = promtool(FOLDER, *command)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(("more", "accepted"), [([], True), (["sum(talkbridge_webhooks_total"], False)])
def test_the_dashboards_questions_can_be_asked(tmp_path: Path, more: list[str], accepted: bool) -> None:
    """Each is an expression that Prometheus parses; one that is not would be seen."""
    asked = [*(target["expr"] for panel in panels() for target in panel["targets"]), *more]
    rules = [{"record": f"asked:{number}", "expr": expression} for number, expression in enumerate(asked)]
    (tmp_path / "asked.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert (promtool(tmp_path, "check", "rules", "asked.yml").returncode == 0) == accepted
