"""The commands: parse, call, print, set the exit code. No logic.

Exit codes: 0 done and good, 1 done and not good enough, 2 could not be done.

Each command imports what it needs: `--help` stays quick, and `doctor` works where a package is broken.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from reon_export.cli.build import build_command
from reon_export.cli.console import ProgressBars, out, print_error, print_findings, print_parity, progress
from reon_export.cli.crop import crop_command
from reon_export.cli.evaluate import evaluate_command
from reon_export.cli.options import NOT_DONE, NOT_GOOD_ENOUGH, parse_choice, split
from reon_export.cli.score import score_command
from reon_export.errors import ReonExportError
from reon_export.manifest import PRECISIONS
from reon_export.paths import DEFAULT_MODEL_DIR, SAMPLE_PHOTOS, WEB_DEMO

if TYPE_CHECKING:
    from reon_export.parity.job import ParityOptions

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Export a PyTorch EfficientNet-B0 to ONNX and TF.js, and prove in a real browser that it still says the same.",
)


def main() -> None:
    """Run the command line; an error of ours is one line on stderr and exit code 2."""
    try:
        app()
    except ReonExportError as error:
        print_error(str(error))
        sys.exit(NOT_DONE)


app.command("build")(build_command)


@app.command("parity")
def parity_command(  # noqa: PLR0913, PLR0917  # one parameter an option is how typer works
    model_dir: Annotated[Path, typer.Argument(help="The model folder.", show_default="web_demo/model")] = (
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
        typer.Option(help="'all', or some of onnx, tfjs:wasm, tfjs:wasm-threads, tfjs:webgl, tfjs:webgpu, tfjs:cpu."),
    ] = "onnx,tfjs:wasm",
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
    """Prove that a model folder says what PyTorch says; exit code 0 passed, 1 failed, 2 could not run.

    Example: python -m reon_export parity web_demo/model --runtimes all --browser chromium,firefox --report report
    """
    from reon_export.parity.job import RUNTIMES, ParityOptions, run_parity
    from reon_export.parity.records import RUNGS
    from reon_export.parity.report import write_report

    options = ParityOptions(
        model_dir=model_dir,
        checkpoint=checkpoint,
        crops=crops,
        photos=photos,
        rungs=parse_choice(rungs, "--rungs", RUNGS),
        runtimes=RUNTIMES if runtimes == "all" else _parse_runtimes(runtimes),
        precisions=parse_choice(precisions, "--precisions", PRECISIONS) if precisions else (),
        browsers=split(browser),
        samples=samples,
        allow_missing=split(allow_missing),
    )
    if bisect:
        _bisect(options)
        return
    with ProgressBars() as bars:
        run = run_parity(options, bars)
    page = write_report(run, report)
    if as_json:
        out.print((report / "parity.json").read_text(encoding="utf-8"), markup=False, highlight=False, soft_wrap=True)
    else:
        print_parity(run, str(page))
    if run.verdict != "passed":
        sys.exit(NOT_GOOD_ENOUGH)


def _parse_runtimes(text: str) -> tuple[str, ...]:
    from reon_export.parity.job import RUNTIMES

    # torch may be named; it always runs, because it is what the others are compared with.
    return tuple(name for name in parse_choice(text, "--runtimes", ("torch", *RUNTIMES)) if name != "torch")


def _bisect(options: "ParityOptions") -> None:
    from reon_export.parity.bisect.table import render_bisect
    from reon_export.parity.job import run_bisect

    with progress.status("bisecting …"):
        report = run_bisect(options)
    out.print(render_bisect(report))
    if any(bisection.first_over() for bisection in report.bisections):
        sys.exit(NOT_GOOD_ENOUGH)


@app.command("fit-crop")
def fit_crop_command(
    photos: Annotated[Path, typer.Argument(help="Folder of photographs with one face each.")],
    spec: Annotated[Path, typer.Option(help="The spec that gets the correction, if it helps on unseen photographs.")],
    model: Annotated[Path, typer.Option(help="A built model folder.", show_default="web_demo/model")] = (
        DEFAULT_MODEL_DIR
    ),
    fitted_on: Annotated[str, typer.Option(help="Where the photographs come from, for the record.")] = "",
) -> None:
    """Fit the correction from the page's face boxes to Haar's, on half of the photographs, judged on the other half.

    Example: python -m reon_export fit-crop my_photos --spec my.json
    """
    from reon_export.parity.fit_crop import describe_fit, fit_and_report

    with ProgressBars() as bars:
        report = fit_and_report(photos, model, spec, fitted_on=fitted_on, on_progress=bars)
    out.print(describe_fit(report), markup=False, soft_wrap=True)
    if report.written_to is None:
        sys.exit(NOT_GOOD_ENOUGH)


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
    from reon_export.site.server import serve_forever

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
    from reon_export.environment.doctor import diagnose, findings_to_json, has_problems

    findings = diagnose()
    if as_json:
        print(findings_to_json(findings))
    else:
        print_findings(findings)
    if has_problems(findings):
        sys.exit(NOT_GOOD_ENOUGH)


app.command("score")(score_command)
app.command("evaluate")(evaluate_command)
app.command("crop")(crop_command)


if __name__ == "__main__":
    main()
