"""A bisection for people: the first node that leaves PyTorch, and a table of all blocks of the network."""

import math

from rich.console import Group
from rich.table import Table

from reon_export.parity.bisect.divergence import THRESHOLDS, Bisection, BisectReport, BlockDifference
from reon_export.printable import escape


def render_bisect(report: BisectReport, threshold: float | None = None) -> Group:
    """One table over all runtimes and one line for each, ready for a rich Console.

    `threshold` is that of each runtime's precision by default.
    """
    explanation = (
        "relative: largest difference over largest value of a tensor; own: what one layer adds by itself, fed with the "
        "runtime's own input. What is over the threshold of its precision is marked."
    )
    lines = [_conclude(bisection, threshold) for bisection in report.bisections]
    return Group(_tabulate(report, threshold), f"[dim]{explanation}[/]", *lines)


def _tabulate(report: BisectReport, threshold: float | None) -> Table:
    samples = max(bisection.samples for bisection in report.bisections)
    title = f"{escape(report.model)}: difference from PyTorch by block, {samples} crops"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("block")
    for bisection in report.bisections:
        table.add_column(f"{bisection.runtime} {bisection.precision}\nrelative", justify="right")
        table.add_column("\nown", justify="right")
    by_runtime = [bisection.by_block() for bisection in report.bisections]
    limits = [_limit(bisection, threshold) for bisection in report.bisections]
    for blocks in zip(*by_runtime, strict=True):
        cells = [text for block, limit in zip(blocks, limits, strict=True) for text in _show(block, limit)]
        table.add_row(blocks[0].block, *cells)
    return table


def _limit(bisection: Bisection, threshold: float | None) -> float:
    return THRESHOLDS[bisection.precision] if threshold is None else threshold


def _show(block: BlockDifference, limit: float) -> tuple[str, str]:
    relative, own = (_mark(value, limit) for value in (block.relative, block.own))
    return relative, own


def _mark(value: float, limit: float) -> str:
    return _number(value) if value <= limit else f"[bold red]{_number(value)} ![/]"


def _number(value: float) -> str:
    return f"{value:.1e}" if math.isfinite(value) else "not finite"


def _conclude(bisection: Bisection, threshold: float | None) -> str:
    name = f"{bisection.runtime} {bisection.precision}"
    first = bisection.first_over(threshold)
    if first is None:
        return f"[green]✓[/] {name} stays with PyTorch in all {len(bisection.rows)} nodes"
    own = bisection.largest_own
    return (
        f"[red]✗[/] {name} {escape(str(first))}; the layer that adds most by itself is {own.block}, {own.part} "
        f"({_number(own.own or 0.0)}), {escape(own.node)}"
    )
