"""`python -m reon_export parity`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reon_export.cli.console import VERDICT_COLOURS, ProgressBars, out, print_json, progress
from reon_export.cli.options import NOT_GOOD_ENOUGH, parse_choice, parse_runtimes, split
from reon_export.manifest import PRECISIONS
from reon_export.paths import DEFAULT_MODEL_DIR, SAMPLE_PHOTOS, SHOWN_MODEL_DIR
from reon_export.printable import escape
from reon_export.runtimes.runtime_id import BROWSER_RUNTIMES, KERNELS, ONNX, TFJS_WASM, TORCH

if TYPE_CHECKING:
    from reon_export.parity.job import ParityOptions
    from reon_export.parity.records import ParityRun

_ALL = (ONNX, *BROWSER_RUNTIMES)


def parity_command(  # noqa: PLR0913, PLR0917  # one parameter an option is how typer works
    model_dir: Annotated[Path, typer.Argument(help="The model folder.", show_default=SHOWN_MODEL_DIR)] = (
        DEFAULT_MODEL_DIR
    ),
    checkpoint: Annotated[
        Path | None, typer.Option(help="The weights that it was made from.", show_default="the one in models/")
    ] = None,
    crops: Annotated[Path | None, typer.Option(help="Folder of face crops for the rung 'tensor'.")] = None,
    photos: Annotated[
        Path, typer.Option(help="Folder of photographs for the rung 'photo'.", show_default="web_demo/samples")
    ] = SAMPLE_PHOTOS,
    rungs: Annotated[str, typer.Option(help="tensor, image, photo; a comma between them.")] = "tensor,image,photo",
    runtimes: Annotated[
        str,
        typer.Option(help=f"'all', or some of {', '.join(map(str, _ALL))}."),
    ] = f"{ONNX},{KERNELS},{TFJS_WASM}",
    precisions: Annotated[
        str | None, typer.Option(help="TF.js precisions.", show_default="those that the page may load")
    ] = None,
    browser: Annotated[
        str, typer.Option(help="chromium, firefox, webkit or a path; a comma between them.")
    ] = "chromium",
    samples: Annotated[int, typer.Option(min=1, help="How many crops.")] = 64,
    report: Annotated[Path, typer.Option(help="Folder for parity.json, parity.md and parity.html.")] = Path("report"),
    allow_missing: Annotated[
        str, typer.Option(help="What may be 'not run': firefox, tfjs:webgpu, firefox/tfjs:webgl, ...")
    ] = "",
    bisect: Annotated[
        bool, typer.Option("--bisect", help="Instead: name the first node that leaves PyTorch, in ONNX and TF.js.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report's JSON.")] = False,
) -> None:
    """Compare a model folder with PyTorch; exit code 0 passed, 1 failed, 2 could not run.

    Example: python -m reon_export parity web_demo/model --runtimes all --browser chromium,firefox --report report
    """
    from reon_export.parity.job import ParityOptions, run_parity
    from reon_export.parity.records import RUNGS
    from reon_export.parity.report import REPORT_FILES, make_report, write_report

    options = ParityOptions(
        model_dir=model_dir,
        checkpoint=checkpoint,
        crops=crops,
        photos=photos,
        rungs=parse_choice(rungs, "--rungs", RUNGS),
        runtimes=_ALL if runtimes == "all" else parse_runtimes(runtimes, (TORCH, *_ALL)),
        precisions=parse_choice(precisions, "--precisions", PRECISIONS) if precisions else (),
        browsers=split(browser),
        samples=samples,
        allow_missing=split(allow_missing),
    )
    if bisect:
        _bisect(options)
        return
    REPORT_FILES.check(report)
    with ProgressBars() as bars:
        run = run_parity(options, bars)
    page = write_report(run, report)
    if as_json:
        print_json(make_report(run))
    else:
        print_parity(run, str(page))
    if run.verdict != "passed":
        sys.exit(NOT_GOOD_ENOUGH)


def _bisect(options: "ParityOptions") -> None:
    from reon_export.parity.bisect.table import render_bisect
    from reon_export.parity.job import run_bisect

    with progress.status("bisecting …"):
        report = run_bisect(options)
    out.print(render_bisect(report))
    if any(bisection.first_over() for bisection in report.bisections):
        sys.exit(NOT_GOOD_ENOUGH)


def print_parity(run: "ParityRun", report: str) -> None:
    """A parity job's table, its verdict, and where the report lies."""
    from reon_export.cli.parity_table import render_summary
    from reon_export.parity.records import Cell

    out.print()
    out.print(render_summary(run))
    colour = VERDICT_COLOURS[run.verdict]
    for part in run.parts:
        if part.verdict != "passed" and part.reasons:
            cell = (str(part.runtime), part.precision) if isinstance(part, Cell) else ()
            where = " ".join(filter(None, (str(part.browser or ""), *cell)))
            allowed = "" if run.counts_against(part) else " (allowed)"
            line = f"{where} {part.verdict.replace('_', ' ')}{allowed}: {'; '.join(part.reasons)}"
            out.print(escape(line), soft_wrap=True)
    out.print(f"\nParity [bold {colour}]{run.verdict.replace('_', ' ')}[/] in {run.seconds:.0f} s.")
    out.print(f"Next: look at {escape(report)}", soft_wrap=True)
