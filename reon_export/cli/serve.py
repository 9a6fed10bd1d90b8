"""`python -m reon_export serve`."""

from pathlib import Path
from typing import Annotated

import typer

from reon_export.cli.console import out
from reon_export.paths import WEB_DEMO
from reon_export.printable import escape


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
