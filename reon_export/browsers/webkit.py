"""WebKitGTK (Safari's engine): its MiniBrowser on an invisible screen, driven by WebDriver (https://www.w3.org/TR/webdriver2/)."""

import http.client
import json
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, count, repeat
from pathlib import Path
from typing import Any

from reon_export.browsers.display import DISPLAY_PROGRAM, find_display, open_display
from reon_export.browsers.driver import (
    ANSWER_TIMEOUT_S,
    NAVIGATION_TIMEOUT_S,
    START_TIMEOUT_S,
    PageDriver,
    one_line,
    read_answer,
    wrap_function,
)
from reon_export.browsers.processes import Program, apt_command, is_mac, run_program
from reon_export.browsers.version import BrowserVersion
from reon_export.errors import BrowserError

HOST = "127.0.0.1"
_DRIVER = "WebKitWebDriver"
# Starts a function once, however often it is sent; `_LOOK` returns its answer, or null as long as there is none.
_START = """const [id, text] = arguments;
if (globalThis.reonRun?.id !== id) {
  const run = {id, answer: null};
  globalThis.reonRun = run;
  (%s)(text).then((answer) => { run.answer = answer; });
}"""
_LOOK = """const run = globalThis.reonRun;
if (run?.id !== arguments[0]) throw new Error('the page was replaced by another before it answered');
return run.answer;"""
_FIRST_PAUSES_S = (0.005, 0.01, 0.02)
_ASK_TIMEOUT_S = 5  # a page that is busy for longer is asked again
_GARBLED = "Could not parse script result"
_EMPTY_PAGE = "about:blank"  # the address of WebKit's error pages, too
_EMPTY_TIMEOUT_S = 5
_POLL_S = 0.05
# Under automation WebKit allows the camera by itself.
_FAKE_CAMERA_ARGUMENTS = ("--enable-mock-capture-devices=true", "--enable-media-stream=true")
_MINI_BROWSER_PATTERNS = ("usr/lib/*/webkit2gtk-4.*/MiniBrowser", "usr/libexec/webkit2gtk-4.*/MiniBrowser")


@dataclass(frozen=True)
class WebKitPrograms:
    """The three programs that it takes."""

    driver: Path
    mini_browser: Path
    display: Path


class WebDriverError(BrowserError):
    """The driver refused a command; the message is its own."""


class NoAnswerError(BrowserError):
    """The driver has not answered in time; it may still do what it was told."""


class _WebDriver:
    """A small client of the WebDriver protocol."""

    def __init__(self, port: int) -> None:
        self._port = port

    def send(self, method: str, path: str, body: object = None, timeout_s: float = ANSWER_TIMEOUT_S) -> Any:
        """The value that a command answers. Raises WebDriverError if refused, NoAnswerError, BrowserError."""
        connection = http.client.HTTPConnection(HOST, self._port, timeout=timeout_s)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            value = json.loads(response.read())["value"]
        except TimeoutError as error:
            raise NoAnswerError(f"the browser's driver does not answer {path} within {timeout_s} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise BrowserError(f"the browser's driver does not answer {path}: {one_line(str(error))}") from error
        except (ValueError, KeyError) as error:
            raise BrowserError(f"the browser's driver answered {path} with something else than WebDriver") from error
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise WebDriverError(one_line(value.get("message") or value.get("error", "")))
        return value


class _WebKitPage:
    def __init__(self, driver: _WebDriver, session: str, version: str) -> None:
        self.version = BrowserVersion("webkit", version)
        self._driver = driver
        self._session = session
        self._runs = count()

    def evaluate(self, function: str, argument: object = None) -> Any:
        """As PageDriver; the page is asked for the answer until it has it, since WebKit 2.50 loses some on the way."""
        run = next(self._runs)
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        self._ask(deadline, _START % wrap_function(function), run, json.dumps(argument))
        for pause_s in chain(_FIRST_PAUSES_S, repeat(_POLL_S)):
            answer = self._ask(deadline, _LOOK, run)
            if answer is not None:
                return read_answer(answer)
            if time.monotonic() > deadline:
                break
            time.sleep(pause_s)
        raise BrowserError(f"the page gave no answer within {ANSWER_TIMEOUT_S} s; run it again")

    def _ask(self, deadline: float, script: str, *arguments: object) -> Any:
        """What a script returns that may be run twice. Raises BrowserError."""
        body = {"script": script, "args": arguments}
        while True:
            try:
                return self._driver.send("POST", f"{self._session}/execute/sync", body, _ASK_TIMEOUT_S)
            except (WebDriverError, NoAnswerError) as error:
                is_lost = isinstance(error, NoAnswerError) or _GARBLED in str(error)
                if not is_lost or time.monotonic() > deadline:
                    raise BrowserError(f"the browser cannot run the script: {error}") from error


def find_webkit() -> WebKitPrograms:
    """The driver, MiniBrowser and Xvfb. Raises BrowserError with the command that installs them."""
    driver, display = shutil.which(_DRIVER), find_display()
    mini_browser = next((path for pattern in _MINI_BROWSER_PATTERNS for path in sorted(Path("/").glob(pattern))), None)
    if driver and display and mini_browser:
        return WebKitPrograms(Path(driver), mini_browser, display)
    parts = {_DRIVER: driver, "MiniBrowser": mini_browser, DISPLAY_PROGRAM: display}
    missing = ", ".join(name for name, found in parts.items() if not found)
    raise BrowserError(f"no WebKit found (missing: {missing}); install it: {install_command()}")


def install_command() -> str:
    """The one command that installs WebKitGTK with its driver, or in words that there is none."""
    return "WebKitGTK exists for Linux only" if is_mac() else apt_command("webkit2gtk-driver", "xvfb")


@contextmanager
def open_webkit(
    url: str, *, programs: WebKitPrograms, init_script: str | None = None, fake_camera: bool = False
) -> Iterator[PageDriver]:
    """A fresh MiniBrowser showing `url`. Raises BrowserError, also for any `init_script`: WebDriver has none."""
    if init_script is not None:
        raise BrowserError("webkit cannot run a script before the page's own; use chromium or firefox for this")
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="reon-webkit-", ignore_cleanup_errors=True))
        )
        environment = {
            **stack.enter_context(open_display(programs.display, folder)),
            "GSETTINGS_BACKEND": "memory",
            "NO_AT_BRIDGE": "1",
            "HOME": str(folder),
            **{f"XDG_{kind}_HOME": "" for kind in ("CACHE", "CONFIG", "DATA", "STATE")},
        }
        port = _free_port()
        program = stack.enter_context(run_program([programs.driver, f"--port={port}"], folder, environment))
        driver = _WebDriver(port)
        _wait_until_listening(program, port)
        arguments = ["--automation", *(_FAKE_CAMERA_ARGUMENTS if fake_camera else ())]
        options = {"binary": str(programs.mini_browser), "args": arguments}
        yield _open(stack, driver, options, url)


def _free_port() -> int:
    # The driver takes 0 as well, but does not say what it got.
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_until_listening(program: Program, port: int) -> None:
    def look() -> bool | None:
        with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return True
        return None

    program.wait_for(look)


def _open(stack: ExitStack, driver: _WebDriver, options: dict[str, Any], url: str) -> _WebKitPage:
    capabilities = {
        "webkitgtk:browserOptions": options,
        "proxy": {"proxyType": "direct"},
        "timeouts": {"script": ANSWER_TIMEOUT_S * 1000, "pageLoad": NAVIGATION_TIMEOUT_S * 1000},
    }
    body = {"capabilities": {"alwaysMatch": capabilities}}
    try:
        answer = driver.send("POST", "/session", body, START_TIMEOUT_S)
    except WebDriverError as error:
        raise BrowserError(f"{options['binary']} does not start: {error}") from error
    session = f"/session/{answer['sessionId']}"
    stack.callback(_end_session, driver, session)
    try:
        driver.send("POST", f"{session}/url", {"url": url})
    except WebDriverError as error:
        raise BrowserError(f"the browser cannot open {url}: {error}") from error
    page = _WebKitPage(driver, session, answer["capabilities"]["browserVersion"])
    _wait_until_shown(page, url)
    return page


def _wait_until_shown(page: _WebKitPage, url: str) -> None:
    """WebKitWebDriver 2.50 may answer before the page's scripts have run, and takes an error page for a success.

    A question to the empty page that the other replaces is asked again.
    """
    started = time.monotonic()
    address, state, text = _EMPTY_PAGE, "", ""
    while True:
        with suppress(BrowserError):
            address, state, text = page.evaluate("() => [location.href, document.readyState, document.body?.innerText]")
        if state == "complete" and (address != _EMPTY_PAGE or url == _EMPTY_PAGE):
            return
        if time.monotonic() - started > (_EMPTY_TIMEOUT_S if address == _EMPTY_PAGE else NAVIGATION_TIMEOUT_S):
            raise BrowserError(f"the browser cannot open {url}: {one_line(text or '')}")
        time.sleep(_POLL_S)


def _end_session(driver: _WebDriver, session: str) -> None:
    # Only a courtesy: the processes are ended anyway.
    with suppress(BrowserError):
        driver.send("DELETE", session, timeout_s=5)
