"""`python -m reon_export evaluate`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from reon_export.cli.console import ProgressBars, out, print_json, progress
from reon_export.cli.options import parse_choice, parse_runtimes
from reon_export.errors import DataError
from reon_export.evaluate.choices import CropMode, Executor, LabelSource
from reon_export.manifest import PRECISIONS
from reon_export.printable import escape
from reon_export.runtimes.runtime_id import ONNX, RUNTIMES, TORCH

if TYPE_CHECKING:
    from reon_export.evaluate.job import Evaluation

_RUNTIMES = tuple(runtime for runtime in RUNTIMES if not runtime.threads)
_DEFAULT_RUNTIMES = f"{TORCH},{ONNX}"
_SHOWN_FAILURES = 10


def evaluate_command(  # noqa: PLR0913, PLR0917  # one parameter an option is how typer works
    model: Annotated[Path, typer.Argument(help="A built model folder.")],
    other: Annotated[Path | None, typer.Argument(help="Another one: compare the two, image by image.")] = None,
    data: Annotated[
        str, typer.Option(help="Folder with a folder of images a class, or an address that fsspec knows.")
    ] = "",
    runtimes: Annotated[
        str, typer.Option(help=f"Some of {', '.join(map(str, _RUNTIMES))}; a comma between them.")
    ] = _DEFAULT_RUNTIMES,
    precisions: Annotated[str, typer.Option(help="TF.js precisions.", show_default="all in the folder")] = "",
    checkpoint: Annotated[
        Path | None, typer.Option(help="The weights that torch runs.", show_default="the one in models/")
    ] = None,
    crop: Annotated[
        CropMode, typer.Option(help="haar: find the face; boxes: from the annotations; none: images are face crops.")
    ] = "haar",
    labels_from: Annotated[
        LabelSource, typer.Option(help="folder: the class folder's; annotators: AI-Hub's majority, where there is one.")
    ] = "folder",
    executor: Annotated[
        Executor, typer.Option("--executor", "--engine", help="local, or ray (RAY_ADDRESS names a cluster).")
    ] = "local",
    workers: Annotated[int, typer.Option(help="Processes, or actors of Ray.")] = 1,
    batch_size: Annotated[int, typer.Option(help="Images a worker takes at a time.")] = 64,
    out_dir: Annotated[
        Path, typer.Option("--out", help="Folder for evaluation.json, evaluation.md and the pictures.")
    ] = Path("evaluation"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Measure a model on labelled images, and what its export changed; or compare two models.

    An interrupted run goes on where it stopped when the same command is given again.

    Example: python -m reon_export evaluate web_demo/model --data my_faces --runtimes torch,onnx,tfjs:wasm
    """
    from reon_export.evaluate.batches import BatchOptions
    from reon_export.evaluate.job import EvaluateOptions, evaluate
    from reon_export.evaluate.report import EVALUATION_FILES, evaluation_as_json, write_evaluation

    if not data:
        raise DataError("--data is missing; give a folder with one folder of images a class")
    if other is not None and (precisions or runtimes != _DEFAULT_RUNTIMES):
        raise DataError("two models are compared by their ONNX files; leave out --runtimes and --precisions")
    options = EvaluateOptions(
        model_dir=model,
        data=data,
        other=other,
        checkpoint=checkpoint,
        runtimes=parse_runtimes(runtimes, _RUNTIMES),
        precisions=parse_choice(precisions, "--precisions", PRECISIONS) if precisions else (),
        crop=crop,
        labels_from=labels_from,
        out=out_dir,
        batches=BatchOptions(executor, workers, batch_size),
    )
    EVALUATION_FILES.check(options.out)
    with ProgressBars() as bars:
        evaluation = evaluate(options, bars)
    with progress.status("drawing …"):
        files = write_evaluation(evaluation)
    if as_json:
        print_json(evaluation_as_json(evaluation))
    else:
        _print_evaluation(evaluation, files)


def _print_evaluation(evaluation: "Evaluation", files: list[Path]) -> None:
    from reon_export.evaluate.report import SUMMARY_HEADINGS, describe_test, milliseconds_per_image, summary_rows

    out.print()
    out.print(_table(SUMMARY_HEADINGS, summary_rows(evaluation)))
    _print_classes(evaluation)
    if evaluation.comparison is not None:
        out.print(f"\n{describe_test(evaluation)}.", soft_wrap=True)
    counts = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in sorted(evaluation.counts.items()))
    out.print(f"\n{evaluation.run.entries} images: {counts}.")
    for path, reason in evaluation.failed[:_SHOWN_FAILURES]:
        out.print(f"[yellow]{escape(path)}[/]: {escape(reason)}", soft_wrap=True)
    hidden = sum(count for status, count in evaluation.counts.items() if status != "ok") - _SHOWN_FAILURES
    if hidden > 0:
        out.print(f"… and {hidden} more; evaluation.json lists the first {len(evaluation.failed)}")
    parts = ", ".join(f"{part} {value:.1f}" for part, value in milliseconds_per_image(evaluation).items())
    rate = evaluation.run.entries / evaluation.seconds
    out.print(f"{evaluation.seconds:.1f} s, {rate:.1f} images/s; milliseconds an image: {parts}", soft_wrap=True)
    out.print(f"\nWritten: {', '.join(escape(str(path)) for path in files)}", soft_wrap=True)
    out.print(f"Next: look at {escape(str(files[2]))}", soft_wrap=True)


def _print_classes(evaluation: "Evaluation") -> None:
    """The classes and the confusion matrix of the first runtime, or both models' recalls."""
    from reon_export.evaluate.report import percent

    name, figures = next(iter(evaluation.figures.items()))
    if evaluation.comparison is not None:
        second = evaluation.figures["second"].classes
        recalls = [
            (a.label, str(a.support), percent(a.recall), percent(b.recall), _change(a.recall, b.recall))
            for a, b in zip(figures.classes, second, strict=True)
        ]
        out.print()
        out.print(_table(("class", "images", "recall, first", "recall, second", "change"), recalls))
        return
    rows = [
        (c.label, str(c.support), percent(c.precision), percent(c.recall), *map(str, row))
        for c, row in zip(figures.classes, figures.confusion, strict=True)
    ]
    out.print(f"\n{name}; rows are the true classes, the columns on the right what was predicted")
    out.print(_table(("class", "images", "precision", "recall", *(c.label[:4] for c in figures.classes)), rows))


def _change(first: float | None, second: float | None) -> str:
    return "-" if first is None or second is None else f"{second - first:+.1%}"


def _table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for index, heading in enumerate(headings):
        table.add_column(escape(heading), justify="left" if index == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*map(escape, row))
    return table
