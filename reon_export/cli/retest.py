"""`python -m reon_export retest`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from reon_export.cli.console import ProgressBars, out, print_json, progress
from reon_export.cli.options import parse_choice
from reon_export.evaluate.choices import Executor
from reon_export.paths import DEFAULT_MODEL_DIR
from reon_export.printable import escape

if TYPE_CHECKING:
    from reon_export.evaluate.retest.job import Noise, Retest


def retest_command(  # noqa: PLR0913, PLR0917  # one parameter an option is how typer works
    videos: Annotated[list[Path], typer.Argument(help="Videos of performances, or folders of them.")],
    model: Annotated[Path, typer.Option(help="A model folder.", show_default="web_demo/model")] = DEFAULT_MODEL_DIR,
    sides: Annotated[str, typer.Option(help="python, page (the pipeline in a browser), or both.")] = "python",
    seconds: Annotated[float, typer.Option(min=0.5, max=600, help="How much of each video is taken.")] = 4.0,
    executor: Annotated[
        Executor, typer.Option("--executor", "--engine", help="local, or ray (RAY_ADDRESS names a cluster).")
    ] = "local",
    workers: Annotated[int, typer.Option(help="Processes, or actors of Ray.")] = 1,
    out_dir: Annotated[Path, typer.Option("--out", help="Folder for retest.json and retest.png.")] = Path("retest"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Measure the noise of the score: each performance against itself filmed otherwise, and against every other.

    Example: python -m reon_export retest my_videos --workers 2 --out retest
    """
    from reon_export.evaluate.batches import BatchOptions
    from reon_export.evaluate.retest.job import RetestOptions, find_videos, retest
    from reon_export.evaluate.retest.report import RETEST_FILES, retest_as_json, write_retest

    options = RetestOptions(
        videos=find_videos(videos),
        model_dir=model,
        seconds=seconds,
        sides=parse_choice(sides, "--sides", ("python", "page")),
        out=out_dir,
        batches=BatchOptions(executor, workers, batch_size=1),
    )
    RETEST_FILES.check(options.out)
    with ProgressBars() as bars:
        result = retest(options, bars)
    with progress.status("drawing …"):
        files = write_retest(result)
    if as_json:
        print_json(retest_as_json(result))
    else:
        _print(result, files)


def _print(result: "Retest", files: list[Path]) -> None:
    for noise in result.noises:
        out.print()
        out.print(_table(noise))
        if noise.right_order is not None:
            out.print(f"In the right order: {noise.right_order:.2%} of pairs (the same changed, two different).")
        for what, reason in noise.failed:
            out.print(f"[yellow]{escape(what)}[/]: {escape(reason)}", soft_wrap=True)
        if noise.worst_moment is not None:
            moment = noise.worst_moment
            where = f"{moment.video.name} {moment.change}, at {moment.time_s:.2f} s: {moment.score:.1f}"
            out.print(f"Worst moment: {escape(where)}", soft_wrap=True)
    out.print(f"\nWritten: {', '.join(escape(str(path)) for path in files)}", soft_wrap=True)
    out.print(f"Next: look at {escape(str(files[1]))}", soft_wrap=True)


def _table(noise: "Noise") -> Table:
    from reon_export.evaluate.retest.report import summary_rows

    title = f"{noise.side}: scores of 100; for different performances the last is the best"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("change")
    for heading in ("mean", "10th percentile", "worst", "scores"):
        table.add_column(heading, justify="right")
    for name, *figures, count in summary_rows(noise):
        table.add_row(escape(name), *("-" if value is None else f"{value:.1f}" for value in figures), str(count))
    return table
