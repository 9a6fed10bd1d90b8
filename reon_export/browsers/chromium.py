"""Chrome or Chromium, headless with an empty profile, driven by playwright."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reon_export.browsers.driver import PageDriver, read_answer, wrap_function
from reon_export.browsers.processes import apt_command, is_mac, is_root
from reon_export.browsers.version import BrowserVersion
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
    "--enable-blink-features=ForceEagerMeasureMemory",  # bench counts memory: now, not after the next collection
    "--enable-unsafe-webgpu",  # on Linux: WebGPU, where there is no graphics processor by its software adapter
)

# The second one answers the question whether the page may use the camera.
_FAKE_CAMERA_ARGUMENTS = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")

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


class _ChromiumPage:
    def __init__(self, page: "Page", version: str, thread: ThreadPoolExecutor) -> None:
        self.version = BrowserVersion("chromium", version)
        self._page = page
        self._thread = thread

    def evaluate(self, function: str, argument: object = None) -> Any:
        from playwright.sync_api import Error

        try:
            answer = self._thread.submit(self._page.evaluate, wrap_function(function), json.dumps(argument))
            return read_answer(answer.result())
        except Error as error:
            raise BrowserError(f"the browser cannot run the script: {_reason(error)}") from error


def install_command() -> str:
    """The one command that installs a browser on this kind of machine."""
    return "brew install --cask google-chrome" if is_mac() else apt_command("chromium")


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
def open_chromium(
    url: str, *, executable: Path, init_script: str | None = None, fake_camera: bool = False
) -> Iterator[PageDriver]:
    """A fresh Chromium showing `url`; `init_script` runs in the page before its own scripts. Raises BrowserError."""
    start_playwright = _load_playwright()
    # Playwright's synchronous interface refuses a thread that has an event loop already, as a notebook's does.
    with ThreadPoolExecutor(1, thread_name_prefix="chromium") as thread, ExitStack() as opened:

        def start() -> _ChromiumPage:
            playwright = opened.enter_context(start_playwright())
            browser = _launch(playwright, executable, _FAKE_CAMERA_ARGUMENTS if fake_camera else ())
            opened.callback(browser.close)
            return _ChromiumPage(_open(browser, url, init_script), browser.version, thread)

        try:
            yield thread.submit(start).result()
        finally:
            thread.submit(opened.close).result()


def _load_playwright() -> "Callable[[], AbstractContextManager[Playwright]]":
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError as error:
        raise BrowserError(
            "the Python package playwright is not installed; "
            "pip install -c reon_export/environment/constraints.txt playwright (or: make setup)"
        ) from error
    return sync_playwright


def _launch(playwright: "Playwright", executable: Path, more_arguments: Sequence[str]) -> "Browser":
    from playwright.sync_api import Error

    # Chromium refuses to run its sandbox as root; containers often cannot run it at all.
    sandbox = not is_root() and not os.environ.get(NO_SANDBOX_VARIABLE)
    try:
        return playwright.chromium.launch(
            executable_path=executable,
            headless=True,
            chromium_sandbox=sandbox,
            args=[*CHROMIUM_ARGUMENTS, *more_arguments],
        )
    except Error as error:
        hint = f"set {NO_SANDBOX_VARIABLE}=1 if this machine forbids its sandbox; " if sandbox else ""
        raise BrowserError(
            f"{executable} does not start: {_reason(error)}; {hint}"
            f"try another with {BROWSER_VARIABLE}=PATH, or reinstall it: {install_command()}"
        ) from error


def _open(browser: "Browser", url: str, init_script: str | None) -> "Page":
    from playwright.sync_api import Error

    page = browser.new_page()
    try:
        if init_script is not None:
            page.add_init_script(init_script)
        page.goto(url)
    except Error as error:
        raise BrowserError(f"the browser cannot open {url}: {_reason(error)}") from error
    return page


def _playwright_downloads() -> list[str]:
    default = "Library/Caches/ms-playwright" if is_mac() else ".cache/ms-playwright"
    folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / default)
    return [str(path) for pattern in _PLAYWRIGHT_PATTERNS for path in sorted(folder.glob(pattern), reverse=True)]


def _reason(error: Exception) -> str:
    # The rest of playwright's message is its log.
    text = str(error).strip()
    return text.splitlines()[0] if text else "no reason given"
