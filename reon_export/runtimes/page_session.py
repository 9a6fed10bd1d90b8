"""The parity page in a real browser: serves web_demo with one model folder, and calls `window.reonParity`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reon_export.browsers.select import PageDriver, ScriptError, engine_name, open_page
from reon_export.browsers.version import BrowserVersion
from reon_export.errors import ParityError, SetupError
from reon_export.paths import WEB_DEMO
from reon_export.site.server import SiteServer

# TF.js takes half of the processors as threads: on two of them there would be one thread, and nothing to compare.
_CLAIM_FOUR_CORES = """
const cores = Math.max(4, navigator.hardwareConcurrency);
Object.defineProperty(Navigator.prototype, 'hardwareConcurrency', {get: () => cores});
"""
# A page that failed to load says why when its module is asked for again: the same error, in every engine. By another
# address, because WebKit 2.50 takes a module that threw for one that is there.
_READY = """async () => {
  if (window.reonParityReady !== true) await import(document.querySelector('script[type=module]').src + '?again');
  return window.reonParityReady === true;
}"""


class PageSession:
    """An open, ready page for the parity job or the bench."""

    def __init__(self, page: PageDriver, api: str = "reonParity") -> None:
        """Wrap a page that has set `window.reonParityReady` and offers its functions as `window.<api>`."""
        self._page = page
        self._api = api

    @property
    def browser_version(self) -> BrowserVersion:
        """Which browser the page is open in."""
        return self._page.version

    def call(self, function: str, *arguments: object) -> Any:
        """Await `window.<api>.<function>(...arguments)`; what goes in and comes out is JSON.

        Raises ParityError with the page's own words, BrowserError if the browser itself breaks.
        """
        try:
            return self._page.evaluate(
                "([api, name, args]) => window[api][name](...args)", [self._api, function, list(arguments)]
            )
        except ScriptError as error:
            raise ParityError(f"in the browser: {error}") from error


@contextmanager
def open_page_session(
    model_dir: Path, browser: str | Path | None = None, *, threads: bool = False
) -> Iterator[PageSession]:
    """Serve web_demo with `model_dir` as its model folder and open the parity page in a headless browser.

    Args:
        model_dir: a model folder.
        browser: as for `browser.find_engine`: an engine's name, a path, or None for Chromium.
        threads: make TF.js's wasm backend take two threads at least, also on a machine with two processors (where it
            would take one). WebKit has no threads, so there it changes nothing.

    Raises SetupError, BrowserError or ParityError.
    """
    check_page_is_built()
    init_script = _CLAIM_FOUR_CORES if threads and engine_name(browser) != "webkit" else None
    with (
        SiteServer(WEB_DEMO, mounts={"model": model_dir}) as server,
        open_page(server.url + "parity.html", browser=browser, init_script=init_script) as page,
    ):
        check_ready(page)
        yield PageSession(page)


def check_page_is_built() -> None:
    """Raise SetupError if the demo's page or its vendor code is missing."""
    if not (WEB_DEMO / "parity.html").is_file():
        raise SetupError(
            f"the page is not there (no {WEB_DEMO / 'parity.html'}): install reon_export again, or pass --no-parity"
        )
    if not (WEB_DEMO / "vendor").is_dir():
        raise SetupError("the page's JavaScript libraries are not built (no web_demo/vendor); run 'make vendor'")


def check_ready(page: PageDriver) -> None:
    """Raise ParityError with the page's own reason if its module could not be loaded."""
    try:
        ready = page.evaluate(_READY)
    except ScriptError as error:
        raise ParityError(f"the parity page did not become ready: {error}; try 'make vendor'") from error
    if ready is not True:
        raise ParityError("the parity page did not become ready: it gives no reason; try 'make vendor'")
