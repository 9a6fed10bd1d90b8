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


def allow(folder: Path, shown: Path) -> None:
    del folder, shown


def refuse(folder: Path, shown: Path) -> None:
    del folder
    raise FolderError(f"{shown} may not be replaced")


def test_what_may_not_be_replaced_is_left(folder: Path) -> None:
    with pytest.raises(FolderError, match="made may not be replaced"), replacing_folder(folder, refuse):
        pytest.fail("the block must not run")
    assert (folder / NAME).read_text(encoding="utf-8") == "old"
    assert [path.name for path in folder.parent.iterdir()] == ["made"]


def test_a_new_folder_takes_the_place_of_the_old(folder: Path) -> None:
    with replacing_folder(folder, allow) as place:
        (place.folder / NAME).write_text("new", encoding="utf-8")
        assert (folder / NAME).read_text(encoding="utf-8") != "new"
    assert [path.name for path in folder.iterdir()] == [NAME]
    assert (folder / NAME).read_text(encoding="utf-8") == "new"
    assert [path.name for path in folder.parent.iterdir()] == ["made"]


def test_a_failed_block_leaves_the_old_folder_and_nothing_else(folder: Path) -> None:
    before = (folder / NAME).read_bytes()

    def break_in_the_middle() -> None:
        with replacing_folder(folder, allow) as place:
            (place.folder / NAME).write_text("half", encoding="utf-8")
            raise RuntimeError("broke")

    with pytest.raises(RuntimeError, match="broke"):
        break_in_the_middle()
    assert (folder / NAME).read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == ["made"]


def _replace_for_ever(folder: Path) -> None:
    number = 0
    while True:
        number += 1
        with replacing_folder(folder, allow) as place:
            for name in ("one", "two", NAME):
                (place.folder / name).write_text(str(number), encoding="utf-8")


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
    with replacing_folder(folder, allow) as place:  # clears what the killed ones left behind
        (place.folder / NAME).write_text("last", encoding="utf-8")
    assert [path.name for path in folder.parent.iterdir()] == ["made"]


def test_a_file_that_somebody_puts_there_meanwhile_is_given_back(folder: Path) -> None:
    def check(looked_at: Path, shown: Path) -> None:
        if looked_at != folder and (looked_at / "thesis.tex").exists():
            raise FolderError(f"{shown} holds thesis.tex")
        if looked_at == folder and (folder / "seen").exists():  # right behind the last look before the exchange
            (folder / "thesis.tex").write_text("years of work", encoding="utf-8")
        (looked_at / "seen").touch()

    def build() -> None:
        with replacing_folder(folder, check) as place:
            (place.folder / NAME).write_text("new", encoding="utf-8")

    with pytest.raises(FolderError, match="made holds thesis"):
        build()
    assert (folder / "thesis.tex").read_text(encoding="utf-8") == "years of work"
    assert (folder / NAME).read_text(encoding="utf-8") == "old"
    assert [path.name for path in folder.parent.iterdir()] == ["made"]


@pytest.mark.parametrize("name", ["made", "a[b]c", "*", "모델 2"])
def test_folders_of_killed_processes_neither_stay_nor_break_anything(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    for owner in ("", "\u00b2-x", "99999999999999999999-x", "-1-x", "4194999-abc", f"{os.getpid()}-old"):
        leftover = tmp_path / f".{name}.building-{owner}"
        (leftover / "new").mkdir(parents=True)
        os.utime(leftover, (1, 1))  # for the last one: another process has got the number of a dead one
    (tmp_path / f".{name}.building-file").write_text("a file", encoding="utf-8")
    with replacing_folder(target, allow) as place:
        (place.folder / NAME).write_text("new", encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, f".{name}.building-file"])


def test_the_folder_of_a_process_that_runs_is_left_alone(folder: Path) -> None:
    with replacing_folder(folder, allow) as first:
        os.utime(first.folder.parent, (1, 1))
        with replacing_folder(folder, allow) as second:
            (second.folder / NAME).write_text("second", encoding="utf-8")
        (first.folder / NAME).write_text("first", encoding="utf-8")
    assert (folder / NAME).read_text(encoding="utf-8") == "first"


def test_without_an_exchange_in_one_step_a_folder_put_aside_comes_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reon_export.atomic._exchange_at_once", lambda *_: False)
    with replacing_folder(folder, allow) as place:
        (place.folder / NAME).write_text("new", encoding="utf-8")
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == {NAME: "new"}
    killed = folder.with_name(".made.building-1x-y")  # between the two renames
    killed.mkdir()
    folder.rename(killed / "old")
    with pytest.raises(RuntimeError), replacing_folder(folder, allow):
        raise RuntimeError("the next one fails, too")
    assert (folder / NAME).read_text(encoding="utf-8") == "new"
    assert [path.name for path in folder.parent.iterdir()] == ["made"]
