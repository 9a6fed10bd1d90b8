"""A face box to a square crop. Mirrored by web_demo/js/pixels/crop.js; both are held by tests/golden/crop_resize.json.

The rule, to the last bit (all arithmetic in IEEE double, in the order written):

    round_half_up(v) = floor(v + 0.5)
    side = max(1, round_half_up(max(width, height) * (1 + 2 * margin)))
    left = round_half_up((x + width / 2) - side / 2)
    top  = round_half_up((y + height / 2) - side / 2)

The crop is the `side` x `side` window at (left, top). A pixel of it that lies beyond the frame is a copy of the nearest
pixel inside. A Haar box (whole numbers, square) with margin 0 is cropped as `image[y:y+h, x:x+w]`, as in training.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reon_export.errors import FaceError
from reon_export.limits import RAISE_PIXELS, max_pixels

Image = npt.NDArray[np.uint8]


class Box(NamedTuple):
    """A face box in pixels of the image: top left corner and size. May be fractional and may leave the frame."""

    x: float
    y: float
    width: float
    height: float


class Square(NamedTuple):
    """A square window in whole pixels of the image. May leave the frame."""

    left: int
    top: int
    side: int

    @property
    def box(self) -> Box:
        """The same window as a box."""
        return Box(self.left, self.top, self.side, self.side)


def intersection_over_union(first: Box, second: Box) -> float:
    """How much two boxes overlap, 0..1."""
    width = min(first.x + first.width, second.x + second.width) - max(first.x, second.x)
    height = min(first.y + first.height, second.y + second.height) - max(first.y, second.y)
    shared = max(0.0, width) * max(0.0, height)
    return shared / (first.width * first.height + second.width * second.height - shared)


def round_half_up(value: float) -> int:
    """floor(value + 0.5): JavaScript's Math.round, unlike Python's round, which goes to the even neighbour."""
    return math.floor(value + 0.5)


def square_crop(box: Box, margin: float) -> Square:
    """The square window of a face box; `margin` is the part of its longer side that is added on each side."""
    if not all(map(math.isfinite, box)) or box.width <= 0 or box.height <= 0:
        raise FaceError(f"a face box needs finite numbers and a positive size, got {tuple(box)}")
    side = max(1, round_half_up(max(box.width, box.height) * (1 + 2 * margin)))
    left = round_half_up((box.x + box.width / 2) - side / 2)
    top = round_half_up((box.y + box.height / 2) - side / 2)
    return Square(left, top, side)


def check_box(box: Box, image_rgb: Image, margin: float) -> None:
    """Raise FaceError if no part of the box lies in the image (uint8 [H, W, 3]), or if its crop would be too large."""
    height, width = image_rgb.shape[:2]
    if box.x >= width or box.y >= height or box.x + box.width <= 0 or box.y + box.height <= 0:
        corner, size = f"({box.x:g}, {box.y:g})", f"{box.width:g} x {box.height:g}"
        raise FaceError(f"its face box of {size} at {corner} lies outside its {width} x {height} pixels")
    _check_size(square_crop(box, margin))


def _check_size(square: Square) -> None:
    if square.side**2 > max_pixels():
        size = f"{square.side:,} x {square.side:,} pixels"
        raise FaceError(f"its face box makes a crop of {size}, more than {max_pixels():,}; {RAISE_PIXELS}")


def cut_square(image_rgb: Image, square: Square) -> Image:
    """The window's pixels, uint8 [side, side, 3], edge pixels repeated beyond the frame of `image_rgb` [H, W, 3].

    Raises FaceError if these are more than `limits.max_pixels`.
    """
    _check_size(square)
    height, width = image_rgb.shape[:2]
    rows = np.clip(np.arange(square.top, square.top + square.side), 0, height - 1)
    columns = np.clip(np.arange(square.left, square.left + square.side), 0, width - 1)
    window: Image = image_rgb[rows[:, None], columns[None, :]]
    return window
