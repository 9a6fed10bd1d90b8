"""The page's face detector in Python: face-api.js' TinyFaceDetector, from the very weights that the page loads.

The network (https://github.com/vladmandic/face-api, MIT, `tinyYolov2` and `tinyFaceDetector`): a 3x3 convolution and
five separable ones with leaky ReLU, a max pool after each, and a 1x1 convolution that gives a box (in YOLO v2's coding,
arXiv 1612.08242) and a score for each cell of about 32 x 32 pixels and each of five anchors. It is small enough for
NumPy. What it is shown is `detector_input`'s rule, and when, web_demo/js/inference/detector.js': boxes are the page's.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from reon_export.errors import SetupError
from reon_export.faces.correction import undo_mirror_bias
from reon_export.faces.crop import Box, Image, intersection_over_union
from reon_export.faces.detector_input import PLAIN_VIEW, Floats, View, show_frame
from reon_export.paths import VENDOR
from reon_export.spec import BoxCorrection

TINY_FACE_NAME = "tiny_face_detector"
_WEIGHTS = "tiny_face_detector_model-weights_manifest.json"
_MEAN_RGB = np.array([117.001, 114.697, 97.404], np.float32)
_LEAK = np.float32(0.10000000149011612)
_ANCHORS = np.array(
    [[1.603231, 2.094468], [6.041143, 7.080126], [2.882459, 3.518061], [4.266906, 5.178857], [9.041765, 10.66308]]
)
_SCORE_THRESHOLD = 0.5  # face-api's own default, as its 0.4 for overlapping boxes
_MAX_OVERLAP = 0.4
_SEPARABLE_LAYERS = range(1, 6)


# Input size and view; each is tried only when those before it saw nobody.
_LOOKS = ((224, PLAIN_VIEW), (416, PLAIN_VIEW), (160, View(0.6, 0.5, 0.5, False)))


class TinyFaceDetector:
    """Finds faces as the page does. `correction` is the model's, which a box found in a mirror image must fit too."""

    def __init__(self, correction: BoxCorrection | None, folder: Path = VENDOR) -> None:
        """Load the weights. Raises SetupError if the page's libraries are not there."""
        self._correction = correction
        self._weights = _read_weights(folder)

    def detect(self, image_rgb: Image, view: View = PLAIN_VIEW) -> list[Box]:
        """Face boxes in `image_rgb` (uint8 [H, W, 3]), the largest first; fractional, and they may leave the image."""
        (size, _), *others = _LOOKS
        for input_size, look in ((size, view), *others):
            boxes = self._detect_with(image_rgb, input_size, look)
            if boxes:
                return sorted(boxes, key=lambda box: -box.width * box.height)
        return []

    def _detect_with(self, image_rgb: Image, size: int, view: View) -> list[Box]:
        shown_rgb, placed = show_frame(image_rgb, size, view)
        boxes = []
        for found in decode_boxes(self.run(shown_rgb), size):
            x = size - found.x - found.width if view.is_mirrored else found.x
            box = Box(
                (x - placed.left) * placed.scale_x,
                (found.y - placed.top) * placed.scale_y,
                found.width * placed.scale_x,
                found.height * placed.scale_y,
            )
            boxes.append(undo_mirror_bias(box, self._correction) if view.is_mirrored else box)
        return boxes

    def run(self, shown_rgb: Floats) -> Floats:
        """The network: [size, size, 3] RGB 0..255 to [cells, cells, 5 anchors * (x, y, width, height, score)]."""
        weights = self._weights
        out = (shown_rgb - _MEAN_RGB) / np.float32(255)
        out = _leaky_relu(_convolve_3x3(out, weights["conv0/filters"]) + weights["conv0/bias"])
        for layer in (f"conv{index}" for index in _SEPARABLE_LAYERS):
            out = _convolve_depthwise(_max_pool(out, 2), weights[f"{layer}/depthwise_filter"])
            out = _leaky_relu(out @ weights[f"{layer}/pointwise_filter"][0, 0] + weights[f"{layer}/bias"])
        return np.asarray(_max_pool(out, 1) @ weights["conv8/filters"][0, 0] + weights["conv8/bias"])


def decode_boxes(output: Floats, size: int) -> list[Box]:
    """The boxes that the network's output stands for, in pixels of its input; of those that overlap, the best."""
    cells = len(output)
    cell = size / cells
    coded = output.reshape(cells, cells, len(_ANCHORS), -1).astype(np.float64)
    scores = _sigmoid(coded[..., 4])
    kept: list[Box] = []
    found = np.argwhere(scores > _SCORE_THRESHOLD)
    for row, column, anchor in sorted(found.tolist(), key=lambda place: -scores[tuple(place)]):
        x, y, log_width, log_height = coded[row, column, anchor, :4]
        width, height = np.exp([log_width, log_height]) * _ANCHORS[anchor] * cell
        centre_x, centre_y = (column + _sigmoid(x)) * cell, (row + _sigmoid(y)) * cell
        box = Box(*map(float, (centre_x - width / 2, centre_y - height / 2, width, height)))
        if all(intersection_over_union(box, better) <= _MAX_OVERLAP for better in kept):
            kept.append(box)
    return kept


def _sigmoid(values: Any) -> Any:
    return 1 / (1 + np.exp(-values))


def _leaky_relu(values: Floats) -> Floats:
    leaky: Floats = np.maximum(values, values * _LEAK)
    return leaky


def _convolve_3x3(image: Floats, filters: Floats) -> Floats:
    """Without padding; one product over the nine shifted images side by side."""
    height, width = image.shape[0] - 2, image.shape[1] - 2
    shifted = [image[i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return np.asarray(np.concatenate(shifted, axis=2) @ filters.reshape(-1, filters.shape[3]))


def _convolve_depthwise(image: Floats, filters: Floats) -> Floats:
    """3x3, with a border of zeros."""
    height, width = image.shape[:2]
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    out = np.zeros_like(image)
    for i in range(3):
        for j in range(3):
            out += padded[i : i + height, j : j + width] * filters[i, j, :, 0]
    return out


def _max_pool(image: Floats, stride: int) -> Floats:
    """2x2; what the window takes beyond the last row and column counts for nothing (TensorFlow's SAME)."""
    beyond = [(0, size % 2 if stride == 2 else 1) for size in image.shape[:2]]
    padded = np.pad(image, (*beyond, (0, 0)), constant_values=-np.inf)
    rows = np.maximum(padded[:-1:stride], padded[1::stride])
    return np.asarray(np.maximum(rows[:, :-1:stride], rows[:, 1::stride]))


@lru_cache(maxsize=1)
def _read_weights(folder: Path) -> dict[str, Floats]:
    """The weights by name, float32; face-api stores them in 8 bits: value = stored * scale + min."""
    try:
        (group,) = json.loads((folder / _WEIGHTS).read_text(encoding="utf-8"))
        stored = np.frombuffer(b"".join((folder / path).read_bytes() for path in group["paths"]), np.uint8)
    except OSError as error:
        raise SetupError(
            f"the page's face detector is not built (no {folder / _WEIGHTS}); "
            "run 'make vendor', or pass --detector haar"
        ) from error
    weights: dict[str, Floats] = {}
    position = 0
    for entry in group["weights"]:
        size, coding = int(np.prod(entry["shape"])), entry["quantization"]
        values = stored[position : position + size].astype(np.float32) * np.float32(coding["scale"])
        weights[entry["name"]] = (values + np.float32(coding["min"])).reshape(entry["shape"])
        position += size
    return weights
