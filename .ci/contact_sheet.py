#!/usr/bin/env python3
"""Photograph every state of the page at every size: `python .ci/contact_sheet.py [folder]`, else build/contact_sheet.

One sheet for each size, language and colour scheme, the states side by side. They are to be looked at, not to be kept.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from reon_export.browsers.select import CHROMIUM_ARGUMENTS, find_browser  # noqa: E402
from reon_export.paths import WEB_DEMO  # noqa: E402
from reon_export.site.server import SiteServer  # noqa: E402
from tests.support.performances import camera_arguments  # noqa: E402

SIZES = {"desktop": (1440, 900), "laptop": (1024, 700), "phone": (390, 844), "small": (320, 640), "lying": (844, 390)}
TIMEOUT_MS = 120_000
GAP_PX = 12


def main() -> None:
    """Write the sheets."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "contact_sheet"
    folder.mkdir(parents=True, exist_ok=True)
    with SiteServer(WEB_DEMO) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(),
            chromium_sandbox=False,
            args=[*CHROMIUM_ARGUMENTS, *camera_arguments(folder)],
        )
        for language, scheme in (("ko", "light"), ("en", "dark")):
            for name, size in SIZES.items():
                pictures = list(visit(browser, f"{site.url}?lang={language}", scheme, size))
                path = folder / f"{name}-{language}-{scheme}.png"
                put_side_by_side(pictures).save(path)
                print(f"{path}: {len(pictures)} states")
        browser.close()
    (folder / "camera.mjpeg").unlink()


def visit(browser: Browser, url: str, scheme: str, size: tuple[int, int]) -> Iterator[Image.Image]:
    """The states in the order in which a visitor may come through them."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": size[0], "height": size[1]})
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()

    def take() -> Image.Image:
        page.wait_for_timeout(500)
        return Image.open(io.BytesIO(page.screenshot()))

    page.goto(f"{url}#imitate")
    yield take()  # start
    page.click("#example")
    wait_for(page, "result")
    yield take()  # score
    page.click("#record")
    page.wait_for_selector("#countdown:text-is('2')")
    yield take()  # countdown
    page.wait_for_selector('#target-score:not(:text-is("–"))')
    yield take()  # recording
    page.click("#record")
    wait_for(page, "result")
    yield take()  # one's own score
    page.click("#tab-read")
    yield take()  # start of reading
    page.click("#sample")
    wait_for(page, "result")
    yield take()  # photograph
    page.click("#camera")
    wait_for(page, "live")
    page.wait_for_timeout(2000)
    yield take()  # live
    page.set_input_files("#picker", {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"})
    wait_for(page, "error")
    yield take()  # error
    context.close()


def wait_for(page: Page, state: str) -> None:
    """Until the page is in that state."""
    page.wait_for_selector(f'body[data-state="{state}"]')


def put_side_by_side(pictures: list[Image.Image]) -> Image.Image:
    """In one row."""
    width = sum(picture.width + GAP_PX for picture in pictures)
    sheet = Image.new("RGB", (width, pictures[0].height), "magenta")
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width + GAP_PX
    return sheet


if __name__ == "__main__":
    main()
