"""Write crop_resize.json, the vectors that hold the Python and the JavaScript crop together.

Run it only when the rule in `reon_export/faces/crop.py` or `preprocess.py` changes on purpose:
    python tests/golden/make_crop_resize.py
The expected values are computed here pixel by pixel in plain Python floats, straight from the rule's text, so that
neither implementation under test is its own reference.
"""

import base64
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

CASES: list[tuple[str, tuple[int, int], tuple[float, float, float, float], float, tuple[int, int]]] = [
    # name, image (width, height), box (x, y, width, height), margin, output (width, height)
    ("inside, downscale", (40, 30), (8, 5, 20, 20), 0.0, (7, 7)),
    ("inside, upscale", (40, 30), (8, 5, 9, 9), 0.0, (16, 16)),
    ("same size", (24, 24), (4, 4, 12, 12), 0.0, (12, 12)),
    ("over the left edge", (20, 20), (-6, 4, 12, 12), 0.0, (9, 9)),
    ("over the top edge", (20, 20), (4, -7.5, 12, 12), 0.0, (9, 9)),
    ("over the right edge", (20, 20), (14.2, 4, 12, 12), 0.0, (9, 9)),
    ("over the bottom edge", (20, 20), (4, 15.9, 12, 12), 0.0, (9, 9)),
    ("over all edges", (10, 8), (-5, -5, 24, 24), 0.1, (13, 13)),
    ("one pixel", (9, 9), (4, 4, 1, 1), 0.0, (5, 5)),
    ("less than a pixel", (9, 9), (4.4, 4.4, 0.2, 0.2), 0.0, (3, 3)),
    ("fractional, wide", (33, 27), (3.37, 6.81, 19.5, 11.25), 0.0, (11, 11)),
    ("fractional, tall, margin", (33, 27), (9.5, 2.5, 7.5, 13.5), 0.2, (10, 10)),
    ("negative margin", (33, 27), (5, 3, 20, 20), -0.15, (10, 10)),
    ("halves round up", (16, 16), (2.5, 3.5, 5, 5), 0.0, (4, 4)),
    ("halves round up below zero", (16, 16), (-2.5, -3.5, 5, 5), 0.0, (4, 4)),
    ("odd to even", (21, 21), (3, 3, 15, 15), 0.0, (8, 8)),
    ("output not square", (30, 30), (5, 5, 17, 17), 0.0, (6, 11)),
    ("image of one pixel", (1, 1), (0, 0, 1, 1), 0.5, (4, 4)),
]


def expected_square(box: tuple[float, float, float, float], margin: float) -> tuple[int, int, int]:
    """left, top, side by the rule's text."""
    x, y, width, height = box
    side = max(1, math.floor(max(width, height) * (1 + 2 * margin) + 0.5))
    left = math.floor((x + width / 2) - side / 2 + 0.5)
    top = math.floor((y + height / 2) - side / 2 + 0.5)
    return left, top, side


def taps(index: int, side: int, out: int) -> tuple[int, int, float]:
    """The two source indices and the weight of the second."""
    source = (index + 0.5) * (side / out) - 0.5
    low = math.floor(source)
    return min(max(low, 0), side - 1), min(max(low + 1, 0), side - 1), source - low


def expected_pixels(image: Any, square: tuple[int, int, int], out: tuple[int, int]) -> list[int]:
    """HWC values by the rule's text, one pixel at a time."""
    left, top, side = square
    height, width = image.shape[:2]

    def pixel(y: int, x: int, channel: int) -> float:
        return float(image[min(max(top + y, 0), height - 1), min(max(left + x, 0), width - 1), channel])

    values = []
    for row in range(out[1]):
        y0, y1, fy = taps(row, side, out[1])
        for column in range(out[0]):
            x0, x1, fx = taps(column, side, out[0])
            for channel in range(3):
                upper = pixel(y0, x0, channel) + (pixel(y0, x1, channel) - pixel(y0, x0, channel)) * fx
                lower = pixel(y1, x0, channel) + (pixel(y1, x1, channel) - pixel(y1, x0, channel)) * fx
                values.append(math.floor((upper + (lower - upper) * fy) + 0.5))
    return values


def main() -> None:
    """Write the vectors beside this file."""
    random = np.random.default_rng(0)
    cases = []
    for name, (width, height), box, margin, out in CASES:
        image = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        square = expected_square(box, margin)
        pixels = bytes(expected_pixels(image, square, out))
        cases.append(
            {
                "name": name,
                "image": {
                    "width": width,
                    "height": height,
                    "rgb_base64": base64.b64encode(image.tobytes()).decode(),
                },
                "box": dict(zip(("x", "y", "width", "height"), box, strict=True)),
                "margin": margin,
                "crop": dict(zip(("left", "top", "side"), square, strict=True)),
                "out": {"width": out[0], "height": out[1], "rgb_base64": base64.b64encode(pixels).decode()},
            }
        )
    target = Path(__file__).with_name("crop_resize.json")
    target.write_text(json.dumps({"cases": cases}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
