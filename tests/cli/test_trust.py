"""The command line with input that means harm, or on a machine in trouble: one line, exit code 2, nothing lost."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from reon_export.paths import PROJECT_ROOT, SAMPLE_PHOTOS
from reon_export.spec import ModelSpec
from tests.support.command import run
from tests.support.model_folders import write_tiny_model

COMMAND = [sys.executable, "-m", "reon_export"]
HIDDEN = "\x1b]0;title\x07\x9b2J\u202e"


def call(*arguments: str, limit_bytes: int | None = None, stdout: int = subprocess.PIPE) -> tuple[int, str]:
    """The command line in a process of its own: exit code and stderr."""

    def limit_files() -> None:
        if limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=PROJECT_ROOT,
        stdout=stdout,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=120,
        preexec_fn=limit_files,  # no threads here
        check=False,
    )
    return done.returncode, done.stderr


def faces(folder: Path) -> Path:
    """A data set of one face."""
    (folder / "happiness").mkdir(parents=True)
    (folder / "happiness" / "smile.jpg").write_bytes((SAMPLE_PHOTOS / "astronaut.png").read_bytes())
    return folder


def one_line(stderr: str) -> str:
    """What an error says, in its one line."""
    (line,) = [line for line in stderr.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in stderr
    return line


@pytest.mark.parametrize("error", [ValueError("no\x1b[2J"), ZeroDivisionError(), RecursionError("deep"), KeyError("k")])
def test_a_bug_is_one_line_and_never_exit_code_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("reon_export.environment.doctor.diagnose", fail)
    code, _, stderr = run(capsys, monkeypatch, "doctor")
    assert code == 2
    assert one_line(stderr).startswith(f"error: this should not happen ({type(error).__name__}: ")
    assert "\x1b[2J" not in stderr
    code, _, stderr = run(capsys, monkeypatch, "doctor", "--debug")
    assert code == 2
    assert "Traceback (most recent call last)" in stderr


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError(), "error: not enough memory (none is left): close other programs"),
        (ModuleNotFoundError("No module named 'av'"), "error: No module named 'av'; 'python -m reon_export doctor'"),
        (OSError(28, "No space left on device", "/x/y"), "error: /x/y: No space left on device"),
        (PermissionError(13, "Permission denied"), "error: Permission denied"),
    ],
)
def test_trouble_with_the_machine_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception, line: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("reon_export.environment.doctor.diagnose", fail)
    code, _, stderr = run(capsys, monkeypatch, "doctor")
    assert code == 2
    assert one_line(stderr).startswith(line)


@pytest.mark.slow
def test_a_full_disk_leaves_the_old_model(tmp_path: Path, default_spec: ModelSpec) -> None:
    old = write_tiny_model(tmp_path / "model", default_spec)
    before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    # No file may become larger than 100 kB: the system refuses as it does on a full disk.
    code, stderr = call("build", "--no-parity", "--precision", "float16", "--out", str(old), limit_bytes=100_000)
    assert code == 2
    one_line(stderr)
    assert {path: path.read_bytes() for path in old.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_output_that_cannot_be_written_is_no_success() -> None:
    with Path("/dev/full").open("w") as full:
        code, stderr = call("doctor", "--json", stdout=full.fileno())
    assert code == 2
    assert one_line(stderr) == "error: No space left on device"


def test_a_reader_that_leaves_is_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    code, stderr = call("doctor", "--json", stdout=write)
    os.close(write)
    assert code == 2
    assert not stderr


@pytest.mark.parametrize("place", [".", "/", "..", "README.md"])
def test_a_build_into_a_place_that_is_none_is_refused_before_any_work(place: str) -> None:
    code, stderr = call("build", "--out", place)
    assert code == 2
    assert one_line(stderr).startswith(
        (f"error: --out {place} is the folder that you are in", f"error: {place} is not")
    )


def test_a_web_project_survives_its_manifest(tmp_path: Path) -> None:
    project = tmp_path / "extension"
    project.mkdir()
    (project / "manifest.json").write_text('{"manifest_version": 3}')
    (project / "index.js").write_text("years of work")
    for arguments in (["build", "--out"], ["build", "--out", str(tmp_path / "new"), "--site"]):
        code, stderr = call(*arguments, str(project))
        assert code == 2
        assert "it was left as it is" in one_line(stderr)
    assert (project / "index.js").read_text() == "years of work"


def test_a_checkpoint_in_the_folder_to_be_replaced_is_not_lost(tmp_path: Path, default_spec: ModelSpec) -> None:
    folder = write_tiny_model(tmp_path / "model", default_spec)
    weights = folder / "tfjs-float32" / "model.json"  # a name that the manifest lists
    code, stderr = call("build", str(weights), "--out", str(folder))
    assert code == 2
    assert f"would be replaced, and the checkpoint ({weights}) lies inside it" in one_line(stderr)
    assert weights.is_file()


@pytest.fixture
def impatience() -> Iterator[None]:
    """Whoever waits for a pipe or a device is interrupted."""

    def stop(*_: object) -> None:
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("impatience")
@pytest.mark.parametrize("command", ["build", "labels", "crops", "model", "score", "user", "crop", "data", "photos"])
@pytest.mark.parametrize("kind", ["pipe", "device", "link to a device", "300 characters"])
def test_what_is_no_file_is_refused_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, kind: str
) -> None:
    place = tmp_path / "thing"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "device":
        place = Path("/dev/zero")
    elif kind == "link to a device":
        place.symlink_to("/dev/zero")
    elif kind == "300 characters":
        place = tmp_path / ("x" * 300)
    model, other, out = str(tmp_path / "none"), str(SAMPLE_PHOTOS / "actor.webm"), ["--out", str(tmp_path / "out")]
    arguments = {
        "build": ["build", str(place), "--no-parity", *out],
        "labels": ["build", "--labels", str(place), "--no-parity", *out],
        "crops": ["build", "--crops", str(place), "--no-parity", *out],
        "model": ["serve", "--model", str(place)],
        "score": ["score", str(place), other, *out],
        "user": ["score", other, str(place), *out],
        "crop": ["crop", str(place), str(tmp_path / "out")],
        "data": ["evaluate", model, "--data", str(place), *out],
        "photos": ["fit-crop", str(place)],
    }[command]
    code, _, stderr = run(capsys, monkeypatch, *arguments)
    assert code == 2
    assert "it hangs" not in one_line(stderr)
    assert "this should not happen" not in stderr
    assert not (tmp_path / "out").exists()


def test_a_pipe_in_a_data_set_is_an_unreadable_image(tmp_path: Path) -> None:
    data = faces(tmp_path / "data")
    os.mkfifo(data / "happiness" / "pipe.jpg")
    (data / "happiness" / "device.png").symlink_to("/dev/zero")
    code, stderr = call("crop", str(data), str(tmp_path / "out"))
    assert code == 0, stderr
    unreadable = (tmp_path / "out" / "unreadable.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[0] for line in unreadable] == ["happiness/device.png", "happiness/pipe.jpg"]
    assert all("not a file" in line for line in unreadable)


@pytest.mark.slow
@pytest.mark.browser
def test_names_move_nothing_in_terminal_and_reports(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model_dir: Path
) -> None:
    data = faces(tmp_path / f"data{HIDDEN}")
    (data / "happiness" / f"bad{HIDDEN}\nerror: forged.jpg").write_bytes(b"no image")
    out = tmp_path / "out"
    arguments = ("evaluate", str(model_dir), "--data", str(data), "--runtimes", "onnx", "--out", str(out))
    code, stdout, stderr = run(capsys, monkeypatch, *arguments)
    assert code == 0, stderr
    markdown = (out / "evaluation.md").read_text(encoding="utf-8")
    for text in (stdout, stderr, markdown):
        assert not set("\x07\x9b\u202e") & set(text)
        assert "\x1b]" not in text
        assert "\nerror: forged" not in text
    assert "forged" in markdown
    failed = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))["failed"]
    assert failed[0]["path"].startswith("happiness/bad")


def test_json_stays_json_whatever_is_in_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    labels = ",".join(f"{name}{HIDDEN}" for name in "abcdefg")
    code, stdout, stderr = run(
        capsys, monkeypatch, "build", "--dry-run", "--no-parity", "--json", "--out", str(tmp_path / f"o{HIDDEN}"),
        "--labels", labels,
    )  # fmt: skip
    if code == 0:
        assert json.loads(stdout)["out"] == str(tmp_path / f"o{HIDDEN}")
    assert not set("\x1b\x07\x9b\u202e") & set(stdout + stderr)


@pytest.mark.slow
def test_pixels_are_counted_before_they_are_made(tmp_path: Path) -> None:
    data = faces(tmp_path / "data")
    Image.new("1", (30_000, 30_000)).save(data / "happiness" / "bomb.png")
    code, stderr = call("crop", str(data), str(tmp_path / "out"))
    assert code == 0, stderr
    (line,) = (tmp_path / "out" / "unreadable.txt").read_text(encoding="utf-8").splitlines()
    assert line.startswith(
        "happiness/bomb.png\thappiness/bomb.png has more than 67,108,864 pixels, by its header; python -m"
    )
    code, stderr = call("--max-pixels", "1000", "crop", str(data), str(tmp_path / "none"))
    assert code == 0, stderr
    assert len((tmp_path / "none" / "unreadable.txt").read_text(encoding="utf-8").splitlines()) == 2
