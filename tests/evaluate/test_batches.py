"""Batch jobs: nothing lost, nothing counted twice, whatever dies; the same records from every engine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reon_export.errors import DataError
from reon_export.evaluate.batches import BatchOptions, read_records, run_batches
from reon_export.evaluate.choices import Executor
from reon_export.evaluate.datasets import Entry
from reon_export.faces.crop import Box
from reon_export.paths import PROJECT_ROOT
from tests.support.batch_works import NamesWork

ENTRIES = [Entry(f"i{index:03d}", "joy", Box(1, 2, 3, 4) if index % 2 else None) for index in range(50)]
EXPECTED = [{"path": entry.path, "label": "joy"} for entry in ENTRIES]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "kill"),
    [("local", ""), ("local", "i017"), ("ray", "i017")],
    ids=["local", "local, a worker killed", "ray, a worker killed"],
)
def test_every_record_comes_once_and_in_order(
    tmp_path: Path, engine: Executor, kill: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT_ROOT))  # for Ray's workers, which do not know pytest's path
    progress: list[tuple[int, int]] = []
    work = NamesWork(tmp_path / "log", kill, times=1)
    run = run_batches(
        work,
        iter(ENTRIES),
        tmp_path / "job",
        BatchOptions(engine, 2, 4),
        lambda _, done, total: progress.append((done, total)),
    )
    assert (run.entries, run.batches, run.resumed) == (50, 13, 0)
    assert list(read_records(tmp_path / "job")) == EXPECTED
    assert progress[0] == (0, 50)
    assert progress[-1] == (50, 50)
    assert len(list((tmp_path / "log").glob("kill-*"))) == bool(kill)


@pytest.mark.slow
def test_a_batch_that_always_kills_its_worker_is_named(tmp_path: Path) -> None:
    work = NamesWork(tmp_path / "log", "i017", times=-1)
    message = r"batch 4 ended its worker process 3 times .*: one of its 4 images, from i016 to i019, is at fault"
    with pytest.raises(DataError, match=message):
        run_batches(work, iter(ENTRIES), tmp_path / "job", BatchOptions("local", 2, 4))
    # The rest is kept: once the image is mended, only what is missing is done.
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "job" / "parts").iterdir()}
    assert len(kept) >= 4
    run = run_batches(NamesWork(tmp_path / "log"), iter(()), tmp_path / "job", BatchOptions("local", 1, 4))
    assert run.resumed == len(kept)
    assert list(read_records(tmp_path / "job")) == EXPECTED
    assert all(path.stat().st_mtime_ns == written for path, written in kept.items())


SLOW_JOB = """
import sys, time
from pathlib import Path
from tests.support.batch_works import NamesWork
from reon_export.evaluate.batches import BatchOptions, run_batches
from tests.evaluate.test_batches import ENTRIES
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    options = BatchOptions("local", 1, 2)
    run_batches(NamesWork(folder / "log"), ENTRIES, folder / "job", options, lambda *_: time.sleep(0.1))
"""


@pytest.mark.slow
def test_a_job_that_was_killed_goes_on(tmp_path: Path) -> None:
    script = tmp_path / "job.py"
    script.write_text(SLOW_JOB, encoding="utf-8")
    command = [sys.executable, str(script), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    parts = tmp_path / "job" / "parts"
    deadline = time.monotonic() + 60
    while not (parts.is_dir() and len(list(parts.glob("*.jsonl"))) >= 3):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = len(list(parts.glob("*.jsonl")))
    assert 3 <= done < 25
    run = run_batches(NamesWork(tmp_path / "log"), iter(()), tmp_path / "job", BatchOptions("local", 1, 2))
    assert run.resumed == done
    assert list(read_records(tmp_path / "job")) == EXPECTED


def test_a_job_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot make the folder .*file/job: Not a directory; choose another with"):
        run_batches(NamesWork(tmp_path), ENTRIES, tmp_path / "file" / "job", BatchOptions())
    with pytest.raises(DataError, match=r"is not empty and holds no job to go on with; choose another folder"):
        run_batches(NamesWork(tmp_path), ENTRIES, tmp_path, BatchOptions())
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "keep"
    job = tmp_path / "job"
    (job / "parts").mkdir(parents=True)
    content = {"format": "reon-batches", "version": 1, "fingerprint": "another", "entries": 9, "batch_size": 4}
    (job / "job.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match=r"holds the unfinished job of another command .other data, model, crop rule"):
        run_batches(NamesWork(tmp_path), ENTRIES, job, BatchOptions())
    with pytest.raises(DataError, match=r"is not finished: batch 0 has no part; run the command again"):
        list(read_records(job))


def test_a_job_whose_listing_failed_is_begun_again(tmp_path: Path) -> None:
    def fail() -> Iterator[Entry]:
        yield ENTRIES[0]
        raise DataError("0 of 2 images are in its annotations")

    job = tmp_path / "job"
    with pytest.raises(DataError, match="0 of 2 images"):
        run_batches(NamesWork(tmp_path / "log"), fail(), job, BatchOptions("local", 1, 2))
    assert run_batches(NamesWork(tmp_path / "log"), ENTRIES, job, BatchOptions("local", 1, 2)).resumed == 0
    assert list(read_records(job)) == EXPECTED


def test_a_folder_of_parts_without_a_job_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(DataError, match=r"is not empty and holds no job to go on with; choose another folder"):
        run_batches(NamesWork(tmp_path), ENTRIES, tmp_path, BatchOptions())


@pytest.mark.parametrize(("workers", "size"), [(0, 4), (1, 0)])
def test_no_workers_or_empty_batches_are_refused(tmp_path: Path, workers: int, size: int) -> None:
    with pytest.raises(
        DataError, match=f"{workers} workers and batches of {size} cannot be, expected 1 or more of each"
    ):
        run_batches(NamesWork(tmp_path), ENTRIES, tmp_path / "job", BatchOptions("local", workers, size))


def test_no_data_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the data holds no image; expected at least one"):
        run_batches(NamesWork(tmp_path), iter(()), tmp_path / "job", BatchOptions())


def test_ray_that_is_not_installed_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reon_export.errors import SetupError

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(
        SetupError, match=r"--executor ray needs Ray, which is not installed; pip install 'reon_export\[ray\]'"
    ):
        run_batches(NamesWork(tmp_path), ENTRIES, tmp_path / "job", BatchOptions("ray"))
