"""`python -m reon_export fit-crop`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from reon_export.cli.console import ProgressBars, out
from reon_export.cli.options import NOT_GOOD_ENOUGH
from reon_export.paths import DEFAULT_MODEL_DIR, SHOWN_MODEL_DIR


def fit_crop_command(
    photos: Annotated[Path, typer.Argument(help="Folder of photographs with one face each.")],
    spec: Annotated[Path, typer.Option(help="The spec that gets the correction, if it helps on unseen photographs.")],
    model: Annotated[Path, typer.Option(help="A built model folder.", show_default=SHOWN_MODEL_DIR)] = (
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
