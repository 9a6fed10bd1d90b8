"""How a face is measured over time, so that a score shows the performance and not the noise.

web_demo/js/pixels/measure.js mirrors this file; both are held by tests/golden/measure.json. A classifier answers
otherwise when the same face is cut out a pixel further left, a little larger, or mirrored, and a detector's box
trembles by that much. The rule "steady" (its constants lie in `spec.measurement`):

1. **Detector.** TinyFaceDetector's boxes shift with where a face lies on its grid of 32 x 32 pixels, and always a
   little to one side. The frames are shown to it in turn in three places, in each as they are and as their mirror
   images; the average over time below does the rest. It costs nothing. Haar, where asked for, sees all frames alike.
2. **Box.** The centre and the logarithm of the size are averaged over time with a Hann window of half width
   `box_window_s` around the middle of the frame; a frame counts for as long as it lasts. Boxes that are larger or
   smaller by a factor of 1.16 (0.15 in the logarithm) than the median within 0.12 s are left out.
3. **Looks.** Each frame is looked at twice, through a crop and its mirror image: in turn as the box says; smaller and
   to the lower right; larger and to the upper left (the mirror image always to the other side). Which, is decided by
   the frame's time in cells of 1/30 s, so that a frame that is repeated within its cell is seen alike. Its
   probabilities are the mean of both.
4. **Probabilities** are averaged over time, with a Hann window of half width `window_s`, when a track is sampled for
   the score (`reon_export.score.definition`); the track itself holds what was seen in each frame.

Of 8 videos (2.5 s each, against themselves compressed, smaller, dimmer, warmer, zoomed, shifted, mirrored, at 15 frames
a second), behind Haar: as it was, a mean of 94.1, tenth percentile 89.8, worst 81.7; smoothed probabilities alone 96.7,
93.1, 82.8; with the box 97.0, 92.0, 86.4; with mirror images 97.7, 95.2, 90.3; with three looks in turn 98.0, 96.0,
93.4; all six looks in every frame, at three times the cost, 98.2, 96.4, 92.8. Behind TinyFaceDetector, shown every
frame alike: 97.1, 94.6, 91.2; in turn, which is this rule: 97.6, 95.3, 92.8, the best of different pairs 81.9. With the
very same boxes the compressed videos still score 96.8 (and 96.6 with their own): the rest is the classifier's.
The rule "single" is one look at the box as it was found, and no average.
"""

import math
from collections.abc import Sequence
from itertools import takewhile
from statistics import median
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reon_export.faces.crop import Box
from reon_export.faces.detector_input import PLAIN_VIEW, View
from reon_export.spec import Measurement

CELLS_PER_S = 30
LOOK_PAIRS = 3
# So that no usual frame rate, nor the middles of cells, has its times where a millisecond more is another cell.
_CELL_OFFSET = 0.15
DETECTOR_VIEWS = (
    View(0.9, 0, 0, False),
    View(0.9, 1, 1, True),
    View(0.95, 0.5, 0.5, False),
    View(0.9, 0, 0, True),
    View(0.9, 1, 1, False),
    View(0.95, 0.5, 0.5, True),
)
_NEAR_S = 0.12
_MAX_LOG_SIZE = 0.15


class Look(NamedTuple):
    """A window by a face's box: its size in boxes, its centre's offset in boxes, and whether the crop is mirrored."""

    scale: float
    offset_x: float
    offset_y: float
    is_mirrored: bool


def hann_weights(
    starts_s: npt.NDArray[np.float64], ends_s: npt.NDArray[np.float64], centre_s: float, half_s: float
) -> npt.NDArray[np.float64]:
    """The share of a Hann window of half width `half_s` around `centre_s` that each span of time covers.

    Its integral up to x, in half widths, is 1/2 + x/2 + sin(pi x) / (2 pi).
    """
    first, last = (np.clip((edges_s - centre_s) / half_s, -1, 1) for edges_s in (starts_s, ends_s))
    return np.asarray((last - first) / 2 + (np.sin(np.pi * last) - np.sin(np.pi * first)) / (2 * np.pi))


def look_pair_of(time_s: float) -> int:
    """Which of the three pairs of looks a frame gets."""
    return _cell_of(time_s) % LOOK_PAIRS


def detector_view_at(time_s: float, rule: Measurement) -> View:
    """How the frame at `time_s` is shown to the page's detector."""
    return PLAIN_VIEW if rule.rule == "single" else DETECTOR_VIEWS[_cell_of(time_s) % len(DETECTOR_VIEWS)]


def _cell_of(time_s: float) -> int:
    return math.floor(time_s * CELLS_PER_S + _CELL_OFFSET)


def looks_at(time_s: float, rule: Measurement) -> tuple[Look, ...]:
    """The looks at the face of the frame at `time_s`."""
    if rule.rule == "single":
        return (Look(1, 0, 0, False),)
    sign = (0, 1, -1)[look_pair_of(time_s)]
    scale, shift = 1 - sign * rule.look_scale, sign * rule.look_shift
    return Look(scale, shift, shift, False), Look(scale, -shift, shift, True)


def look_box(box: Box, look: Look) -> Box:
    """The box of a look."""
    width, height = box.width * look.scale, box.height * look.scale
    centre_x = (box.x + box.width / 2) + look.offset_x * box.width
    centre_y = (box.y + box.height / 2) + look.offset_y * box.height
    return Box(centre_x - width / 2, centre_y - height / 2, width, height)


def steady_boxes(
    times_s: Sequence[float], end_s: float, boxes: Sequence[Box | None], half_s: float
) -> list[Box | None]:
    """The boxes of one face, averaged as the rule says. `end_s`: when the last frame ends. half_s 0 changes nothing."""
    if half_s == 0:
        return list(boxes)
    ends_s = [*times_s[1:], end_s]
    framed = list(zip(times_s, ends_s, boxes, strict=True))
    known = [_Span(time_s, until_s, *_to_shape(box)) for time_s, until_s, box in framed if box]
    first = 0
    steadied: list[Box | None] = []
    for time_s, until_s, box in framed:
        middle_s = (time_s + until_s) / 2
        while first < len(known) and known[first].end_s <= middle_s - half_s:
            first += 1
        around = list(takewhile(lambda span: span.start_s < middle_s + half_s, known[first:]))  # noqa: B023  # used up here
        steadied.append(None if box is None else _average(around, time_s, middle_s, half_s) or box)
    return steadied


class _Span(NamedTuple):
    """A box, as its centre and the logarithm of its size, and from when to when it counts."""

    start_s: float
    end_s: float
    centre_x: float
    centre_y: float
    log_width: float
    log_height: float


def _average(around: Sequence[_Span], time_s: float, middle_s: float, half_s: float) -> Box | None:
    usual = median(span.log_height for span in around if abs(span.start_s - time_s) <= _NEAR_S)
    kept = np.array([span for span in around if abs(span.log_height - usual) <= _MAX_LOG_SIZE])
    weights = hann_weights(kept[:, 0], kept[:, 1], middle_s, half_s) if len(kept) else np.zeros(0)
    total = weights.sum()
    return _to_box(weights @ kept[:, 2:] / total) if total > 0 else None


def _to_shape(box: Box) -> tuple[float, float, float, float]:
    return box.x + box.width / 2, box.y + box.height / 2, math.log(box.width), math.log(box.height)


def _to_box(shape: npt.NDArray[np.float64]) -> Box:
    width, height = math.exp(shape[2]), math.exp(shape[3])
    return Box(float(shape[0]) - width / 2, float(shape[1]) - height / 2, width, height)
