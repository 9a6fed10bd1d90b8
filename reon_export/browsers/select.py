"""The one place that chooses a browser: Chrome or Chromium, Firefox, WebKit."""

from contextlib import AbstractContextManager
from pathlib import Path

from reon_export.browsers import chromium, firefox, webkit
from reon_export.browsers.chromium import CHROMIUM_ARGUMENTS, find_browser, install_command
from reon_export.browsers.driver import PageDriver, ScriptError
from reon_export.errors import BrowserError

__all__ = [
    "CHROMIUM_ARGUMENTS",
    "ENGINES",
    "PageDriver",
    "ScriptError",
    "engine_available",
    "engine_install_command",
    "engine_name",
    "find_browser",
    "find_engine",
    "install_command",
    "open_page",
]

ENGINES = ("chromium", "firefox", "webkit")


def engine_name(browser: str | Path | None) -> str:
    """The one of ENGINES that a --browser value means: None is Chromium, and so is a path unless Firefox's."""
    if browser is None:
        return "chromium"
    if str(browser) in ENGINES:
        return str(browser)
    return "firefox" if Path(browser).name.lower().startswith("firefox") else "chromium"


def find_engine(browser: str | Path | None = None) -> Path:
    """The program behind a --browser value: the name of an engine, the path of a browser, or None for Chromium.

    WebKit's is MiniBrowser; its driver and the invisible screen must be there as well.

    Raises BrowserError with the one command that installs what is missing.
    """
    engine = engine_name(browser)
    explicit = None if browser is None or str(browser) in ENGINES else str(browser)
    if engine == "webkit":
        return webkit.find_webkit().mini_browser
    return firefox.find_firefox(explicit) if engine == "firefox" else chromium.find_browser(explicit)


def engine_available(browser: str | Path | None = None) -> bool:
    """Whether `find_engine` finds it."""
    try:
        find_engine(browser)
    except BrowserError:
        return False
    return True


def engine_install_command(engine: str) -> str:
    """The one command that installs an engine."""
    commands = {
        "chromium": chromium.install_command,
        "firefox": firefox.install_command,
        "webkit": webkit.install_command,
    }
    return commands[engine]()


def open_page(
    url: str, *, browser: str | Path | None = None, init_script: str | None = None, fake_camera: bool = False
) -> AbstractContextManager[PageDriver]:
    """A fresh, headless browser with an empty profile, showing `url`; ended at the end of the `with` block.

    Args:
        url: what to show; its scripts have run when the block begins.
        browser: as for `find_engine`.
        init_script: statements that run in the page before its own scripts (not in WebKit).
        fake_camera: the page gets a camera that shows the engine's test pattern, without asking anybody; else it gets
            what the machine has, if anybody is there to allow it.

    Raises (on calling or entering) BrowserError when there is no such browser, it does not start, or the page cannot
    be opened.
    """
    executable = find_engine(browser)
    match engine_name(browser):
        case "webkit":
            return webkit.open_webkit(
                url, programs=webkit.find_webkit(), init_script=init_script, fake_camera=fake_camera
            )
        case "firefox":
            return firefox.open_firefox(url, executable=executable, init_script=init_script, fake_camera=fake_camera)
        case _:
            return chromium.open_chromium(url, executable=executable, init_script=init_script, fake_camera=fake_camera)
