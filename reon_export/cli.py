"""The commands: parse, call, print, set the exit code. No logic.

Exit codes: 0 done and good, 1 done and not good enough, 2 could not be done.

Each command imports what it needs: `--help` stays quick, and `doctor` works where a package is broken.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from reon_export.errors import ReonExportError, SpecError
from reon_export.manifest import PRECISIONS, Artefact, Precision
from reon_export.paths import DEFAULT_CHECKPOINT, DEFAULT_MODEL_DIR, WEB_DEMO
from reon_export.spec import DEFAULT_OPSET, OPSETS

if TYPE_CHECKING:
    from reon_export.doctor import Finding
    from reon_export.pipeline import BuildResult
    from reon_export.plan import BuildPlan, Triple

NOT_GOOD_ENOUGH, NOT_DONE = 1, 2

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Export a PyTorch EfficientNet-B0 to ONNX and TF.js, and prove in a real browser that it still says the same.",
)
# What a machine reads goes to stdout; what a person watches goes to stderr.
progress = Console(stderr=True, highlight=False)
out = Console(highlight=False)


def main() -> None:
    """Run the command line; an error of ours is one line on stderr and exit code 2."""
    try:
        app()
    except ReonExportError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    progress.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)
    sys.exit(NOT_DONE)


class StepPrinter:
    """Shows the running step with a spinner and each finished one with its time."""

    def __init__(self) -> None:
        """Nothing is shown before the first step."""
        self._status: Status | None = None

    def __call__(self, name: str, seconds: float | None) -> None:
        """See StepListener."""
        if seconds is None:
            self.close()
            self._status = progress.status(f"{name} …")
            self._status.start()
        else:
            progress.print(f"  [green]✓[/] {name:<26} {seconds:6.1f} s")

    def close(self) -> None:
        """Take the spinner away."""
        if self._status:
            self._status.stop()
            self._status = None


@app.command("build")
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
    from reon_export.pipeline import build
    from reon_export.plan import BuildOptions, make_plan

    options = BuildOptions(
        labels=labels,
        input_size=input_size,
        mean=_parse_triple(mean, "--mean"),
        std=_parse_triple(std, "--std"),
        precisions=_parse_precisions(precision),
        opset=opset,
        out=out_dir,
        crops=crops,
        parity=parity,
    )
    if dry_run:
        _print_plan(make_plan(checkpoint, options), as_json)
        return
    printer = StepPrinter()
    try:
        result = build(checkpoint, options, printer)
    finally:
        printer.close()
    if as_json:
        print(json.dumps(_result_as_json(result), ensure_ascii=False, indent=2))
    else:
        _print_result(result)
    if not result.usable:
        sys.exit(NOT_GOOD_ENOUGH)


def _parse_precisions(text: str) -> tuple[Precision, ...]:
    wanted = [item.strip() for item in text.split(",") if item.strip()]
    unknown = [item for item in wanted if item not in PRECISIONS]
    if unknown or not wanted:
        got = ", ".join(unknown) or "nothing"
        raise SpecError(f"--precision got {got}, wanted one or more of {','.join(PRECISIONS)}")
    return tuple(precision for precision in PRECISIONS if precision in wanted)


def _parse_triple(text: str | None, option: str) -> "Triple | None":
    if text is None:
        return None
    try:
        red, green, blue = (float(item) for item in text.split(","))
    except ValueError as error:
        raise SpecError(f"{option} got '{text}', wanted three numbers for R,G,B like 0.485,0.456,0.406") from error
    return red, green, blue


def _print_plan(plan: "BuildPlan", as_json: bool) -> None:
    spec, checkpoint = plan.spec, plan.checkpoint
    facts = {
        "checkpoint": str(plan.path),
        "layout": checkpoint.layout,
        "sha256": checkpoint.sha256,
        "labels": [label.key for label in spec.labels],
        "input": [spec.input.height, spec.input.width, 3],
        "mean": list(spec.normalisation.mean),
        "std": list(spec.normalisation.std),
        "opset": plan.options.opset,
        "precisions": list(plan.options.precisions),
        "parity_crops": len(plan.crops.names) if plan.options.parity else 0,
        "out": str(plan.options.out),
        "warnings": list(plan.warnings),
    }
    if as_json:
        print(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    for name, value in facts.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        out.print(f"{name.replace('_', ' '):<14} {escape(str(shown))}", soft_wrap=True)
    out.print("Nothing was written; the same command without --dry-run builds it.")


def _result_as_json(result: "BuildResult") -> dict[str, object]:
    return {
        "folder": str(result.folder),
        "usable": result.usable,
        "warnings": list(result.warnings),
        "steps": [{"name": name, "seconds": round(seconds, 3)} for name, seconds in result.steps],
        "manifest": result.manifest.model_dump(mode="json"),
    }


def _print_result(result: "BuildResult") -> None:
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
        if artefact.gate == "failed":
            note = f"{artefact.name} failed its gate: {'; '.join(artefact.gate_reasons)}. The page will not load it."
            out.print(f"[red]{escape(note)}[/]", soft_wrap=True)
    for warning in result.warnings:
        out.print(f"[yellow]warning:[/] {escape(warning)}", soft_wrap=True)
    total = sum(seconds for _, seconds in result.steps)
    out.print(f"\n{escape(str(result.folder))} made in {total:.1f} s.", soft_wrap=True)
    out.print(_next_step(result), soft_wrap=True)


def _table_row(artefact: Artefact) -> tuple[str, ...]:
    colour = {"passed": "green", "failed": "red", "not_run": "yellow"}[artefact.gate]
    parity = artefact.parity
    return (
        artefact.name,
        f"{artefact.bytes:,}",
        f"{artefact.gzip_bytes:,}",
        f"{parity.max_abs_prob:.1e}" if parity else "-",
        f"{parity.top1_agreement:.1%}" if parity else "-",
        f"[{colour}]{artefact.gate.replace('_', ' ')}[/]",
    )


def _next_step(result: "BuildResult") -> str:
    if not result.usable:
        return "Not fit for a browser: the exact artefacts must pass. Check the reasons above before you use it."
    serve = "python -m reon_export serve --open"
    if result.folder.resolve() == DEFAULT_MODEL_DIR.resolve():
        return f"Next: {serve}"
    return f"Next: {serve} --model {escape(str(result.folder))}"


@app.command("serve")
def serve_command(
    folder: Annotated[Path, typer.Argument(help="The site.", show_default="web_demo")] = WEB_DEMO,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8000,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the default browser.")] = False,
    model: Annotated[
        Path | None, typer.Option(help="Another model folder than the site's own, served as /model/.")
    ] = None,
) -> None:
    """Serve the demo on this machine only, with the headers that threads in WebAssembly need.

    Example: python -m reon_export serve --port 8080 --open
    """
    from reon_export.serve import serve_forever

    def announce(url: str) -> None:
        out.print(f"Serving {escape(str(folder))} at {url} (Ctrl-C stops)", soft_wrap=True)

    mounts = {"model": model} if model else {}
    serve_forever(folder, port, open_browser=open_browser, on_ready=announce, mounts=mounts)


@app.command("doctor")
def doctor_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Say what is installed, what is missing or in conflict, and the command that mends it.

    Example: python -m reon_export doctor
    """
    from reon_export.doctor import diagnose, findings_to_json, has_problems

    findings = diagnose()
    if as_json:
        print(findings_to_json(findings))
    else:
        _print_findings(findings)
    if has_problems(findings):
        sys.exit(NOT_GOOD_ENOUGH)


def _print_findings(findings: "list[Finding]") -> None:
    colours = {"ok": "green", "missing": "red", "conflict": "red", "warning": "yellow"}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("what", "status", "found", "wanted"):
        table.add_column(heading)
    for finding in findings:
        status = f"[{colours[finding.status]}]{finding.status}[/]"
        table.add_row(escape(finding.name), status, escape(finding.found), escape(finding.wanted))
    out.print(table)
    for finding in findings:
        if finding.status != "ok":
            note = f" ({finding.note})" if finding.note else ""
            mend = f": {finding.fix}" if finding.fix else ""
            out.print(f"[bold]{escape(finding.name)}[/]{escape(note)}{escape(mend)}", soft_wrap=True)
    wrong = sum(finding.status in ("missing", "conflict") for finding in findings)
    out.print("Ready: python -m reon_export build" if not wrong else f"{wrong} to mend, see the commands above.")


if __name__ == "__main__":
    main()
