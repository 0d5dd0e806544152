"""Chromium on this machine, as tests and screenshots drive it; no browser is ever downloaded."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
MISSING = (
    "Chromium is not installed; on Debian: apt-get install --no-install-recommends chromium fonts-dejavu-core. "
    "Elsewhere CHROMIUM names one"
)


def chromium_path() -> str | None:
    """What `CHROMIUM` names, else the first on the path; None where there is none."""
    return next((found for name in (os.environ.get("CHROMIUM") or "", *NAMES) if (found := shutil.which(name))), None)


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    """A running one without a window. While it runs no other event loop can run in this thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        try:
            yield browser
        finally:
            browser.close()
