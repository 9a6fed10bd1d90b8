"""`python -m reon_export doctor`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from reon_export.cli.console import out, print_json
from reon_export.cli.options import NOT_GOOD_ENOUGH
from reon_export.printable import escape

if TYPE_CHECKING:
    from reon_export.environment.doctor import Finding


def doctor_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """List what is installed, what is missing or in conflict, and the command that fixes it.

    Example: python -m reon_export doctor
    """
    from reon_export.environment.doctor import describe_findings, diagnose, has_problems

    findings = diagnose()
    if as_json:
        print_json(describe_findings(findings))
    else:
        print_findings(findings)
    if has_problems(findings):
        sys.exit(NOT_GOOD_ENOUGH)


def print_findings(findings: "list[Finding]") -> None:
    """The doctor's findings, and the commands that fix them."""
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
    out.print("Ready: python -m reon_export build" if not wrong else f"{wrong} to fix: see the commands above.")
