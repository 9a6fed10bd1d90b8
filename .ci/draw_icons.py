#!/usr/bin/env python3
"""Draw web_demo/icons/ from web_demo/favicon.svg: the icons of an installed page, and the picture that a link shows."""

import io
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from reon_export.browsers.select import CHROMIUM_ARGUMENTS, find_browser  # noqa: E402
from reon_export.paths import WEB_DEMO  # noqa: E402

FOLDER = WEB_DEMO / "icons"
MOST_BYTES = 12_000
COLOURS = 64  # two, and the steps between them at the edges
SQUARE = 'rx="12" fill="#2f6f73"'  # the rounded ground of favicon.svg


@dataclass(frozen=True)
class Picture:
    """One file: its size, how much of its height the motif takes, and whether the ground fills it to its corners."""

    name: str
    width: int
    height: int
    share: float
    fills: bool


PICTURES = (
    Picture("icon-192.png", 192, 192, 1.0, fills=False),
    Picture("icon-512.png", 512, 512, 1.0, fills=False),
    # Systems cut a circle of 80 % out of a maskable icon.
    Picture("icon-maskable-512.png", 512, 512, 0.86, fills=True),
    Picture("apple-touch-icon.png", 180, 180, 1.0, fills=True),  # iOS rounds it, and shows what is clear as black
    Picture("preview.png", 1200, 630, 0.8, fills=True),
)


def make_page(picture: Picture) -> str:
    """The picture as a page of its size."""
    drawing = (WEB_DEMO / "favicon.svg").read_text(encoding="utf-8")
    if SQUARE not in drawing:
        raise SystemExit(f"favicon.svg has no ground with {SQUARE}; tell .ci/draw_icons.py what it is now")
    if picture.fills:
        drawing = drawing.replace(SQUARE, 'fill="none"')
    ground = "#2f6f73" if picture.fills else "transparent"
    style = f"body{{margin:0;height:100vh;display:grid;place-items:center;background:{ground}}}"
    size = round(picture.height * picture.share)
    return f"<style>{style}svg{{width:{size}px;height:{size}px}}</style>{drawing}"


def compress(png: bytes) -> bytes:
    """The same picture with a palette: a third of the bytes."""
    with Image.open(io.BytesIO(png)) as image:
        smaller = image.convert("RGBA").quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    out = io.BytesIO()
    smaller.save(out, "PNG", optimize=True)
    return out.getvalue()


def main() -> None:
    """Draw every picture; none may be large, since visitors get them all."""
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(), chromium_sandbox=False, args=list(CHROMIUM_ARGUMENTS)
        )
        for picture in PICTURES:
            page = browser.new_page(viewport={"width": picture.width, "height": picture.height})
            page.set_content(make_page(picture))
            content = compress(page.screenshot(omit_background=True))
            if len(content) > MOST_BYTES:
                raise SystemExit(f"{picture.name} has {len(content)} bytes, expected at most {MOST_BYTES}")
            (FOLDER / picture.name).write_bytes(content)
            print(f"{picture.name}: {len(content)} bytes")


if __name__ == "__main__":
    main()
