"""`python -m reon_export serve`."""

from pathlib import Path
from typing import Annotated

import typer

from reon_export.cli.console import out
from reon_export.paths import DEFAULT_MODEL_DIR, IS_CHECKOUT, WEB_DEMO
from reon_export.printable import escape


def serve_command(
    folder: Annotated[Path, typer.Argument(help="The site.", show_default="the page")] = WEB_DEMO,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8000,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the default browser.")] = False,
    model: Annotated[
        Path | None, typer.Option(help="Another model folder than the site's own, served as /model/.")
    ] = None,
    verify_first: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Check the files of model and page first.")
    ] = True,
) -> None:
    """Serve the demo on this machine only, with the headers that threads in WebAssembly need.

    Example: python -m reon_export serve --port 8080 --open
    """
    from reon_export.site.server import serve_forever
    from reon_export.site.static_site import BUNDLE_SOURCES, check_bundle

    def announce(url: str) -> None:
        out.print(f"Serving {escape(str(folder))} at {url} (Ctrl-C stops)", soft_wrap=True)

    if model is None and folder == WEB_DEMO and not IS_CHECKOUT and DEFAULT_MODEL_DIR.is_dir():
        model = DEFAULT_MODEL_DIR  # an installed page has no model inside
    if verify_first:
        if (folder / BUNDLE_SOURCES).is_file():
            check_bundle(folder)
        _verify(folder, model)
    mounts = {"model": model} if model else {}
    serve_forever(folder, port, open_browser=open_browser, on_ready=announce, mounts=mounts)


def _verify(folder: Path, model: Path | None) -> None:
    """Raise ManifestError if the model to be served is not what was built. A folder without one is served as it is."""
    from reon_export.errors import ManifestError
    from reon_export.manifest import MANIFEST_NAME
    from reon_export.parity.verify import verify
    from reon_export.site.static_site import MODEL_FOLDER, RECORD_NAME

    is_site = model is None and (folder / RECORD_NAME).is_file()
    place = folder if is_site else model or folder / MODEL_FOLDER
    if model is None and not is_site and not (place / MANIFEST_NAME).is_file():
        return
    verification = verify(place)
    if not verification.passed:
        raise ManifestError(
            f"{place} is not what was built ({verification.first_problem}); build it again, or pass --no-verify"
        )
