#!/usr/bin/env python3
"""Photograph the page for README.md: .github/screenshot.png (a face read) and .github/score.png (a score)."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from reon_export.browsers.select import CHROMIUM_ARGUMENTS, find_browser  # noqa: E402
from reon_export.paths import WEB_DEMO  # noqa: E402
from reon_export.site.server import SiteServer  # noqa: E402

FOLDER = ROOT / ".github"
TIMEOUT_MS = 120_000
# Without a font, every syllable is the same empty box.
HAS_KOREAN_FONT = """() => {
    const [one, other] = ['한', '국'].map((text) => {
        const context = new OffscreenCanvas(40, 40).getContext('2d');
        context.font = '30px sans-serif';
        context.fillText(text, 2, 32);
        return context.getImageData(0, 0, 40, 40).data.join();
    });
    return one !== other;
}"""


def main() -> None:
    """Open the page, press the sample buttons, and take the pictures."""
    FOLDER.mkdir(exist_ok=True)
    with SiteServer(WEB_DEMO) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(), chromium_sandbox=False, args=list(CHROMIUM_ARGUMENTS)
        )
        page = browser.new_page(viewport={"width": 1120, "height": 900})
        page.goto(f"{site.url}#read")
        if not page.evaluate(HAS_KOREAN_FONT):
            print("The pictures were left as they are: no Korean font is installed (apt-get install fonts-nanum).")
            return
        page.click("#sample")
        page.wait_for_selector('body[data-state="result"]', timeout=TIMEOUT_MS)
        page.click("#details summary")
        page.screenshot(path=FOLDER / "screenshot.png", full_page=True)
        page.click("#tab-imitate")
        page.click("#example")
        page.wait_for_selector("#score:visible", timeout=TIMEOUT_MS)
        page.click('[data-moment="worst"] button')
        page.wait_for_timeout(1000)  # both videos have found the moment
        page.screenshot(path=FOLDER / "score.png", full_page=True)


if __name__ == "__main__":
    main()
