"""The command line: every command, and what an error prints.

Exit codes: 0 done and good, 1 done and not good enough, 2 could not be done.

Each command imports what it needs when it runs: `--help` stays quick, and `doctor` works where a package is broken.
"""

import sys

import typer

from reon_export.cli.build import build_command
from reon_export.cli.console import print_error, progress
from reon_export.cli.crop import crop_command
from reon_export.cli.doctor import doctor_command
from reon_export.cli.evaluate import evaluate_command
from reon_export.cli.fit_crop import fit_crop_command
from reon_export.cli.options import NOT_DONE
from reon_export.cli.parity import parity_command
from reon_export.cli.score import score_command
from reon_export.cli.serve import serve_command
from reon_export.errors import ReonExportError

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
app.command("doctor")(doctor_command)
app.command("score")(score_command)
app.command("evaluate")(evaluate_command)
app.command("crop")(crop_command)


def main() -> None:
    """Run the command line. A mistake in the command and an error of ours are one line on stderr and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except ReonExportError as error:
        print_error(str(error))
        code = NOT_DONE
    except typer.TyperException as error:
        _print_usage_error(error.format_message())
        code = NOT_DONE
    except typer.Abort:
        code = INTERRUPTED
    sys.exit(code or 0)


def _print_usage_error(message: str) -> None:
    if message.startswith("Usage:"):  # no command was given: this is the help
        progress.print(message, markup=False, soft_wrap=True)
    else:
        print_error(message.replace("Value error, ", ""))
