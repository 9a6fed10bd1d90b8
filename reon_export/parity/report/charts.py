"""The drawings of parity.html as shapes. Sizes are in units of each drawing's own view box."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from reon_export.parity.report.words import format_distance, format_number

# float32 probabilities differ by 6e-8 at the least near 1; what is below the first decade is as good as equal.
_FIRST_DECADE, _LAST_DECADE = -9, 0
_BAR_WIDTH, _BAR_HEIGHT = 180, 14
_BINS_PER_DECADE = 2
_BINS = (_LAST_DECADE - _FIRST_DECADE) * _BINS_PER_DECADE
_PLOT_LEFT, _PLOT_WIDTH, _PLOT_TOP, _PLOT_HEIGHT = 34.0, 280.0, 18.0, 72.0
_PLOT_BOTTOM = _PLOT_TOP + _PLOT_HEIGHT
_ZERO_LEFT, _BIN_GAP = 6.0, 1.5


@dataclass(frozen=True)
class Rect:
    """`kind` is the style class."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    radius: float


@dataclass(frozen=True)
class Line:
    """`kind` is the style class."""

    x1: float
    y1: float
    x2: float
    y2: float
    kind: str


@dataclass(frozen=True)
class Label:
    """Text at a place."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class GateBar:
    """A measured difference as a bar, its gate as an upright line, and the distance of the two in words."""

    width: int
    height: int
    rects: tuple[Rect, ...]
    limit: Line
    is_zero: bool
    is_over: bool
    words: str


@dataclass(frozen=True)
class Histogram:
    """How many crops differ by how much; `label` is the same in words."""

    label: str
    lines: tuple[Line, ...]
    texts: tuple[Label, ...]
    rects: tuple[Rect, ...]
    limit: Line | None


def log_position(value: float) -> float:
    """Where a difference of probabilities lies on the axis of 1e-9..1, as 0..1; what lies outside is at the ends."""
    if value <= 0:
        return 0.0
    decades = (math.log10(value) - _FIRST_DECADE) / (_LAST_DECADE - _FIRST_DECADE)
    return min(max(decades, 0.0), 1.0)


def gate_bar(value: float, gate: float) -> GateBar:
    """A bar on the same axis in every row."""
    middle, end, limit = _BAR_HEIGHT / 2, log_position(value) * _BAR_WIDTH, log_position(gate) * _BAR_WIDTH
    is_over = value > gate
    return GateBar(
        width=_BAR_WIDTH,
        height=_BAR_HEIGHT,
        rects=(
            Rect(0, middle - 2.5, _BAR_WIDTH, 5, "track", 2.5),
            Rect(0, middle - 2.5, limit, 5, "allowed", 2.5),
            Rect(0, middle - 2.5, end, 5, "over" if is_over else "under", 2.5),
        ),
        limit=Line(limit, 0, limit, _BAR_HEIGHT, "limit"),
        is_zero=value == 0,
        is_over=is_over,
        words=format_distance(value, gate),
    )


def histogram(values: Sequence[float], gate: float | None) -> Histogram:
    """Half decades of |Δp| from 1e-9 to 1; exact equality has a bin of its own."""
    zeros = sum(value == 0 for value in values)
    under, over = [0] * _BINS, [0] * _BINS
    for value in values:
        if value > 0:
            index = min(int(log_position(value) * _BINS), _BINS - 1)
            (over if gate is not None and value > gate else under)[index] += 1
    tallest = max(zeros, *(a + b for a, b in zip(under, over, strict=True)), 1)
    step = _PLOT_WIDTH / _BINS
    rects = _column(_ZERO_LEFT, step, (zeros, 0), tallest)
    for index, counts in enumerate(zip(under, over, strict=True)):
        rects += _column(_PLOT_LEFT + index * step, step, counts, tallest)
    lines, texts, limit = *_axis(), None
    if gate is not None:
        x = _PLOT_LEFT + log_position(gate) * _PLOT_WIDTH
        limit = Line(x, _PLOT_TOP - 4, x, _PLOT_BOTTOM, "limit")
        texts.append(Label(x, _PLOT_TOP - 7, f"gate {format_number(gate)}"))
    return Histogram(_describe_values(values, zeros, gate), tuple(lines), tuple(texts), tuple(rects), limit)


def _axis() -> tuple[list[Line], list[Label]]:
    bottom = _PLOT_BOTTOM
    lines = [
        Line(_ZERO_LEFT - 2, bottom, _ZERO_LEFT + 18, bottom, "axis"),
        Line(_PLOT_LEFT, bottom, _PLOT_LEFT + _PLOT_WIDTH, bottom, "axis"),
    ]
    texts = [Label(_ZERO_LEFT + 8, bottom + 15, "0")]
    for decade in range(_FIRST_DECADE + 1, _LAST_DECADE + 1):
        x = _PLOT_LEFT + log_position(10.0**decade) * _PLOT_WIDTH
        lines.append(Line(x, bottom, x, bottom + 3, "axis"))
        if decade % 2 == 0:
            texts.append(Label(x, bottom + 15, format_number(10.0**decade)))
    return lines, texts


def _column(left: float, step: float, counts: tuple[int, int], tallest: int) -> list[Rect]:
    rects, bottom = [], _PLOT_BOTTOM
    for count, kind in zip(counts, ("under", "over"), strict=True):
        if count:
            height = max(_PLOT_HEIGHT * count / tallest, 1.5)
            bottom -= height
            rects.append(Rect(left + _BIN_GAP / 2, bottom, step - _BIN_GAP, height, kind, 1))
    return rects


def _describe_values(values: Sequence[float], zeros: int, gate: float | None) -> str:
    if not values:
        return "Histogram without crops"
    over = sum(gate is not None and value > gate for value in values)
    told = [
        f"Histogram of the largest difference of a probability on each of {len(values)} crops",
        f"{zeros} exactly equal",
        f"median {format_number(median(values))}",
        f"largest {format_number(max(values))}",
    ]
    return ", ".join([*told, *([f"{over} over the gate of {format_number(gate)}"] if gate is not None else [])])
