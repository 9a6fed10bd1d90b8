"""parity.html: one file, no script, nothing loaded from anywhere. The page is templates/report.html.jinja.

Jinja escapes everything that a template prints: names, reasons and versions come from outside.
"""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import cv2
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reon_export.parity.compare import Flip
from reon_export.parity.records import Cell, ImageRung, ParityRun, PhotoRung, PixelCase, WorstSample
from reon_export.parity.report import words
from reon_export.parity.report.charts import GateBar, Histogram, gate_bar, histogram
from reon_export.parity.report.words import NONE, format_number, format_seconds, format_share, format_signed, is_number
from reon_export.printable import make_printable

# Six pictures of 96 px are at most 6 * 37 kB even if they were noise, so the page stays under 300 kB.
_PICTURES_AT_MOST, _PICTURE_SIDE = 6, 96
_FLIPS_AT_MOST = 12
_LABELS_AT_MOST = 4
_CASES_AT_MOST = 16
_TEMPLATES = "templates"


@dataclass(frozen=True)
class LabelRow:
    """One label's two probabilities in per cent, and the widths of their bars."""

    label: str
    expected: str
    actual: str
    expected_width: str
    actual_width: str


@dataclass(frozen=True)
class Picture:
    """The crop on which a variant is furthest from PyTorch; `address` is a data URL."""

    cell: Cell
    name: str
    address: str
    side: int
    max_abs_prob: str
    rows: tuple[LabelRow, ...]


def render_html(run: ParityRun) -> str:
    """The whole page."""
    environment = Environment(
        loader=PackageLoader("reon_export.parity.report", _TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_show,
    )
    environment.globals |= {name: getattr(words, name) for name in _WORDS}
    environment.globals |= {function.__name__: function for function in _FUNCTIONS}
    css = files("reon_export.parity.report").joinpath(_TEMPLATES, "report.css").read_text(encoding="utf-8")
    return environment.get_template("report.html.jinja").render(run=run, css=Markup(css))  # noqa: S704  # our own file


def _show(value: object) -> object:
    """What a template prints of a value; Jinja escapes it afterwards."""
    return make_printable(value, keep="\n") if type(value) is str else value


def key_figures(run: ParityRun) -> list[tuple[str, str]]:
    """The figures of the masthead."""
    counts = [len(words.parts_with(run, verdict)) for verdict in ("passed", "failed", "not_run")]
    largest = words.largest_passed_difference(run)
    return [
        ("Face crops", f"{run.samples:,}"),
        ("Passed", str(counts[0])),
        ("Failed", str(counts[1])),
        ("Not run", str(counts[2])),
        ("Largest passing |Δp|", format_number(largest) if largest is not None else NONE),
        ("Took", format_seconds(run.seconds)),
    ]


def cell_facts(cell: Cell) -> list[str]:
    """Where a cell ran, and what its runtime tells about itself."""
    facts = [f"{name} {value}" for name, value in sorted(cell.facts.items()) if value not in {"", "-", NONE}]
    return [str(cell.browser or "Python"), *facts]


def cell_bar(cell: Cell) -> GateBar | None:
    """The largest difference of a cell beside its gate."""
    if cell.measurement is None or cell.gate is None or not is_number(cell.measurement.max_abs_prob):
        return None
    return gate_bar(cell.measurement.max_abs_prob, cell.gate.max_abs_prob)


def histograms(run: ParityRun) -> list[tuple[Cell, Histogram]]:
    """A histogram of |Δp| for each cell that was measured."""
    found = []
    for cell in run.cells:
        measured = cell.measurement.max_abs_prob_by_sample if cell.measurement else ()
        values = [value for value in measured if is_number(value)]
        if values:
            found.append((cell, histogram(values, cell.gate.max_abs_prob if cell.gate else None)))
    return found


def flips(run: ParityRun) -> list[tuple[Cell, list[Flip], int]]:
    """For each cell with crops whose first label changed: those with the largest margins, and how many more."""
    found = []
    for cell in run.cells:
        changed = sorted(cell.measurement.flips if cell.measurement else (), key=lambda flip: -flip.margin)
        if changed:
            found.append((cell, changed[:_FLIPS_AT_MOST], len(changed) - len(changed[:_FLIPS_AT_MOST])))
    return found


def format_margin(margin: float) -> str:
    """Like `1.25 points`."""
    return f"{100 * margin:.2f} points" if is_number(margin) else NONE


def worst_crops(run: ParityRun) -> tuple[list[Picture], int]:
    """The worst crops, failed cells first, then the nearest to their gates; and how many more there are."""
    cells = sorted((cell for cell in run.cells if cell.worst), key=_distance_rank, reverse=True)
    pictures = [_make_picture(run, cell, cell.worst) for cell in cells[:_PICTURES_AT_MOST] if cell.worst]
    return pictures, len(cells) - len(pictures)


def _distance_rank(cell: Cell) -> tuple[bool, float]:
    value = cell.measurement.max_abs_prob if cell.measurement else math.nan
    gate = cell.gate.max_abs_prob if cell.gate else math.nan
    ratio = value / gate if gate else math.inf
    return cell.verdict == "failed", ratio if math.isfinite(ratio) else -1.0


def _make_picture(run: ParityRun, cell: Cell, worst: WorstSample) -> Picture:
    sides = zip(run.labels, worst.expected, worst.actual, strict=True)
    rows = sorted(sides, key=lambda row: -max(value if is_number(value) else 0 for value in row[1:]))
    return Picture(
        cell=cell,
        name=worst.name,
        address=_png_address(worst),
        side=_PICTURE_SIDE,
        max_abs_prob=format_number(cell.measurement.max_abs_prob if cell.measurement else None),
        rows=tuple(
            LabelRow(label, _per_cent(expected), _per_cent(actual), _bar_width(expected), _bar_width(actual))
            for label, expected, actual in rows[:_LABELS_AT_MOST]
        ),
    )


def _per_cent(value: float) -> str:
    return f"{100 * value:.2f} %" if math.isfinite(value) else NONE


def _bar_width(value: float) -> str:
    return f"{100 * min(max(value, 0.0), 1.0) if math.isfinite(value) else 0.0:.2f}"


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


def worst_cases(rung: ImageRung) -> tuple[Sequence[PixelCase], int]:
    """The cases that could not be compared, then the furthest apart; and how many more there are."""
    cases = sorted(rung.cases, key=lambda case: (not case.problem, -case.max_abs))
    return cases[:_CASES_AT_MOST], max(0, len(cases) - _CASES_AT_MOST)


def found_shares(rung: PhotoRung) -> list[tuple[str, int, str]]:
    """Who found a face: name, photographs, share."""
    both = rung.photos - rung.haar_only - rung.browser_only - rung.neither
    counts = (
        ("Both found a face", both),
        ("Only Python", rung.haar_only),
        ("Only the page", rung.browser_only),
        ("Neither", rung.neither),
    )
    total = max(sum(count for _, count in counts), 1)
    return [(name, count, format_share(count / total)) for name, count in counts]


def named_shifts(rung: PhotoRung) -> list[tuple[str, ...]]:
    """A row of figures for the boxes as detected and with the correction."""
    return [
        (
            name,
            format_number(shift.mean_iou),
            format_signed(shift.mean_offset_x),
            format_signed(shift.mean_offset_y),
            format_signed(shift.mean_log_scale),
            format_number(shift.mean_abs_prob),
            format_number(shift.max_abs_prob),
            format_share(shift.top1_agreement),
        )
        for name, shift in (("As detected", rung.plain), ("With correction", rung.corrected))
        if shift
    ]


def environment(run: ParityRun) -> list[tuple[str, str]]:
    """What was compared, with what, when: enough to do it again."""
    return [
        ("Model", run.model),
        ("Checkpoint SHA-256", run.source_sha256),
        ("Labels", ", ".join(run.labels)),
        ("Network input", f"{run.input_size} × {run.input_size} px, RGB"),
        ("Started", run.started_at),
        ("Took", format_seconds(run.seconds)),
        ("Allowed to be missing", ", ".join(run.allow_missing) or "nothing"),
        *sorted(run.tools.items()),
    ]


_WORDS = (
    "METRICS",
    "NONE",
    "cell_figures",
    "format_number",
    "headline",
    "part_name",
    "part_verdict",
    "parts_with",
    "summarise",
    "verdict_word",
)
_FUNCTIONS = (
    cell_bar,
    cell_facts,
    environment,
    flips,
    format_margin,
    found_shares,
    histograms,
    key_figures,
    named_shifts,
    worst_cases,
    worst_crops,
)
