"""`python -m reon_export verify`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from reon_export.cli.console import out, print_json
from reon_export.cli.options import NOT_GOOD_ENOUGH
from reon_export.paths import DEFAULT_MODEL_DIR, SHOWN_MODEL_DIR
from reon_export.printable import escape, escape_argument

if TYPE_CHECKING:
    from reon_export.parity.verify import Verification

_COLOURS = {"passed": "green", "failed": "red", "note": "yellow"}


def verify_command(
    folder: Annotated[
        Path, typer.Argument(help="A model folder, or a site.", show_default=SHOWN_MODEL_DIR)
    ] = DEFAULT_MODEL_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check every hash, size, spec, verdict and self-test of a model folder or a site; exit code 0 passed, 1 failed.

    Needs no network and no browser, and changes nothing.

    Example: python -m reon_export verify my_model
    """
    from reon_export.parity.verify import verify

    verification = verify(folder)
    if as_json:
        print_json(_as_json(verification))
    else:
        _print(verification)
    if not verification.passed:
        sys.exit(NOT_GOOD_ENOUGH)


def _as_json(verification: "Verification") -> dict[str, object]:
    return {
        "folder": str(verification.folder),
        "kind": verification.kind,
        "model": verification.manifest.name,
        "passed": verification.passed,
        "checks": [vars(check) for check in verification.checks],
    }


def _print(verification: "Verification") -> None:
    manifest = verification.manifest
    kind = "Model folder" if verification.kind == "model" else "Site"
    out.print(
        f"{kind} {escape(str(verification.folder))}: {escape(manifest.name)}, built {escape(manifest.built_at)}\n"
    )
    table = Table(box=None, pad_edge=False, show_header=False)
    for check in verification.checks:
        colour = _COLOURS[check.outcome]
        table.add_row(escape(check.name), f"[{colour}]{check.outcome}[/]", escape(check.detail))
    out.print(table)
    if verification.passed:
        option = "serve --open --model" if verification.kind == "model" else "serve --open"
        out.print("\n[green]Verified.[/] It is what was built.")
        out.print(f"Next: python -m reon_export {option} {escape_argument(verification.folder)}", soft_wrap=True)
    else:
        out.print("\n[red]Not verified.[/] Build it again, or copy it again from where it was built.")
