"""Programs that run beside us for as long as a `with` block lasts, and what their failure says."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from reon_export.browsers.driver import START_TIMEOUT_S, one_line
from reon_export.errors import BrowserError

_POLL_S = 0.05
_END_TIMEOUT_S = 5

Found = TypeVar("Found")


@dataclass(frozen=True)
class Program:
    """A running program; what it prints goes to the files `out` and `err`."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def wait_for(self, look: Callable[[], Found | None]) -> Found:
        """What `look` finds, asked until it finds something.

        Raises BrowserError when the program ends before that, or START_TIMEOUT_S have passed.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while (found := look()) is None:
            code = self.process.poll()
            if code is not None:
                raise BrowserError(f"{self._name} does not start: it ended with code {code} ({self._last_words()})")
            if time.monotonic() > deadline:
                raise BrowserError(
                    f"{self._name} was not ready within {START_TIMEOUT_S} s ({self._last_words()}); try it once more"
                )
            time.sleep(_POLL_S)
        return found

    @property
    def _name(self) -> str:
        return str(self.process.args[0]) if isinstance(self.process.args, list) else str(self.process.args)

    def _last_words(self) -> str:
        lines = self.err.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return one_line(lines[-1])[:300] if lines else "it printed nothing"


@contextmanager
def run_program(command: Sequence[object], folder: Path, environment: Mapping[str, str]) -> Iterator[Program]:
    """Start a program in a process group of its own and end the whole group after the `with` block.

    Args:
        command: the program and its arguments, each put as text.
        folder: an existing folder for what it prints; one program name at a time.
        environment: replaces variables of ours; an empty value removes one.

    Raises BrowserError if it cannot be started.
    """
    arguments = [str(part) for part in command]
    name = Path(arguments[0]).name
    variables = {key: value for key, value in {**os.environ, **environment}.items() if value or key not in environment}
    out, err = folder / f"{name}.out", folder / f"{name}.err"
    with out.open("wb") as out_file, err.open("wb") as err_file:
        try:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=out_file,
                stderr=err_file,
                env=variables,
                start_new_session=True,  # browsers are families of processes, and must end as one
            )
        except OSError as error:
            raise BrowserError(f"{arguments[0]} does not start: {error.strerror}; reinstall it") from error
    try:
        yield Program(process, out, err)
    finally:
        _end_group(process)


def apt_command(*packages: str) -> str:
    """The command that installs Debian packages, for the user that we are."""
    return f"{'' if is_root() else 'sudo '}apt-get install {' '.join(packages)}"


def is_root() -> bool:
    """Whether this is the superuser."""
    return os.geteuid() == 0


def is_mac() -> bool:
    """Whether this is macOS."""
    return sys.platform == "darwin"


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END_TIMEOUT_S)
    # Whoever is left of the family, too: a member may outlive its head.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
