"""Firefox with an empty profile and out of sight, driven by WebDriver BiDi (no geckodriver is needed)."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from reon_export.browsers.bidi import BidiConnection, BidiError, connect_bidi
from reon_export.browsers.display import find_display, open_display
from reon_export.browsers.driver import NAVIGATION_TIMEOUT_S, PageDriver, read_answer, wrap_function
from reon_export.browsers.processes import apt_command, is_mac, run_program
from reon_export.browsers.version import BrowserVersion
from reon_export.errors import BrowserError

_NAMES = ("firefox-esr", "firefox")
_PLACES = ("/usr/lib/firefox-esr/firefox-esr", "/Applications/Firefox.app/Contents/MacOS/firefox")
_SERVER_FILE = "WebDriverBiDiServer.json"  # written by Firefox into its profile once it listens

# Nothing but the page itself may use the network or the processor while it is measured. Firefox sets most of what
# automation needs by itself (remote.prefs.recommended); these are what it leaves.
_PREFERENCES: dict[str, bool | int | str] = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.newtabpage.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "browser.tabs.warnOnClose": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.max_script_run_time": 0,  # the cpu backend computes for longer than Firefox lets a script run
    "extensions.systemAddon.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.type": 0,
    "services.settings.server": "data:,",  # no experiments, no block lists
    "toolkit.telemetry.server": "",
}
_FAKE_CAMERA_PREFERENCES: dict[str, bool | int | str] = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,  # nobody is there to answer
}


class _FirefoxPage:
    def __init__(self, connection: BidiConnection, context: str, version: str) -> None:
        self.version = BrowserVersion("firefox", version)
        self._connection = connection
        self._context = context

    def evaluate(self, function: str, argument: object = None) -> Any:
        result = self._connection.send(
            "script.callFunction",
            {
                "functionDeclaration": wrap_function(function),
                "awaitPromise": True,
                "arguments": [{"type": "string", "value": json.dumps(argument)}],
                "target": {"context": self._context},
            },
        )
        if result["type"] == "exception":
            raise BrowserError(f"the browser cannot run the script: {result['exceptionDetails']['text']}")
        return read_answer(result["result"].get("value"))


def find_firefox(explicit: str | None = None) -> Path:
    """The Firefox to use: `explicit` (a path), or the usual names and places.

    Raises BrowserError with the command that installs it.
    """
    for candidate in (explicit,) if explicit else (*_NAMES, *_PLACES):
        found = shutil.which(Path(candidate).expanduser())
        if found is not None:
            return Path(found)
    wanted = f"no program {explicit}" if explicit else f"no Firefox found (looked for {', '.join(_NAMES)} on PATH)"
    raise BrowserError(f"{wanted}; install it: {install_command()}")


def install_command() -> str:
    """The one command that installs Firefox on this kind of machine."""
    return "brew install --cask firefox" if is_mac() else apt_command("firefox-esr")


@contextmanager
def open_firefox(
    url: str, *, executable: Path, init_script: str | None = None, fake_camera: bool = False
) -> Iterator[PageDriver]:
    """A fresh Firefox showing `url`; `init_script` runs in the page before its own scripts. Raises BrowserError."""
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="reon-firefox-", ignore_cleanup_errors=True))
        folder, profile = Path(name), Path(name) / "profile"
        _write_profile(profile, _PREFERENCES | (_FAKE_CAMERA_PREFERENCES if fake_camera else {}))
        arguments = ["--no-remote", "--remote-debugging-port=0", "--profile", profile]
        # A home of its own: Firefox leaves files in it, and does not start as root in somebody else's.
        environment = {"HOME": name}
        display = find_display()
        if display is None:
            arguments.append("--headless")
        else:  # headless Firefox (seen with 153) has no WebGL; on an invisible screen it has
            environment |= stack.enter_context(open_display(display, folder))
        program = stack.enter_context(run_program([executable, *arguments], folder, environment))
        address = program.wait_for(lambda: _read_address(profile / _SERVER_FILE))
        connection = stack.enter_context(connect_bidi(*address))
        yield _open(connection, url, init_script)


def _write_profile(profile: Path, preferences: Mapping[str, bool | int | str]) -> None:
    profile.mkdir()
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in preferences.items()]
    (profile / "user.js").write_text("\n".join(lines), encoding="utf-8")


def _read_address(path: Path) -> tuple[str, int] | None:
    try:
        address = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there yet, or half written
        return None
    return str(address["ws_host"]), int(address["ws_port"])


def _open(connection: BidiConnection, url: str, init_script: str | None) -> _FirefoxPage:
    session = connection.send("session.new", {"capabilities": {}})
    context = connection.send("browsingContext.getTree", {})["contexts"][0]["context"]
    if init_script is not None:
        connection.send("script.addPreloadScript", {"functionDeclaration": f"() => {{ {init_script} }}"})
    try:
        connection.send(
            "browsingContext.navigate", {"context": context, "url": url, "wait": "complete"}, NAVIGATION_TIMEOUT_S
        )
    except BidiError as error:
        reason = str(error).removeprefix("Error: ")
        raise BrowserError(f"the browser cannot open {url}: {reason}") from error
    return _FirefoxPage(connection, context, session["capabilities"]["browserVersion"])
