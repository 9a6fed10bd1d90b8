"""Finds Chrome or Chromium on this machine and opens a page in it."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from reon_export.errors import BrowserError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

BROWSER_VARIABLE = "REON_BROWSER"
NO_SANDBOX_VARIABLE = "REON_BROWSER_NO_SANDBOX"

# Nothing but the page itself may use the network or the processor while it is measured.
CHROMIUM_ARGUMENTS = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# chromium-browser comes last: on Ubuntu it may be a stub that only asks for a snap to be installed.
_NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chrome", "chromium-browser")
_PLACES = (
    "/usr/lib/chromium/chromium",
    "/opt/google/chrome/chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
_PLAYWRIGHT_PATTERNS = (
    "chromium-*/chrome-linux*/chrome",
    "chromium-*/chrome-mac*/Chromium.app/Contents/MacOS/Chromium",
    "chromium-*/chrome-mac*/Google Chrome for Testing.app/Contents/MacOS/Google Chrome for Testing",
)


def install_command() -> str:
    """The one command that installs a browser on this kind of machine."""
    if sys.platform == "darwin":
        return "brew install --cask google-chrome"
    return "apt-get install chromium" if _is_root() else "sudo apt-get install chromium"


def find_browser(explicit: str | None = None) -> Path:
    """The Chrome or Chromium to use.

    The first that is there of: `explicit` (a path or a name), the variable REON_BROWSER, the usual names on
    PATH, the usual install places, playwright's own downloads. An explicit one that is missing is an error,
    not a reason to take another.

    Raises BrowserError with the command that installs one.
    """
    for given, where in ((explicit, "--browser"), (os.environ.get(BROWSER_VARIABLE), BROWSER_VARIABLE)):
        if given:
            found = shutil.which(Path(given).expanduser())
            if found is None:
                raise BrowserError(
                    f"{where} names {given}, which is not a program here; "
                    f"give the path of Chrome or Chromium, or install one: {install_command()}"
                )
            return Path(found)
    for candidate in (*_NAMES, *_PLACES, *_playwright_downloads()):
        found = shutil.which(candidate)
        if found is not None:
            return Path(found)
    raise BrowserError(
        f"no Chrome or Chromium found (looked for {', '.join(_NAMES)} on PATH, in {len(_PLACES)} usual places"
        " and in playwright's downloads); "
        f"install one: {install_command()} - or set {BROWSER_VARIABLE} to its path"
    )


@contextmanager
def open_page(url: str, *, browser: str | Path | None = None, extra_arguments: Sequence[str] = ()) -> "Iterator[Page]":
    """A fresh, headless browser with an empty profile, showing `url`; closed at the end of the `with` block.

    Raises BrowserError when there is no browser, it does not start, or the page cannot be opened.
    """
    executable = find_browser(None if browser is None else str(browser))
    with _load_playwright()() as playwright:
        instance = _launch(playwright, executable, extra_arguments)
        try:
            yield _open(instance, url)
        finally:
            instance.close()


def _load_playwright() -> "Callable[[], AbstractContextManager[Playwright]]":
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError as error:
        raise BrowserError(
            "the Python package playwright is not installed; "
            "pip install -c reon_export/constraints.txt playwright (or: make setup)"
        ) from error
    return sync_playwright


def _launch(playwright: "Playwright", executable: Path, extra_arguments: Sequence[str]) -> "Browser":
    from playwright.sync_api import Error

    # Chromium refuses to run its sandbox as root; containers often cannot run it at all.
    sandbox = not _is_root() and not os.environ.get(NO_SANDBOX_VARIABLE)
    try:
        return playwright.chromium.launch(
            executable_path=executable,
            headless=True,
            chromium_sandbox=sandbox,
            args=[*CHROMIUM_ARGUMENTS, *extra_arguments],
        )
    except Error as error:
        hint = f"set {NO_SANDBOX_VARIABLE}=1 if this machine forbids its sandbox; " if sandbox else ""
        raise BrowserError(
            f"{executable} does not start: {_first_line(error.message)}; {hint}"
            f"try another with {BROWSER_VARIABLE}=PATH, or reinstall it: {install_command()}"
        ) from error


def _open(instance: "Browser", url: str) -> "Page":
    from playwright.sync_api import Error

    page = instance.new_page()
    try:
        page.goto(url)
    except Error as error:
        raise BrowserError(f"the browser cannot open {url}: {_first_line(error.message)}") from error
    return page


def _playwright_downloads() -> list[str]:
    default = "Library/Caches/ms-playwright" if sys.platform == "darwin" else ".cache/ms-playwright"
    folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / default)
    return [str(path) for pattern in _PLAYWRIGHT_PATTERNS for path in sorted(folder.glob(pattern), reverse=True)]


def _is_root() -> bool:
    return os.geteuid() == 0


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no reason given"
