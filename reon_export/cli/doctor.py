"""`python -m reon_export doctor`."""

import sys
from typing import Annotated

import typer

from reon_export.cli.console import out, print_findings
from reon_export.cli.options import NOT_GOOD_ENOUGH


def doctor_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """List what is installed, what is missing or in conflict, and the command that fixes it.

    Example: python -m reon_export doctor
    """
    from reon_export.environment.doctor import diagnose, findings_to_json, has_problems

    findings = diagnose()
    if as_json:
        out.print(findings_to_json(findings), markup=False, highlight=False, soft_wrap=True)
    else:
        print_findings(findings)
    if has_problems(findings):
        sys.exit(NOT_GOOD_ENOUGH)
