"""The report as a table for a terminal."""

from rich.table import Table
from rich.text import Text

from reon_export.cli.console import VERDICT_COLOURS
from reon_export.parity.records import Cell, ImageRung, ParityRun
from reon_export.parity.report.words import (
    NONE,
    Part,
    cell_figures,
    format_number,
    format_share,
    part_verdict,
)
from reon_export.printable import make_printable


def render_summary(run: ParityRun) -> Table:
    """Every part of the run in one row; what comes from outside is shown as it is, never as markup."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for heading in ("what", "engine"):
        table.add_column(heading, no_wrap=True)
    for heading in ("max |Δp|", "gate", "top-1", "ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for part in run.parts:
        fields = [Text(make_printable(field)) for field in _row(part)]
        table.add_row(*fields, Text(make_printable(part_verdict(run, part)), style=VERDICT_COLOURS[part.verdict]))
    return table


def _row(part: Part) -> tuple[str, ...]:
    where = part.browser.name if part.browser else "Python"
    if isinstance(part, Cell):
        figures = cell_figures(part)
        what = f"{part.runtime} {part.precision}"
        return what, where, figures.max_abs_prob, figures.gate_abs_prob, figures.top1, figures.ms_per_crop
    if isinstance(part, ImageRung):
        return "same image", where, format_number(part.max_abs_prob_lossless), NONE, NONE, NONE
    shift = part.corrected or part.plain
    if shift is None:
        return "same photograph", where, NONE, NONE, NONE, NONE
    agreement = format_share(shift.top1_agreement)
    return "same photograph", where, format_number(shift.max_abs_prob), NONE, agreement, NONE
