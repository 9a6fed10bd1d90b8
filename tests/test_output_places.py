"""Nothing that somebody else wrote is written over."""

import json
import os
from functools import partial
from pathlib import Path

import pytest

from reon_export.errors import FolderError
from reon_export.manifest import MANIFEST_NAME, MODEL_KIND
from reon_export.output_places import OwnFiles, check_inputs_apart, check_replaceable, has_format
from reon_export.spec import ModelSpec
from tests.support.model_folders import write_tiny_model

WORK = "years of work"
RECORD = "score.json"
NAMES = ("score.csv", RECORD)
FILES = OwnFiles("--out", RECORD, NAMES, partial(has_format, expected="reon-score"))


@pytest.fixture
def model(tmp_path: Path, default_spec: ModelSpec) -> Path:
    """A small model folder."""
    return write_tiny_model(tmp_path / "model", default_spec)


def test_new_empty_and_own_folders_are_replaceable(tmp_path: Path, model: Path) -> None:
    (tmp_path / "empty").mkdir()
    (model / ".DS_Store").touch()
    for folder in (tmp_path / "new" / "deep", tmp_path / "empty", model):
        check_replaceable(folder, MODEL_KIND)


@pytest.mark.parametrize("name", ["thesis.tex", "best.pt", "tfjs-float32/notes.txt", ".env"])
def test_one_more_file_in_a_model_folder_keeps_it(model: Path, name: str) -> None:
    (model / name).parent.mkdir(exist_ok=True)
    (model / name).write_text(WORK, encoding="utf-8")
    with pytest.raises(FolderError, match=rf"model holds {name}, which no build put there; it was left as it is, move"):
        check_replaceable(model, MODEL_KIND)
    assert (model / name).read_text(encoding="utf-8") == WORK


def test_a_link_in_a_model_folder_keeps_it(model: Path, tmp_path: Path) -> None:
    (model / "mine").symlink_to(tmp_path)
    with pytest.raises(FolderError, match="model holds mine, which no build put there"):
        check_replaceable(model, MODEL_KIND)


@pytest.mark.parametrize("manifest", ["{}", '{"manifest_version": 3, "name": "my extension"}', "", "[" * 100_000])
def test_another_tools_manifest_makes_no_model_folder(tmp_path: Path, manifest: str) -> None:
    folder = tmp_path / "extension"
    folder.mkdir()
    (folder / MANIFEST_NAME).write_text(manifest, encoding="utf-8")
    (folder / "index.js").write_text(WORK, encoding="utf-8")
    with pytest.raises(
        FolderError, match=r"extension is not empty and not a model folder \(its manifest.json is not u"
    ):
        check_replaceable(folder, MODEL_KIND)
    (folder / MANIFEST_NAME).unlink()
    with pytest.raises(
        FolderError, match=r"extension is not empty and not a model folder \(its manifest.json is not t"
    ):
        check_replaceable(folder, MODEL_KIND)
    assert (folder / "index.js").read_text(encoding="utf-8") == WORK


def test_places_that_are_no_folder(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text(WORK, encoding="utf-8")
    (tmp_path / "link").symlink_to(model)
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe")
    for name in ("file", "link", "nowhere", "pipe"):
        with pytest.raises(FolderError, match=f"{name} is not a plain folder; give --out a folder that is new, em"):
            check_replaceable(tmp_path / name, MODEL_KIND)
    with pytest.raises(FolderError, match=r"--out .*/file/below cannot be written: .*/file is not a folder that you"):
        check_replaceable(tmp_path / "file" / "below", MODEL_KIND)
    monkeypatch.chdir(model)
    for name in (".", "..", "/", str(model), str(tmp_path)):
        with pytest.raises(FolderError, match=f"--out {name} is the folder that you are in, or one above it"):
            check_replaceable(Path(name), MODEL_KIND)
    with pytest.raises(FolderError, match="cannot be used: File name too long; choose another place"):
        check_replaceable(tmp_path / ("x" * 300), MODEL_KIND)
    with pytest.raises(FolderError, match=r"cannot be used: .*null (byte|character)"):
        check_replaceable(tmp_path / "a\0b", MODEL_KIND)


def test_what_is_read_may_not_lie_in_what_is_replaced(tmp_path: Path, model: Path) -> None:
    inside = {"the checkpoint": model / "best.pt", "--crops": None}
    with pytest.raises(FolderError, match=r"would be replaced, and the checkpoint \(.*best.pt\) lies inside it"):
        check_inputs_apart(model, "--out", inside)
    (tmp_path / "again").symlink_to(model)
    with pytest.raises(FolderError, match=r"and --crops \(.*again/faces\) lies inside it; choose another --out"):
        check_inputs_apart(model, "--out", {"--crops": tmp_path / "again" / "faces"})
    check_inputs_apart(model, "--out", {"the checkpoint": tmp_path / "model2" / "best.pt"})


def test_files_of_the_same_name_are_kept(tmp_path: Path) -> None:
    FILES.check(tmp_path / "new")
    (tmp_path / "other.csv").write_text(WORK, encoding="utf-8")
    FILES.check(tmp_path)
    (tmp_path / "score.csv").write_text(WORK, encoding="utf-8")
    with pytest.raises(
        FolderError, match=r"holds score.csv, which no earlier run wrote \(there is no score.json of one"
    ):
        FILES.check(tmp_path)
    with pytest.raises(FolderError, match=r"--out .*/other.csv is not a folder"):
        FILES.check(tmp_path / "other.csv")


def test_files_of_an_earlier_run_are_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    mine = json.dumps({"format": "reon-score"}).encode()
    FILES.write(folder, {"score.csv": b"1", RECORD: mine})
    FILES.check(folder)
    for other in (b"{}", b"[1]", b'{"format": "else"}', b"\xff", b"[" * 100_000):
        (folder / RECORD).write_bytes(other)
        with pytest.raises(FolderError, match="which no earlier run wrote"):
            FILES.check(folder)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "taken").write_text(WORK, encoding="utf-8")
    with pytest.raises(FolderError, match=r"cannot write into .*: (File exists|Not a directory); choose another --out"):
        FILES.write(tmp_path / "model", {f"taken/{RECORD}": b""})
