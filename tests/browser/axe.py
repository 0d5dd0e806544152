"""axe-core over a page: put into it once, asked as often as it changes its looks."""

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Page

CONTRAST = {"runOnly": ["color-contrast"]}
"""Colours are all that the dark changes."""


def violations(page: Page, *, only: dict[str, list[str]] | None = None) -> list[str]:
    """What keeps somebody out, each with where. The page's own rules for scripts must be off."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    options = {"resultTypes": ["violations"], **(only or {})}
    found = page.evaluate("options => axe.run(options).then(told => told.violations)", options)
    return [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in found for node in each["nodes"]]
