"""`python -m reon_export build`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from reon_export.cli.console import VERDICT_COLOURS, StepPrinter, out, print_json
from reon_export.cli.options import NOT_GOOD_ENOUGH, parse_choice, parse_triple
from reon_export.environment.converters import Converter
from reon_export.manifest import PRECISIONS, Artefact
from reon_export.paths import DEFAULT_CHECKPOINT, DEFAULT_MODEL_DIR, SHOWN_MODEL_DIR
from reon_export.printable import escape, escape_argument
from reon_export.spec import DEFAULT_OPSET, OPSETS, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reon_export.export.build import BuildResult
    from reon_export.export.plan import BuildPlan
    from reon_export.site.static_site import Written


def build_command(  # noqa: PLR0913, PLR0917  # one parameter an option is how typer works
    checkpoint: Annotated[
        Path,
        typer.Argument(
            help="Weights: .pt, .pth or .safetensors, or a folder with one.", show_default="the one in models/"
        ),
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
        Path, typer.Option("--out", help="The model folder to make.", show_default=SHOWN_MODEL_DIR)
    ] = DEFAULT_MODEL_DIR,
    site: Annotated[
        Path | None, typer.Option(help="Also write the demo as a folder that any static host serves, at any path.")
    ] = None,
    standalone: Annotated[
        Path | None, typer.Option(help="Also write the demo as one .html file that runs when it is double-clicked.")
    ] = None,
    layout: Annotated[
        Layout | None, typer.Option(help="Whose implementation the weights belong to.", show_default="found out")
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option(
            min=32, max=1024, help="Pixels that efficientnet_pytorch's padding is fixed for.", show_default="found out"
        ),
    ] = None,
    entry: Annotated[
        str | None,
        typer.Option(help="Where in the file the weights lie, like ema.shadow.", show_default="averaged weights first"),
    ] = None,
    allow_constant: Annotated[bool, typer.Option(help="Build although every crop gets the same label.")] = False,
    crops: Annotated[
        Path | None, typer.Option(help="Folder of face crops for parity, instead of the shipped photographs.")
    ] = None,
    parity: Annotated[bool, typer.Option(help="Compare every artefact with PyTorch, TF.js in a real browser.")] = True,
    converter: Annotated[
        Converter, typer.Option(help="direct: our own. onnx2tf: the chain of onnx2tf and tensorflowjs, as a witness.")
    ] = "direct",
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
        layout=layout,
        image_size=image_size,
        entry=entry,
        allow_constant=allow_constant,
        converter=converter,
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


def print_plan(plan: "BuildPlan", as_json: bool) -> None:
    """What a build would do."""
    spec, checkpoint = plan.spec, plan.checkpoint
    facts = {
        "checkpoint": str(plan.path),
        "weights": checkpoint.entry or "at the top level",
        "other_weights": list(checkpoint.other_entries) or None,
        "layout": checkpoint.layout,
        "image_size": checkpoint.image_size,
        "sha256": checkpoint.sha256,
        "labels": [label.key for label in spec.labels],
        "input": [spec.input.height, spec.input.width, 3],
        "mean": list(spec.normalisation.mean),
        "std": list(spec.normalisation.std),
        "opset": plan.options.opset,
        "converter": plan.options.converter,
        "precisions": list(plan.options.precisions),
        "parity_crops": len(plan.crops.names) if plan.options.parity else 0,
        "out": str(plan.options.out),
        "site": str(plan.options.site) if plan.options.site else None,
        "standalone": str(plan.options.standalone) if plan.options.standalone else None,
        "warnings": list(plan.warnings),
    }
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        if value is None:
            continue
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        out.print(f"{name.replace('_', ' '):<14} {escape(str(shown))}", soft_wrap=True)
    out.print("Nothing was written; the same command without --dry-run builds it.")


def result_as_json(result: "BuildResult") -> dict[str, object]:
    """A build's result for machines."""
    return {
        "folder": str(result.folder),
        "usable": result.usable,
        "warnings": list(result.warnings),
        "steps": [{"name": name, "seconds": round(seconds, 3)} for name, seconds in result.steps],
        "manifest": result.manifest.model_dump(mode="json"),
        "site": _written_as_json(result.site),
        "standalone": _written_as_json(result.standalone),
        "not_written": [str(path) for path in result.not_written],
    }


def _written_as_json(written: "Written | None") -> dict[str, object] | None:
    if written is None:
        return None
    return {"path": str(written.path), "files": written.files, "bytes": written.bytes}


def print_result(result: "BuildResult") -> None:
    """A build's table, what failed and why, and what to do next."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("artefact")
    for heading in ("bytes", "gzip bytes", "max |Δp|", "top-1"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for artefact in result.manifest.artefacts:
        table.add_row(*_table_row(artefact))
    out.print()
    out.print(table)
    for artefact in result.manifest.artefacts:
        if artefact.verdict == "failed":
            note = f"{artefact.name} failed its gate: {'; '.join(artefact.reasons)}. The page will not load it."
            out.print(f"[red]{escape(note)}[/]", soft_wrap=True)
    for warning in result.warnings:
        out.print(f"[yellow]warning:[/] {escape(warning)}", soft_wrap=True)
    total = sum(seconds for _, seconds in result.steps)
    out.print(f"\n{escape(str(result.folder))} made in {total:.1f} s.", soft_wrap=True)
    for line in _describe_written(result):
        out.print(line, soft_wrap=True)
    out.print(_next_step(result), soft_wrap=True)


def _table_row(artefact: Artefact) -> tuple[str, ...]:
    colour = VERDICT_COLOURS[artefact.verdict]
    parity = artefact.parity
    return (
        artefact.name,
        f"{artefact.bytes:,}",
        f"{artefact.gzip_bytes:,}",
        f"{parity.max_abs_prob:.1e}" if parity else "-",
        f"{parity.top1_agreement:.1%}" if parity else "-",
        f"[{colour}]{artefact.verdict.replace('_', ' ')}[/]",
    )


def _describe_written(result: "BuildResult") -> "Iterator[str]":
    if result.site is not None:
        path, files, size = escape(str(result.site.path)), result.site.files, result.site.bytes / 1e6
        yield f"{path} written: {files} files, {size:.1f} MB, for any static host, at any path."
    if result.standalone is not None:
        path, size = escape(str(result.standalone.path)), result.standalone.bytes / 1e6
        yield f"{path} written: one file, {size:.1f} MB, that runs when it is double-clicked."
    for asked in result.not_written:
        yield f"[red]{escape(str(asked))} was not written.[/]"


def _next_step(result: "BuildResult") -> str:
    if not result.usable:
        return "Not fit for a browser: the exact artefacts must pass. Check the reasons above before you use it."
    if result.site is not None:
        return f"Next: python -m reon_export serve {escape_argument(result.site.path)} --open"
    if result.standalone is not None:
        return f"Next: open {escape(str(result.standalone.path))} in a browser"
    serve = "python -m reon_export serve --open"
    if result.folder.resolve() == DEFAULT_MODEL_DIR.resolve():
        return f"Next: {serve}"
    return f"Next: {serve} --model {escape_argument(result.folder)}"
