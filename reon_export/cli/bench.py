"""`python -m reon_export bench`."""

from pathlib import Path
from typing import Annotated

import typer

from reon_export.cli.console import ProgressBars, out, print_json
from reon_export.cli.options import parse_choice
from reon_export.paths import DEFAULT_MODEL_DIR, SHOWN_MODEL_DIR
from reon_export.printable import escape


def bench_command(  # noqa: PLR0913, PLR0917  # one parameter an option is how typer works
    model_dirs: Annotated[
        list[Path] | None,
        typer.Argument(help="Model folders, of several sizes or converters.", show_default=SHOWN_MODEL_DIR),
    ] = None,
    tflite: Annotated[
        list[Path] | None, typer.Option(help="A .tflite for LiteRT.js; its name holds the input's size.")
    ] = None,
    runtimes: Annotated[
        str | None,
        typer.Option(help="Names with commas, like kernels:relaxed,tfjs:wasm,onnx:native.", show_default="all"),
    ] = None,
    rounds: Annotated[int, typer.Option(min=2, help="How often each runtime has its turn.")] = 40,
    frames: Annotated[int, typer.Option(min=1, help="Frames for the memory's growth.")] = 1000,
    browser: Annotated[str, typer.Option(help="chromium, firefox, webkit or a path.")] = "chromium",
    folder: Annotated[Path, typer.Option("--out", help="Folder for bench.json, bench.md and bench.svg.")] = Path(
        "bench"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print bench.json.")] = False,
) -> None:
    """Time the kernels against every runtime that is at hand, in one interleaved run in a real browser.

    Example: python -m reon_export bench web_demo/model --rounds 40 --out bench
    """
    from reon_export.bench.job import BENCH_RUNTIMES, BenchOptions, run_bench
    from reon_export.bench.report import BENCH_FILES, to_json, to_markdown, write_bench

    BENCH_FILES.check(folder)
    options = BenchOptions(
        model_dirs=tuple(model_dirs or [DEFAULT_MODEL_DIR]),
        tflite=tuple(tflite or []),
        runtimes=BENCH_RUNTIMES if runtimes is None else parse_choice(runtimes, "--runtimes", BENCH_RUNTIMES),
        rounds=rounds,
        frames=frames,
        browser=browser,
    )
    with ProgressBars() as bars:
        run = run_bench(options, bars)
    write_bench(run, folder)
    if as_json:
        print_json(to_json(run))
        return
    out.print(to_markdown(run), markup=False, soft_wrap=True)
    out.print(f"Next: look at {escape(str(folder / 'bench.svg'))}", soft_wrap=True)
