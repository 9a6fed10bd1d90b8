"""An invisible screen (Xvfb): what needs a window gets one that nobody sees."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reon_export.browsers.processes import run_program

DISPLAY_PROGRAM = "Xvfb"


def find_display() -> Path | None:
    """Xvfb, if it is installed."""
    found = shutil.which(DISPLAY_PROGRAM)
    return None if found is None else Path(found)


@contextmanager
def open_display(program: Path, folder: Path) -> Iterator[dict[str, str]]:
    """A screen of its own; gives the environment variables of a program that shall be on it. Raises BrowserError."""
    command = [program, "-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]
    with run_program(command, folder, {}) as running:
        number = running.wait_for(lambda: _read_number(running.out))
        yield {"DISPLAY": f":{number}", "WAYLAND_DISPLAY": "", "GDK_BACKEND": "x11"}


def _read_number(path: Path) -> str | None:
    text = path.read_text(encoding="utf-8")
    return text.strip() if text.endswith("\n") else None
