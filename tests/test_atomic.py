"""Folders that are made whole or not at all."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from reon_export.atomic import replacing_folder
from reon_export.errors import FolderError

NAME = "record.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that was made before."""
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / NAME).write_text("old", encoding="utf-8")
    (folder / "more").write_text("old", encoding="utf-8")
    return folder


def allow(folder: Path) -> None:
    del folder


def refuse(folder: Path) -> None:
    raise FolderError(f"{folder} may not be replaced")


def test_what_may_not_be_replaced_is_left(folder: Path) -> None:
    with pytest.raises(FolderError, match="made may not be replaced"), replacing_folder(folder, refuse):
        pytest.fail("the block must not run")
    assert (folder / NAME).read_text(encoding="utf-8") == "old"
    assert [path.name for path in folder.parent.iterdir()] == ["made"]


def test_a_new_folder_takes_the_place_of_the_old(folder: Path) -> None:
    with replacing_folder(folder, allow) as fresh:
        (fresh / NAME).write_text("new", encoding="utf-8")
        assert (folder / NAME).read_text(encoding="utf-8") != "new"
    assert [path.name for path in folder.iterdir()] == [NAME]
    assert (folder / NAME).read_text(encoding="utf-8") == "new"
    assert [path.name for path in folder.parent.iterdir()] == ["made"]


def test_a_failed_block_leaves_the_old_folder_and_nothing_else(folder: Path) -> None:
    before = (folder / NAME).read_bytes()

    def break_in_the_middle() -> None:
        with replacing_folder(folder, allow) as fresh:
            (fresh / NAME).write_text("half", encoding="utf-8")
            raise RuntimeError("broke")

    with pytest.raises(RuntimeError, match="broke"):
        break_in_the_middle()
    assert (folder / NAME).read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == ["made"]


def _replace_for_ever(folder: Path) -> None:
    number = 0
    while True:
        number += 1
        with replacing_folder(folder, allow) as fresh:
            for name in ("one", "two", NAME):
                (fresh / name).write_text(str(number), encoding="utf-8")


def test_kill_9_at_any_moment_leaves_a_whole_folder(folder: Path) -> None:
    for moment in range(12):
        child = multiprocessing.get_context("fork").Process(target=_replace_for_ever, args=(folder,))
        child.start()
        time.sleep(0.05 + moment * 0.0037)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        held = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.is_file()}
        assert NAME in held
        if "one" in held:  # the child came as far as its first exchange
            assert len(set(held.values())) == 1, held
            assert set(held) == {"one", "two", NAME}
    with replacing_folder(folder, allow) as fresh:  # clears what the killed ones left behind
        (fresh / NAME).write_text("last", encoding="utf-8")
    assert [path.name for path in folder.parent.iterdir()] == ["made"]
