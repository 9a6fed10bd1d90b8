"""The parity page in a real browser: serves web_demo with one model folder, and calls `window.reonParity`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reon_export.browser import open_page
from reon_export.errors import ParityError, SetupError
from reon_export.paths import WEB_DEMO
from reon_export.serve import SiteServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGE_READY_TIMEOUT_S = 60


class PageSession:
    """An open, ready parity page."""

    def __init__(self, page: "Page") -> None:
        """Wrap a page that has set `window.reonParityReady`."""
        self._page = page

    @property
    def browser_version(self) -> str:
        """Like `chromium 156.0.8078.79`."""
        browser = self._page.context.browser
        return f"{browser.browser_type.name} {browser.version}" if browser else "unknown"

    def call(self, function: str, *arguments: object) -> Any:
        """Await `window.reonParity.<function>(...arguments)`; what goes in and comes out is JSON.

        Raises ParityError with the page's own words.
        """
        from playwright.sync_api import Error

        expression = "([name, args]) => window.reonParity[name](...args)"
        try:
            return self._page.evaluate(expression, [function, list(arguments)])
        except Error as error:
            reason = error.message.splitlines()[0].removeprefix("Page.evaluate: ").removeprefix("Error: ")
            raise ParityError(f"in the browser: {reason}") from error


@contextmanager
def open_page_session(model_dir: Path, browser: str | None = None) -> Iterator[PageSession]:
    """Serve web_demo with `model_dir` as its model folder and open the parity page in a headless browser.

    Raises SetupError, BrowserError or ParityError.
    """
    check_page_is_built()
    with (
        SiteServer(WEB_DEMO, mounts={"model": model_dir}) as server,
        open_page(server.url + "parity.html", browser=browser) as page,
    ):
        _wait_until_ready(page)
        yield PageSession(page)


def check_page_is_built() -> None:
    """Raise SetupError if the demo's page or its vendor code is missing."""
    if not (WEB_DEMO / "parity.html").is_file():
        raise SetupError(
            f"{WEB_DEMO} is missing: browser parity needs a checkout of the project, not only the installed package; "
            "run from a checkout or pass --no-parity"
        )
    if not (WEB_DEMO / "vendor").is_dir():
        raise SetupError("the page's JavaScript libraries are not built (no web_demo/vendor); run 'make vendor'")


def _wait_until_ready(page: "Page") -> None:
    from playwright.sync_api import Error

    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    try:
        page.wait_for_function("window.reonParityReady === true", timeout=PAGE_READY_TIMEOUT_S * 1000)
    except Error as error:
        reason = problems[0] if problems else str(error).splitlines()[0]
        raise ParityError(f"the parity page did not become ready: {reason}; try 'make vendor'") from error
