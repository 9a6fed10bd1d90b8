"""Write box_correction.json, the vectors that hold the Python and the JavaScript box correction together.

Run it only when the rule in `reon_export/faces/correction.py` changes on purpose:
    python tests/golden/make_box_correction.py
The expected values are computed here in exact fractions, rounded to a double after every single operation of the rule's
text: neither implementation under test is its own reference, and a fused or reordered operation shows.
"""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np

Numbers = tuple[float, float, float, float]

CASES: list[tuple[str, Numbers, tuple[float, float, float]]] = [
    # name, box (x, y, width, height), scale, offset_x, offset_y
    ("nothing to do but to square", (10, 20, 30, 30), (1, 0, 0)),
    ("wide", (10.25, 20.5, 40.75, 30.125), (0.9, 0, 0)),
    ("tall", (10.25, 20.5, 30.125, 40.75), (0.9, 0, 0)),
    ("moved right and up", (100.1, 80.7, 63.3, 58.9), (0.918, 0.043, -0.144)),
    ("over the corner of the frame", (-12.3, -45.6, 78.9, 67.8), (1.25, -0.1, 0.2)),
    ("less than a pixel", (3.3, 4.4, 0.1, 0.2), (0.5, 0.01, -0.01)),
    ("far away", (123456.789, 98765.4321, 1234.5678, 1111.1111), (0.7, 0.333, -0.777)),
    ("largest scale, largest offsets", (1.1, 2.2, 3.3, 4.4), (4, 1, -1)),
]
RANDOM_CASES = 24
RANDOM_RANGES = ((-200, -200, 1, 1, 0.5, -0.3, -0.3), (900, 900, 500, 500, 1.5, 0.3, 0.3))


def add(first: float, second: float) -> float:
    """first + second, rounded once."""
    return float(Fraction(first) + Fraction(second))


def multiply(first: float, second: float) -> float:
    """first * second, rounded once."""
    return float(Fraction(first) * Fraction(second))


def half(value: float) -> float:
    """value / 2."""
    return float(Fraction(value) / 2)


def expected_box(box: Numbers, scale: float, offset_x: float, offset_y: float) -> Numbers:
    """x, y, width, height by the rule's text."""
    x, y, width, height = box
    side = multiply(scale, height)
    centre_x = add(add(x, half(width)), multiply(offset_x, side))
    centre_y = add(add(y, half(height)), multiply(offset_y, side))
    return add(centre_x, -half(side)), add(centre_y, -half(side)), side, side


def main() -> None:
    """Write the vectors beside this file."""
    random = np.random.default_rng(0)
    cases = list(CASES)
    for index in range(RANDOM_CASES):
        x, y, width, height, scale, offset_x, offset_y = random.uniform(*RANDOM_RANGES).tolist()
        cases.append((f"random {index}", (x, y, width, height), (scale, offset_x, offset_y)))
    keys = ("x", "y", "width", "height")
    content = [
        {
            "name": name,
            "box": dict(zip(keys, box, strict=True)),
            "correction": dict(zip(("scale", "offset_x", "offset_y"), numbers, strict=True)),
            "corrected": dict(zip(keys, expected_box(box, *numbers), strict=True)),
        }
        for name, box, numbers in cases
    ]
    target = Path(__file__).with_name("box_correction.json")
    target.write_text(json.dumps({"cases": content}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
