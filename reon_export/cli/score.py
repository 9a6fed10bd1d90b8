"""`python -m reon_export score`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from reon_export.cli.console import ProgressBars, out, print_json
from reon_export.paths import DEFAULT_MODEL_DIR, SHOWN_MODEL_DIR
from reon_export.printable import escape
from reon_export.score.choices import AlignMethod, DetectorName, MeasureRule

_LEAST_SHOWN_POINTS = 0.05  # less is shown as 0.0

if TYPE_CHECKING:
    from reon_export.score.definition import Score
    from reon_export.score.job import ScoreRun


def score_command(  # noqa: PLR0913, PLR0917  # one parameter an option is how typer works
    actor: Annotated[Path, typer.Argument(help="The actor: a video, a folder of images, or a track file (.json).")],
    user: Annotated[Path, typer.Argument(help="The user's imitation: the same.")],
    model: Annotated[Path, typer.Option(help="A built model folder.", show_default=SHOWN_MODEL_DIR)] = (
        DEFAULT_MODEL_DIR
    ),
    checkpoint: Annotated[
        Path | None, typer.Option(help="Instead of --model: a checkpoint with its spec beside it, run by torch.")
    ] = None,
    align: Annotated[
        AlignMethod, typer.Option(help="none; lag: one constant delay; dtw: warped. Reported apart from the score.")
    ] = "none",
    out_dir: Annotated[
        Path, typer.Option("--out", help="Folder for score.json, score.csv, score.png and both tracks.")
    ] = Path("score"),
    fps: Annotated[float, typer.Option(help="Frames per second of folders of images.")] = 30.0,
    min_coverage: Annotated[
        float, typer.Option(min=0, max=1, help="Least share of the time in which both must have a face.")
    ] = 0.5,
    measure: Annotated[
        MeasureRule | None,
        typer.Option(
            help="steady: boxes and probabilities averaged over time, two looks at each face. single: one look, as the "
            "face was found; noisier.",
            show_default="as the model's spec says",
        ),
    ] = None,
    detector: Annotated[
        DetectorName,
        typer.Option(help="tiny: the page's own, so that the score is the page's. haar: that of the training crops."),
    ] = "tiny",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, without the samples.")] = False,
) -> None:
    """Score how closely a user's face follows an actor's, 0 to 100.

    Example: python -m reon_export score actor.mp4 user.mp4 --align lag --out score
    """
    from reon_export.score.files import result_to_json
    from reon_export.score.job import ScoreOptions, score_videos

    options = ScoreOptions(model, checkpoint, align, fps, min_coverage, out_dir, measure, detector)
    with ProgressBars() as bars:
        run = score_videos(actor, user, options, bars)
    if as_json:
        content = result_to_json(run.result)
        del content["samples"]
        print_json({**content, "files": [str(path) for path in run.files]})
    else:
        _print_score(run)


def _print_score(run: "ScoreRun") -> None:
    from reon_export.score.scale import describe_place

    result = run.result
    score, alignment = result.score, result.alignment
    margin = "" if score.margin is None else f" ± {score.margin:.1f}"
    out.print(
        f"\nScore [bold]{score.total:.1f}[/]{margin} of 100; both have a face in {score.coverage:.0%} of the time."
    )
    if result.scale is not None and score.total is not None:
        out.print(describe_place(score.total, result.scale), soft_wrap=True)
    out.print()
    _print_lost(score)
    for name, moment in (("Best", score.best), ("Worst", score.worst)):
        if moment is not None:
            out.print(f"{name} moment: {moment.score:.1f} at {moment.time_s:.2f} s")
    if alignment is not None:
        late = f"{abs(alignment.lag_s):.2f} s {'late' if alignment.lag_s >= 0 else 'early'}"
        cost = "" if alignment.cost is None else f", path cost {alignment.cost:.3f}"
        out.print(f"Aligned ({result.method}): the user is {late}; with that taken out {alignment.score:.1f}{cost}")
    elif result.method != "none":
        out.print(f"Aligned ({result.method}): no alignment within 2 s leaves enough of both")
    for track in (result.actor, result.user):
        for note in track.notes:
            out.print(f"[yellow]warning:[/] {escape(f'{track.name}: {note}')}", soft_wrap=True)
    timing = run.timing
    if timing.frames:
        parts = (("decode", timing.decode_s), ("detector", timing.detect_s), ("network", timing.classify_s))
        shares = ", ".join(f"{name} {seconds / timing.frames * 1000:.1f}" for name, seconds in parts)
        out.print(f"{timing.frames} frames; milliseconds a frame: {shares}")
    out.print(f"\nWritten: {', '.join(escape(str(path)) for path in run.files)}", soft_wrap=True)
    out.print(f"Next: look at {escape(str(run.files[2]))}", soft_wrap=True)


def _print_lost(score: "Score") -> None:
    """By class, what shows in one decimal; nothing of a perfect pair."""
    lost = [(label, points) for label, points in score.points_lost.items() if points >= _LEAST_SHOWN_POINTS]
    if lost:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("class")
        table.add_column("points lost", justify="right")
        for label, points in sorted(lost, key=lambda item: -item[1]):
            table.add_row(escape(label), f"{points:.1f}")
        out.print(table)
        out.print()
