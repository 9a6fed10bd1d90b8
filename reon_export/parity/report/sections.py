"""The sections of parity.html about rung 1: what failed, the figures, their spread, flips and the worst crops."""

import base64
import math
from collections.abc import Sequence

import cv2

from reon_export.parity.compare import Flip
from reon_export.parity.records import Cell, ParityRun, WorstSample
from reon_export.parity.report.charts import gate_bar, histogram, probability_bars
from reon_export.parity.report.markup import Html, block, element, join, section, table, verdict_badge
from reon_export.parity.report.words import (
    METRICS,
    NONE,
    Part,
    cell_figures,
    format_distance,
    format_number,
    is_number,
    part_name,
    part_verdict,
    short_engine,
)

# Six pictures of 96 px are at most 6 * 37 kB even if they were noise, so the page stays under 300 kB.
_PICTURES_AT_MOST, _PICTURE_SIDE = 6, 96
_FLIPS_AT_MOST = 12
_LABELS_AT_MOST = 4
_NOTHING = Html("")


def build_reasons(run: ParityRun) -> Html:
    """What failed and what was not run, and why."""
    cards = []
    for title, lead, verdict in (
        ("What failed", "Over its gate, or it could not be compared.", "failed"),
        ("What was not run", "Not run is not passed: nothing is known about these.", "not_run"),
    ):
        parts = [part for part in run.parts if part.verdict == verdict]
        if parts:
            cards.append(section(title, lead, element("ul", {"class": "reasons"}, *(_reason(run, p) for p in parts))))
    return join(*cards)


def _reason(run: ParityRun, part: Part) -> Html:
    name = part_name(part)
    return element(
        "li",
        {},
        block("reason-name", verdict_badge(part.verdict, part_verdict(run, part)), element("strong", {}, name)),
        element("p", {}, "; ".join(part.reasons) or "No reason was given."),
    )


def build_cell_table(run: ParityRun) -> Html:
    """Every runtime x precision x engine with its figures, each beside its gate."""
    if not run.cells:
        return _NOTHING
    heads = ("Variant", "Verdict", "max |Δp|", "max |Δlogit|", "top-1", "mean KL", "ms per crop")
    meanings = [element("div", {}, element("dt", {}, name), element("dd", {}, text)) for name, text in METRICS.items()]
    return section(
        "Same crop, same answer?",
        f"{run.samples:,} face crops went through PyTorch and through each exported variant, pixel for pixel the same. "
        "The bars are logarithmic: the upright line is the gate, and the shorter the bar, the closer the answers.",
        table("Figures of each variant beside its gates", heads, [_cell_row(run, cell) for cell in run.cells], 2),
        block("meanings", *meanings, name="dl"),
    )


def _cell_row(run: ParityRun, cell: Cell) -> tuple[str, ...]:
    figures = cell_figures(cell)
    return (
        _cell_heading(cell),
        verdict_badge(cell.verdict, part_verdict(run, cell)),
        _gated_figure(cell),
        _beside_gate(figures.max_abs_logit, figures.gate_abs_logit, "≤"),
        _beside_gate(figures.top1, figures.gate_top1, "≥"),
        figures.mean_kl,
        figures.ms_per_crop,
    )


def _cell_heading(cell: Cell) -> Html:
    facts = [f"{name} {value}" for name, value in sorted(cell.facts.items()) if value not in {"", "-", NONE}]
    return join(_variant(cell), block("quiet", " · ".join([cell.engine or "Python", *facts])))


def _variant(cell: Cell) -> Html:
    return block("variant", f"{cell.runtime} {cell.precision}")


def _engine(cell: Cell) -> Html:
    return block("quiet", short_engine(cell.engine) or "Python")


def _gated_figure(cell: Cell) -> str:
    figures, measurement, gate = cell_figures(cell), cell.measurement, cell.gate
    value = _beside_gate(figures.max_abs_prob, figures.gate_abs_prob, "≤")
    if measurement is None or gate is None or not is_number(measurement.max_abs_prob):
        return value
    over = "over-words" if measurement.max_abs_prob > gate.max_abs_prob else "quiet"
    distance = block(over, format_distance(measurement.max_abs_prob, gate.max_abs_prob))
    return join(value, gate_bar(measurement.max_abs_prob, gate.max_abs_prob), distance)


def _beside_gate(value: str, gate: str, sign: str) -> str:
    if NONE in {value, gate}:
        return value
    limit = block("limit-words", block("visually-hidden", "gate ", name="span"), f"{sign} {gate}", name="span")
    return block("figure", value, " ", limit)


def build_histograms(run: ParityRun) -> Html:
    """One small histogram of |Δp| for each variant that was measured."""
    figures = []
    for cell in run.cells:
        measurement = cell.measurement
        values = [value for value in (measurement.max_abs_prob_by_sample if measurement else ()) if is_number(value)]
        if values:
            caption = element("figcaption", {}, _variant(cell), _engine(cell))
            drawing = histogram(values, cell.gate.max_abs_prob if cell.gate else None)
            figures.append(element("figure", {"class": "spread"}, caption, drawing))
    if not figures:
        return _NOTHING
    return section(
        "How the differences spread",
        "Each crop counts once, by its largest |Δp|. Left is closer; each labelled step is a hundredfold; "
        "crops that agree to the last bit stand at 0.",
        block("grid", *figures),
    )


def build_flips(run: ParityRun) -> Html:
    """The crops whose first label changed, and how undecided PyTorch was itself."""
    tables = [_flip_table(cell, cell.measurement.flips) for cell in run.cells if cell.measurement]
    if not any(tables):
        return _NOTHING
    return section(
        "Labels that changed",
        "The margin is how far PyTorch's own two best labels were apart: a change at a small margin is a coin toss, "
        "one at a large margin is a fault.",
        *tables,
    )


def _flip_table(cell: Cell, flips: Sequence[Flip]) -> Html:
    if not flips:
        return _NOTHING
    ordered = sorted(flips, key=lambda flip: -flip.margin)
    rows = [(f"{flip.sample}", flip.expected, flip.actual, _margin(flip)) for flip in ordered[:_FLIPS_AT_MOST]]
    left_out = len(flips) - len(rows)
    more = f"{left_out} more {'is' if left_out == 1 else 'are'} in parity.json."
    name = part_name(cell)
    return block(
        "rung",
        element("h3", {}, name),
        table(f"Labels that changed in {name}", ("Crop", "PyTorch", "Export", "Margin"), rows, numeric_from=3),
        *([block("quiet", more, name="p")] if left_out else []),
    )


def _margin(flip: Flip) -> str:
    return f"{100 * flip.margin:.2f} points" if is_number(flip.margin) else NONE


def build_worst_crops(run: ParityRun) -> Html:
    """The crops on which the variants are furthest from PyTorch: failed ones first, then the nearest to their gates."""
    cells = sorted((cell for cell in run.cells if cell.worst), key=_distance_rank, reverse=True)
    cards = [_worst_card(run, cell, cell.worst) for cell in cells[:_PICTURES_AT_MOST] if cell.worst]
    if not cards:
        return _NOTHING
    left_out = len(cells) - len(cards)
    more = f" {left_out} more in parity.json." if left_out else ""
    return section(
        "The worst crop of each variant",
        f"Where the answers are furthest apart, and what each side said.{more}",
        block("grid worst", *cards),
    )


def _distance_rank(cell: Cell) -> tuple[bool, float]:
    value = cell.measurement.max_abs_prob if cell.measurement else math.nan
    gate = cell.gate.max_abs_prob if cell.gate else math.nan
    ratio = value / gate if gate else math.inf
    return cell.verdict == "failed", ratio if math.isfinite(ratio) else -1.0


def _worst_card(run: ParityRun, cell: Cell, worst: WorstSample) -> Html:
    sides = zip(run.labels, worst.expected, worst.actual, strict=True)
    rows = sorted(sides, key=lambda row: -max(value if is_number(value) else 0 for value in row[1:]))
    value = cell.measurement.max_abs_prob if cell.measurement else None
    picture = element(
        "img",
        {
            "src": _png_address(worst),
            "alt": f"Face crop {worst.name}, on which {part_name(cell)} is furthest from PyTorch",
            "width": str(_PICTURE_SIDE),
            "height": str(_PICTURE_SIDE),
        },
    )
    told = block(
        "worst-words",
        _variant(cell),
        _engine(cell),
        block("quiet", f"max |Δp| {format_number(value)}"),
        verdict_badge(cell.verdict, part_verdict(run, cell)),
    )
    return element(
        "figure",
        {},
        block("worst-head", picture, told),
        probability_bars(rows[:_LABELS_AT_MOST]),
        element("figcaption", {"class": "quiet"}, worst.name),
    )


def _png_address(worst: WorstSample) -> str:
    crop_rgb = worst.crop_rgb
    if max(crop_rgb.shape[:2]) > _PICTURE_SIDE:
        scale = _PICTURE_SIDE / max(crop_rgb.shape[:2])
        size = (max(round(crop_rgb.shape[1] * scale), 1), max(round(crop_rgb.shape[0] * scale), 1))
        small = cv2.resize(crop_rgb, size, interpolation=cv2.INTER_AREA)
    else:
        small = crop_rgb
    encoded = cv2.imencode(".png", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
    return f"data:image/png;base64,{base64.b64encode(encoded.tobytes()).decode('ascii')}"
