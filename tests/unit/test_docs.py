"""Documentation that is made from the code is what the code makes today, and what it names exists."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from activities.settings import WorkerSettings
from api.settings import GatewaySettings
from cli.known_settings import known, pages
from cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_generated_pages_are_up_to_date(path: Path) -> None:
    """They are written by `python -m cli.known_settings`."""
    assert path.read_text() == pages()[path]


def test_every_setting_is_known_once() -> None:
    """The fields of the settings classes and Temporal's variables, each on the page of whoever reads it."""
    fields = {name.upper() for name in (*GatewaySettings.model_fields, *WorkerSettings.model_fields)}
    names = [each.name for each in known()]
    assert len(names) == len(set(names))
    assert {name for name in names if not name.startswith(("TEMPORAL_", "OTEL_"))} == fields - {"TEMPORAL_UI_URL"}
    shared = {name.upper() for name in set(GatewaySettings.model_fields) & set(WorkerSettings.model_fields)}
    assert shared == {each.name for each in known() if each.process == "both"} - {
        each for each in names if each.startswith(("TEMPORAL_", "OTEL_"))
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Each relative link names a file that is there."""
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    targets = [page.parent / link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [str(target) for target in targets if not target.exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_pages_exist(page: Path) -> None:
    """Every `talkbridge …` and `make …` in code is one that can be typed."""
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", page.read_text(), flags=re.DOTALL))
    words = set(re.findall(r"\btalkbridge ([a-z]+)\b", code))
    assert words <= set(COMMANDS)
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)\b", code)) <= targets


@pytest.mark.parametrize(("target", "summary"), COMMANDS.values(), ids=list(COMMANDS))
def test_every_command_leads_somewhere(target: str, summary: str) -> None:
    """The table of commands names what can be imported, and says what it is for."""
    module, _, name = target.partition(":")
    assert hasattr(import_module(module), name)
    assert summary
