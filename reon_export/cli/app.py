"""The command line: every command, and what an error prints.

Exit codes: 0 done and good, 1 done and a gate failed, 2 could not be done, whatever the reason.

Each command imports what it needs when it runs: `--help` stays quick, and `doctor` works where a package is broken.
"""

import os
import sys
import traceback
from typing import Annotated

import typer

from reon_export.cli.bench import bench_command
from reon_export.cli.build import build_command
from reon_export.cli.console import print_error, progress
from reon_export.cli.crop import crop_command
from reon_export.cli.doctor import doctor_command
from reon_export.cli.evaluate import evaluate_command
from reon_export.cli.fit_crop import fit_crop_command
from reon_export.cli.options import NOT_DONE
from reon_export.cli.parity import parity_command
from reon_export.cli.retest import retest_command
from reon_export.cli.score import score_command
from reon_export.cli.serve import serve_command
from reon_export.cli.verify import verify_command
from reon_export.errors import ReonExportError
from reon_export.limits import MAX_BYTES, MAX_PIXELS, set_limits

INTERRUPTED = 130  # 128 + SIGINT, as shells have it

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Export a PyTorch EfficientNet-B0 to ONNX and TF.js, and compare it with PyTorch in real browsers.",
)
app.command("build")(build_command)
app.command("parity")(parity_command)
app.command("fit-crop")(fit_crop_command)
app.command("serve")(serve_command)
app.command("verify")(verify_command)
app.command("doctor")(doctor_command)
app.command("score")(score_command)
app.command("retest")(retest_command)
app.command("evaluate")(evaluate_command)
app.command("crop")(crop_command)
app.command("bench")(bench_command)


@app.callback()
def _set_up(
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error arose.")] = False,
    max_pixels: Annotated[
        int | None,
        typer.Option(min=1, help="Of one image or video frame that is read.", show_default=f"{MAX_PIXELS:,}"),
    ] = None,
    max_bytes: Annotated[
        int | None, typer.Option(min=1, help="Of one file that is read, unpacked.", show_default=f"{MAX_BYTES:,}")
    ] = None,
) -> None:
    del debug  # read by `main`, wherever on the line it stands
    set_limits(max_pixels, max_bytes)


def main() -> None:
    """Run the command line. Whatever goes wrong is one line on stderr and exit code 2; `--debug` adds the traceback."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        code = app(arguments, standalone_mode=False)
        sys.stdout.flush()  # what cannot be written is noticed here, and not after the exit code is fixed
    except typer.Abort:
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python itself complains at the end
        code = NOT_DONE
    # A command may fail in ways that nobody thought of; its exit code must not be that of a failed gate.
    except Exception as error:  # noqa: BLE001
        if len(arguments) < len(sys.argv) - 1:
            traceback.print_exc()
        _explain(error)
        code = NOT_DONE
    sys.exit(code or 0)


def _explain(error: Exception) -> None:
    if isinstance(error, ReonExportError):
        print_error(error.message, error.recipe)
    elif isinstance(error, typer.TyperException):
        _print_usage_error(error.format_message())
    elif isinstance(error, ImportError):
        print_error(f"{error}; 'python -m reon_export doctor' prints the command that installs what is missing")
    elif isinstance(error, MemoryError):
        print_error(f"not enough memory ({str(error) or 'none is left'}): close other programs, or give smaller files")
    elif isinstance(error, OSError) and error.strerror:
        print_error(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
    else:
        where = "run it again with --debug and report what it prints"
        print_error(f"this should not happen ({type(error).__name__}: {error}); {where}")


def _print_usage_error(message: str) -> None:
    if message.startswith("Usage:"):  # no command was given: this is the help
        progress.print(message, markup=False, soft_wrap=True)
    else:
        print_error(message.replace("Value error, ", ""))
