"""`python -m reon_export build`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from reon_export.cli.console import StepPrinter, print_json, print_plan, print_result, result_as_json
from reon_export.cli.options import NOT_GOOD_ENOUGH, parse_choice, parse_triple
from reon_export.manifest import PRECISIONS
from reon_export.paths import DEFAULT_CHECKPOINT, DEFAULT_MODEL_DIR
from reon_export.spec import DEFAULT_OPSET, OPSETS


def build_command(  # noqa: PLR0913, PLR0917  # one parameter an option is how typer works
    checkpoint: Annotated[
        Path, typer.Argument(help="Weights: .pt, .pth or .safetensors.", show_default="the one in models/")
    ] = DEFAULT_CHECKPOINT,
    labels: Annotated[
        str | None, typer.Option(help="'reon', 'a,b,c' or a file; in the order of the network's outputs.")
    ] = None,
    input_size: Annotated[int | None, typer.Option(help="Height and width of the face crop, in pixels.")] = None,
    mean: Annotated[str | None, typer.Option(help="Mean of R,G,B in 0..1, like 0.485,0.456,0.406.")] = None,
    std: Annotated[str | None, typer.Option(help="Standard deviation of R,G,B in 0..1.")] = None,
    precision: Annotated[str, typer.Option(help="TF.js precisions, a comma between them.")] = ",".join(PRECISIONS),
    opset: Annotated[int, typer.Option(help=f"ONNX opset, {OPSETS.start} to {OPSETS.stop - 1}.")] = DEFAULT_OPSET,
    out_dir: Annotated[
        Path, typer.Option("--out", help="The model folder to make.", show_default="web_demo/model")
    ] = DEFAULT_MODEL_DIR,
    site: Annotated[
        Path | None, typer.Option(help="Also write the demo as a folder that any static host serves, at any path.")
    ] = None,
    standalone: Annotated[
        Path | None, typer.Option(help="Also write the demo as one .html file that runs when it is double-clicked.")
    ] = None,
    crops: Annotated[
        Path | None, typer.Option(help="Folder of face crops for parity, instead of the shipped photographs.")
    ] = None,
    parity: Annotated[bool, typer.Option(help="Compare every artefact with PyTorch, TF.js in a real browser.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Check everything, say what would be done, write nothing.")] = False,
) -> None:
    """Turn a checkpoint into a verified model folder.

    Example: python -m reon_export build my.safetensors --labels reon --input-size 224 --out my_model
    """
    from reon_export.export.build import build
    from reon_export.export.plan import BuildOptions, make_plan

    options = BuildOptions(
        labels=labels,
        input_size=input_size,
        mean=parse_triple(mean, "--mean"),
        std=parse_triple(std, "--std"),
        precisions=parse_choice(precision, "--precision", PRECISIONS),
        opset=opset,
        out=out_dir,
        crops=crops,
        parity=parity,
        site=site,
        standalone=standalone,
    )
    if dry_run:
        print_plan(make_plan(checkpoint, options), as_json)
        return
    printer = StepPrinter()
    try:
        result = build(checkpoint, options, printer)
    finally:
        printer.close()
    if as_json:
        print_json(result_as_json(result))
    else:
        print_result(result)
    if not result.usable:
        sys.exit(NOT_GOOD_ENOUGH)
