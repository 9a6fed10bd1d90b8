import sys
import time
from pathlib import Path

import psutil
import pytest

from reon_export.browsers import processes
from reon_export.browsers.driver import ScriptError, read_answer
from reon_export.browsers.processes import run_program
from reon_export.errors import BrowserError

# Says its child's number; both sleep, and neither ends on a polite request.
FAMILY = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
signal.pause()
"""


def is_alive(pid: int) -> bool:
    """Whether the process runs: one that has ended and was not yet collected does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_whole_family_of_processes_ends_with_the_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_END_TIMEOUT_S", 0.2)
    with run_program([sys.executable, "-c", FAMILY], tmp_path, {}) as program:
        child = program.wait_for(lambda: int(program.out.read_text() or 0) or None)
        assert is_alive(child)
    assert not is_alive(program.process.pid)
    deadline = time.monotonic() + 5
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_alive(child)


def test_the_environment_is_replaced_and_an_empty_value_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REON_TEST_KEPT", "kept")
    monkeypatch.setenv("REON_TEST_REMOVED", "still here")
    show = "import os; print(sorted((k, v) for k, v in os.environ.items() if k.startswith('REON_TEST')), flush=True)"
    environment = {"REON_TEST_REMOVED": "", "REON_TEST_NEW": "new"}
    with run_program([sys.executable, "-c", show], tmp_path, environment) as program:
        program.process.wait(10)
        assert program.out.read_text() == "[('REON_TEST_KEPT', 'kept'), ('REON_TEST_NEW', 'new')]\n"


def test_a_program_that_never_gets_ready_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "START_TIMEOUT_S", 0.2)
    with (
        run_program(["sleep", "600"], tmp_path, {}) as program,
        pytest.raises(
            BrowserError, match=r"^sleep was not ready within 0\.2 s \(it printed nothing\); try it once more$"
        ),
    ):
        program.wait_for(lambda: None)
    assert program.process.returncode is not None


def test_a_program_that_cannot_be_started_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gone"
    with (
        pytest.raises(BrowserError, match=r"gone does not start: No such file or directory; reinstall it$"),
        run_program([path], tmp_path, {}),
    ):
        pass


def test_answers_are_read_and_what_was_thrown_is_raised_on_one_line() -> None:
    assert read_answer('{"value": [1, null, "기쁨"]}') == [1, None, "기쁨"]
    assert read_answer("{}") is None
    with pytest.raises(ScriptError, match=r"^two lines$"):
        read_answer('{"error": "two\\n  lines"}')
    with pytest.raises(BrowserError, match=r"^the browser answered 'None' where text was expected"):
        read_answer(None)
