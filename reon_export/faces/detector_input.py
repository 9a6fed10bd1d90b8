"""A frame as the page's face detector is shown it. Mirrored by web_demo/js/pixels/detector_input.js.

The rule, per axis. Where the frame shrinks (scale = size / out >= 1), an output pixel is the average of the area
[i * scale, (i + 1) * scale), each pixel by the part of it that lies inside. Where it grows, it is bilinear with
half-pixel centres. Nothing is rounded, but to float32 at the end. The shrunk frame lies at whole pixels.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from reon_export.faces.crop import Image, round_half_up

Floats = npt.NDArray[np.float32]


class View(NamedTuple):
    """Where a frame lies in the network's square input.

    `share` of the input's side is what the frame's longer side takes, the rest is black; `at_x` and `at_y` say where,
    from 0 (left, top) to 1 (right, bottom). A mirrored view shows all of that from behind.
    """

    share: float
    at_x: float
    at_y: float
    is_mirrored: bool


PLAIN_VIEW = View(1, 0, 0, False)


class Placement(NamedTuple):
    """Where the frame came to lie in the input (pixels of the input), and pixels of the frame to one of the input."""

    left: int
    top: int
    scale_x: float
    scale_y: float


def show_frame(image_rgb: Image, size: int, view: View) -> tuple[Floats, Placement]:
    """The network's input for a frame (uint8 [H, W, 3]): float32 [size, size, 3], RGB 0..255, black around it."""
    height, width = image_rgb.shape[:2]
    drawn = (size * view.share) / max(height, width)
    out_width, out_height = max(1, round_half_up(width * drawn)), max(1, round_half_up(height * drawn))
    left, top = round_half_up((size - out_width) * view.at_x), round_half_up((size - out_height) * view.at_y)
    rows = (_taps(height, out_height) @ image_rgb.reshape(height, -1)).reshape(out_height, width, 3)
    columns = _taps(width, out_width) @ rows.transpose(1, 0, 2).reshape(width, -1)
    shown = np.zeros((size, size, 3), np.float32)
    shown[top : top + out_height, left : left + out_width] = columns.reshape(out_width, out_height, 3).swapaxes(0, 1)
    placement = Placement(left, top, width / out_width, height / out_height)
    return np.ascontiguousarray(shown[:, ::-1]) if view.is_mirrored else shown, placement


@lru_cache(maxsize=16)  # those of a video
def _taps(size: int, out: int) -> sparse.csr_matrix:
    """What each output pixel takes of each pixel, [out, size]."""
    scale = size / out
    index = np.arange(out, dtype=np.float64)[:, None]
    if scale < 1:
        source = np.clip((index + 0.5) * scale - 0.5, 0, size - 1)
        first = np.minimum(np.floor(source), max(size - 2, 0))
        pixels = first + np.arange(min(size, 2))
        weights = 1 - np.abs(source - pixels)
    else:
        start, end = index * scale, np.minimum((index + 1) * scale, size)
        first = np.floor(start)
        pixels = first + np.arange(int((np.ceil(end) - first).max()))
        weights = np.maximum(np.minimum(pixels + 1, end) - np.maximum(pixels, start), 0) / (end - start)
    rows = np.repeat(np.arange(out), pixels.shape[1])
    columns = np.minimum(pixels, size - 1).astype(int).ravel()  # what lies beyond the last pixel weighs nothing
    return sparse.csr_matrix((weights.ravel(), (rows, columns)), shape=(out, size))
