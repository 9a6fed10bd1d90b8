#!/usr/bin/env python3
"""Photograph the page on the sample photograph for README.md: writes .github/screenshot.png."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from reon_export.browser import CHROMIUM_ARGUMENTS, find_browser  # noqa: E402
from reon_export.paths import WEB_DEMO  # noqa: E402
from reon_export.serve import SiteServer  # noqa: E402


def main() -> None:
    """Open the page, press the sample button, and take the picture."""
    target = ROOT / ".github" / "screenshot.png"
    target.parent.mkdir(exist_ok=True)
    with SiteServer(WEB_DEMO) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(), chromium_sandbox=False, args=list(CHROMIUM_ARGUMENTS)
        )
        page = browser.new_page(viewport={"width": 1120, "height": 900})
        page.goto(site.url)
        page.click("#sample")
        page.wait_for_selector('body[data-state="result"]', timeout=60_000)
        page.screenshot(path=target, full_page=True)


if __name__ == "__main__":
    main()
