"""A crop to the network's input: the only Python implementation. Mirrored by web_demo/js/pixels/preprocess.js.

Bilinear, half-pixel centres, no antialias, to the last bit (IEEE double, in the order written), per axis:

    scale = side / out
    src   = (i + 0.5) * scale - 0.5
    lo    = floor(src);  f = src - lo
    i0    = clamp(lo, 0, side - 1);  i1 = clamp(lo + 1, 0, side - 1)

    top    = p[y0][x0] + (p[y0][x1] - p[y0][x0]) * fx
    bottom = p[y1][x0] + (p[y1][x1] - p[y1][x0]) * fx
    result = floor((top + (bottom - top) * fy) + 0.5)

The result is rounded to whole numbers 0..255, so that both languages hand the network the same bits.
Normalisation is not here: it lives inside the graph.
"""

import numpy as np
import numpy.typing as npt

from reon_export.faces.crop import Box, Image, cut_square, square_crop
from reon_export.spec import ModelSpec


def resize_bilinear(image_rgb: Image, height: int, width: int) -> Image:
    """Resize uint8 [H, W, 3] to uint8 [height, width, 3] by the rule above."""
    y0, y1, fy = _taps(image_rgb.shape[0], height)
    x0, x1, fx = _taps(image_rgb.shape[1], width)
    pixels = image_rgb.astype(np.float64)
    fx, fy = fx[None, :, None], fy[:, None, None]
    upper, lower = pixels[y0], pixels[y1]
    top = upper[:, x0] + (upper[:, x1] - upper[:, x0]) * fx
    bottom = lower[:, x0] + (lower[:, x1] - lower[:, x0]) * fx
    resized: Image = np.floor((top + (bottom - top) * fy) + 0.5).astype(np.uint8)
    return resized


def crop_face(image_rgb: Image, box: Box, spec: ModelSpec) -> Image:
    """The network's input for one face, uint8 [spec.input.height, spec.input.width, 3], RGB."""
    crop_rgb = cut_square(image_rgb, square_crop(box, spec.crop.margin))
    return resize_bilinear(crop_rgb, spec.input.height, spec.input.width)


def _taps(size: int, out: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    source = (np.arange(out, dtype=np.float64) + 0.5) * (size / out) - 0.5
    low = np.floor(source)
    first = np.clip(low, 0, size - 1).astype(np.intp)
    second = np.clip(low + 1, 0, size - 1).astype(np.intp)
    return first, second, source - low
