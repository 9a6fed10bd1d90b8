"""Drawings as inline SVG and CSS bars. Sizes are in units of each drawing's own view box."""

import math
from collections.abc import Sequence
from statistics import median

from reon_export.parity.report.markup import Html, block, element
from reon_export.parity.report.words import NONE, format_number, format_share

# float32 probabilities differ by 6e-8 at the least near 1; what is below the first decade is as good as equal.
_FIRST_DECADE, _LAST_DECADE = -9, 0
_BAR_WIDTH, _BAR_HEIGHT = 180, 14
_BINS_PER_DECADE = 2
_BINS = (_LAST_DECADE - _FIRST_DECADE) * _BINS_PER_DECADE
_PLOT_LEFT, _PLOT_WIDTH, _PLOT_TOP, _PLOT_HEIGHT = 34.0, 280.0, 18.0, 72.0
_ZERO_LEFT, _BIN_GAP = 6.0, 1.5


def log_position(value: float) -> float:
    """Where a difference of probabilities lies on the axis of 1e-9..1, as 0..1; what lies outside is at the ends."""
    if value <= 0:
        return 0.0
    decades = (math.log10(value) - _FIRST_DECADE) / (_LAST_DECADE - _FIRST_DECADE)
    return min(max(decades, 0.0), 1.0)


def gate_bar(value: float, gate: float) -> Html:
    """A measured difference as a bar and its gate as an upright line, on the same axis in every row.

    It is decoration for the eye (hidden from screen readers): the figures stand beside it in words.
    """
    middle, end, limit = _BAR_HEIGHT / 2, log_position(value) * _BAR_WIDTH, log_position(gate) * _BAR_WIDTH
    shapes = [
        _rect(0, middle - 2.5, _BAR_WIDTH, 5, "track", radius=2.5),
        _rect(0, middle - 2.5, limit, 5, "allowed", radius=2.5),
        _rect(0, middle - 2.5, end, 5, "under" if value <= gate else "over", radius=2.5),
        *([element("circle", {"class": "none", "cx": "3", "cy": f"{middle:g}", "r": "2.2"})] if value == 0 else []),
        _line(limit, 0, limit, _BAR_HEIGHT, "limit"),
    ]
    return element(
        "svg",
        {"class": "gate-bar", "viewBox": f"0 0 {_BAR_WIDTH} {_BAR_HEIGHT}", "aria-hidden": "true"},
        *shapes,
    )


def histogram(values: Sequence[float], gate: float | None) -> Html:
    """How many crops differ by how much: half decades of |Δp| from 1e-9 to 1, exact equality in a bin of its own."""
    zeros = sum(value == 0 for value in values)
    under, over = [0] * _BINS, [0] * _BINS
    for value in values:
        if value > 0:
            index = min(int(log_position(value) * _BINS), _BINS - 1)
            (over if gate is not None and value > gate else under)[index] += 1
    tallest = max(zeros, *(a + b for a, b in zip(under, over, strict=True)), 1)
    step, shapes = _PLOT_WIDTH / _BINS, _axis()
    shapes += _column(_ZERO_LEFT, step, (zeros, 0), tallest)
    for index, counts in enumerate(zip(under, over, strict=True)):
        shapes += _column(_PLOT_LEFT + index * step, step, counts, tallest)
    if gate is not None:
        x = _PLOT_LEFT + log_position(gate) * _PLOT_WIDTH
        shapes.append(_line(x, _PLOT_TOP - 4, x, _PLOT_TOP + _PLOT_HEIGHT, "limit"))
        shapes.append(_text(x, _PLOT_TOP - 7, f"gate {format_number(gate)}"))
    label = {"role": "img", "aria-label": _describe_values(values, zeros, gate), "viewBox": "0 0 324 112"}
    return element("svg", {"class": "histogram", **label}, *shapes)


def share_bar(parts: Sequence[tuple[str, int]]) -> Html:
    """Counts as one bar cut into parts, with a legend that says each in words and numbers."""
    total = max(sum(count for _, count in parts), 1)
    pieces = [
        element("span", {"class": f"piece piece-{index}", "style": f"flex-grow:{count}"})
        for index, (_, count) in enumerate(parts)
        if count
    ]
    legend = [
        element(
            "li", {}, block(f"swatch piece-{index}", name="span"), f"{name}: {count} ({format_share(count / total)})"
        )
        for index, (name, count) in enumerate(parts)
    ]
    return block(
        "share", element("div", {"class": "pieces", "aria-hidden": "true"}, *pieces), element("ul", {}, *legend)
    )


def probability_bars(rows: Sequence[tuple[str, float, float]]) -> Html:
    """For each label the expected probability above the actual one, as bars and in per cent."""
    body = []
    for label, expected, actual in rows:
        bars = element(
            "div", {"aria-hidden": "true"}, _percent_bar("expected", expected), _percent_bar("actual", actual)
        )
        body.append(
            element(
                "tr",
                {},
                element("th", {"scope": "row"}, label, bars),
                element("td", {"class": "number"}, _per_cent(expected)),
                element("td", {"class": "number"}, _per_cent(actual)),
            )
        )
    heads = [element("th", {"scope": "col"}, title) for title in ("Label", "PyTorch", "Export")]
    return block(
        "probabilities", element("thead", {}, element("tr", {}, *heads)), element("tbody", {}, *body), name="table"
    )


def _percent_bar(kind: str, value: float) -> Html:
    width = 100 * min(max(value, 0.0), 1.0) if math.isfinite(value) else 0.0
    return element("span", {"class": f"bar {kind}", "style": f"width:{width:.2f}%"})


def _per_cent(value: float) -> str:
    return f"{100 * value:.2f} %" if math.isfinite(value) else NONE


def _axis() -> list[Html]:
    bottom = _PLOT_TOP + _PLOT_HEIGHT
    shapes = [
        _line(_ZERO_LEFT - 2, bottom, _ZERO_LEFT + 18, bottom, "axis"),
        _line(_PLOT_LEFT, bottom, _PLOT_LEFT + _PLOT_WIDTH, bottom, "axis"),
        _text(_ZERO_LEFT + 8, bottom + 15, "0"),
    ]
    for decade in range(_FIRST_DECADE + 1, _LAST_DECADE + 1):
        x = _PLOT_LEFT + log_position(10.0**decade) * _PLOT_WIDTH
        shapes.append(_line(x, bottom, x, bottom + 3, "axis"))
        if decade % 2 == 0:
            shapes.append(_text(x, bottom + 15, format_number(10.0**decade)))
    return shapes


def _column(left: float, step: float, counts: tuple[int, int], tallest: int) -> list[Html]:
    shapes, bottom = [], _PLOT_TOP + _PLOT_HEIGHT
    for count, kind in zip(counts, ("under", "over"), strict=True):
        if count:
            height = max(_PLOT_HEIGHT * count / tallest, 1.5)
            bottom -= height
            shapes.append(_rect(left + _BIN_GAP / 2, bottom, step - _BIN_GAP, height, kind, radius=1))
    return shapes


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


def _rect(x: float, y: float, width: float, height: float, kind: str, radius: float) -> Html:
    size = {"x": f"{x:.2f}", "y": f"{y:.2f}", "width": f"{width:.2f}", "height": f"{height:.2f}", "rx": f"{radius:g}"}
    return element("rect", {"class": kind, **size})


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Html:
    return element("line", {"class": kind, "x1": f"{x1:.2f}", "y1": f"{y1:.2f}", "x2": f"{x2:.2f}", "y2": f"{y2:.2f}"})


def _text(x: float, y: float, content: str) -> Html:
    return element("text", {"x": f"{x:.2f}", "y": f"{y:.2f}"}, content)
