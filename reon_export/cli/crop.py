"""`python -m reon_export crop`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reon_export.cli.console import ProgressBars, out, print_json
from reon_export.evaluate.choices import CropFormat, CropSource, Executor, LabelSource
from reon_export.paths import DEFAULT_SPEC
from reon_export.printable import escape, escape_argument

if TYPE_CHECKING:
    from reon_export.evaluate.crop_dataset import CropRun


def crop_command(  # noqa: PLR0913, PLR0917  # one parameter an option is how typer works
    data: Annotated[str, typer.Argument(help="Folder with a folder of images a class, or an address for fsspec.")],
    out_dir: Annotated[Path, typer.Argument(help="The folder of crops to make.")],
    spec: Annotated[
        Path, typer.Option(help="The model's spec: classes and margin.", show_default="the one in models/")
    ] = DEFAULT_SPEC,
    labels: Annotated[str | None, typer.Option(help="Instead of the spec's: 'reon', 'a,b,c' or a file.")] = None,
    crop: Annotated[CropSource, typer.Option(help="haar: find the face; boxes: from the annotations.")] = "haar",
    image_format: Annotated[
        CropFormat,
        typer.Option("--format", help="png: without loss, the same answers as from the photographs; jpeg: smaller."),
    ] = "png",
    labels_from: Annotated[
        LabelSource, typer.Option(help="folder: the class folder's; annotators: AI-Hub's majority, where there is one.")
    ] = "folder",
    executor: Annotated[
        Executor, typer.Option("--executor", "--engine", help="local, or ray (RAY_ADDRESS names a cluster).")
    ] = "local",
    workers: Annotated[int, typer.Option(help="Processes, or actors of Ray.")] = 1,
    batch_size: Annotated[int, typer.Option(help="Images a worker takes at a time.")] = 64,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Cut a data set of photographs to face crops, once; resumable.

    Example: python -m reon_export crop my_photos my_faces --labels reon --workers 8
    """
    from reon_export.checkpoint.label_file import read_labels
    from reon_export.evaluate.batches import BatchOptions
    from reon_export.evaluate.crop_dataset import CropOptions, crop_dataset
    from reon_export.spec import read_spec

    model_spec = read_spec(spec)
    if labels is not None:
        model_spec = model_spec.model_copy(update={"labels": read_labels(labels)})
    options = CropOptions(
        data=data,
        out=out_dir,
        spec=model_spec,
        source=crop,
        format=image_format,
        labels_from=labels_from,
        batches=BatchOptions(executor, workers, batch_size),
    )
    with ProgressBars() as bars:
        run = crop_dataset(options, bars)
    if as_json:
        print_json(_as_json(run))
    else:
        _print_crops(run)


def _as_json(run: "CropRun") -> dict[str, object]:
    return {
        "out": str(run.out),
        "images": {"all": run.run.entries, **run.counts},
        "source_bytes": run.source_bytes,
        "crop_bytes": run.crop_bytes,
        "seconds": round(run.seconds, 3),
    }


def _print_crops(run: "CropRun") -> None:
    counts = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in sorted(run.counts.items()))
    out.print(f"\n{run.run.entries} images: {counts}.")
    if run.crop_bytes:
        out.print(
            f"{run.source_bytes / 1e6:,.1f} MB of photographs became {run.crop_bytes / 1e6:,.1f} MB of crops, "
            f"{run.source_bytes / run.crop_bytes:.1f} times less."
        )
    parts = ", ".join(f"{part} {spent * 1000 / run.run.entries:.1f}" for part, spent in run.seconds_by_part.items())
    out.print(f"{run.seconds:.1f} s, {run.run.entries / run.seconds:.1f} images/s; milliseconds an image: {parts}")
    out.print(f"\nWritten: {escape(str(run.out))} (crops.jsonl lists every image)", soft_wrap=True)
    if run.counts.get("ok"):
        folder = escape_argument(run.out)
        command = f"python -m reon_export evaluate MODEL --data {folder} --crop none"
        out.print(f"Next: {command}", soft_wrap=True)
    else:
        out.print("No crop was written; no_face.txt and unreadable.txt there list the reasons.", soft_wrap=True)
