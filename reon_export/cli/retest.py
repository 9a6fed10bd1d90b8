"""`python -m reon_export retest`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from reon_export.cli.console import ProgressBars, out, print_json, progress
from reon_export.cli.options import parse_choice
from reon_export.evaluate.choices import Executor
from reon_export.paths import DEFAULT_MODEL_DIR, SHOWN_MODEL_DIR
from reon_export.printable import escape

if TYPE_CHECKING:
    from reon_export.evaluate.retest.job import Noise, Retest


def retest_command(  # noqa: PLR0913, PLR0917  # one parameter an option is how typer works
    videos: Annotated[list[Path], typer.Argument(help="Videos of performances, or folders of them.")],
    model: Annotated[Path, typer.Option(help="A model folder.", show_default=SHOWN_MODEL_DIR)] = DEFAULT_MODEL_DIR,
    sides: Annotated[
        str, typer.Option(help="Any of python, haar (Python, the detector of the training crops), page (in a browser).")
    ] = "python",
    seconds: Annotated[float, typer.Option(min=0.5, max=600, help="How much of each video is taken.")] = 4.0,
    executor: Annotated[
        Executor, typer.Option("--executor", "--engine", help="local, or ray (RAY_ADDRESS names a cluster).")
    ] = "local",
    workers: Annotated[int, typer.Option(help="Processes, or actors of Ray.")] = 1,
    out_dir: Annotated[Path, typer.Option("--out", help="Folder for retest.json and retest.png.")] = Path("retest"),
    spec: Annotated[
        Path | None, typer.Option(help="A spec that gets the scale of these scores, so that they can be put in words.")
    ] = None,
    measured_on: Annotated[str, typer.Option(help="Where the videos come from, for the record in --spec.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Measure the noise of the score: each performance against itself filmed otherwise, and against every other.

    Example: python -m reon_export retest my_videos --workers 2 --out retest
    """
    from reon_export.evaluate.batches import BatchOptions
    from reon_export.evaluate.retest.job import SIDES, RetestOptions, find_scale, find_videos, retest
    from reon_export.evaluate.retest.report import RETEST_FILES, retest_as_json, write_retest
    from reon_export.spec import read_spec, write_spec

    options = RetestOptions(
        videos=find_videos(videos),
        model_dir=model,
        seconds=seconds,
        sides=parse_choice(sides, "--sides", SIDES),
        out=out_dir,
        batches=BatchOptions(executor, workers, batch_size=1),
    )
    RETEST_FILES.check(options.out)
    described = None if spec is None else read_spec(spec)
    with ProgressBars() as bars:
        result = retest(options, bars)
    with progress.status("drawing …"):
        files = write_retest(result)
    if spec is not None and described is not None:
        scale = find_scale(result.noises[0], measured_on or f"{len(options.videos)} videos")
        write_spec(described.model_copy(update={"scale": scale}), spec)
        files = [*files, spec]
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
        if noise.margin is not None:
            different = "" if noise.margin.different is None else f", of different ones in {noise.margin.different:.1%}"
            out.print(
                f"The margin (median ± {noise.margin.median:.1f}) holds the true value of the same performance in "
                f"{noise.margin.same:.1%}{different} of {noise.margin.scores} scores.",
                soft_wrap=True,
            )
        for what, reason in noise.failed:
            out.print(f"[yellow]{escape(what)}[/]: {escape(reason)}", soft_wrap=True)
        if noise.worst_moment is not None:
            moment = noise.worst_moment
            where = f"{moment.video.name} {moment.change}, at {moment.time_s:.2f} s: {moment.score:.1f}"
            out.print(f"Worst moment: {escape(where)}", soft_wrap=True)
    for apart in result.side_differences:
        out.print(
            f"\n{' and '.join(apart.sides)}: the scores of {apart.pairs} different pairs lie a median of "
            f"{apart.median:.2f} points apart, at most {apart.largest:.2f} ({escape(apart.pair)}).",
            soft_wrap=True,
        )
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
