"""The model folder: written, read, verified and replaced."""

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from reon_export.errors import ManifestError
from reon_export.manifest import (
    MANIFEST_NAME,
    Manifest,
    Source,
    describe_files,
    read_artefact_file,
    read_manifest,
    replacing_folder,
    write_manifest,
)
from reon_export.spec import ModelSpec


@pytest.fixture
def folder(tmp_path: Path, default_spec: ModelSpec) -> Path:
    """A small model folder: one artefact of two files."""
    folder = tmp_path / "model"
    (folder / "tfjs-float32").mkdir(parents=True)
    files = [folder / "tfjs-float32" / "model.json", folder / "tfjs-float32" / "group1-shard1of1.bin"]
    files[0].write_bytes(b"{}")
    files[1].write_bytes(bytes(1000))
    manifest = Manifest(
        name="tiny",
        spec=default_spec,
        source=Source(file="tiny.pt", sha256="0" * 64, layout="torchvision", num_classes=7),
        artefacts=(describe_files(folder, files, "tfjs", "float32"),),
        built_at="2026-01-01T00:00:00+00:00",
        tools={},
    )
    write_manifest(manifest, folder)
    return folder


def test_a_manifest_survives_being_written_and_read(folder: Path) -> None:
    manifest = read_manifest(folder)
    (artefact,) = manifest.artefacts
    assert [entry.path for entry in artefact.files] == ["tfjs-float32/model.json", "tfjs-float32/group1-shard1of1.bin"]
    assert artefact.bytes == 1002
    assert 0 < artefact.gzip_bytes < 100
    assert artefact.gate == "not_run"
    assert read_artefact_file(folder, artefact.files[1]) == bytes(1000)


def test_a_missing_artefact_is_named_with_what_there_is(folder: Path) -> None:
    with pytest.raises(ManifestError, match="no tfjs uint8 in this model folder; it holds tfjs float32"):
        read_manifest(folder).artefact("tfjs", "uint8")


def test_a_folder_without_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(
        ManifestError, match=r"is not a model folder: it has no manifest.json; make one with 'python -m"
    ):
        read_manifest(tmp_path)


def test_a_changed_file_is_refused(folder: Path) -> None:
    entry = read_manifest(folder).artefacts[0].files[1]
    path = folder / entry.path
    path.write_bytes(bytes(999) + b"\x01")
    with pytest.raises(ManifestError, match=r"has SHA-256 .*, the manifest says .*; build it again"):
        read_artefact_file(folder, entry)
    path.write_bytes(bytes(10))
    with pytest.raises(ManifestError, match="has 10 bytes, the manifest says 1000; build it again"):
        read_artefact_file(folder, entry)
    path.unlink()
    with pytest.raises(ManifestError, match="is listed in the manifest but cannot be read: No such file"):
        read_artefact_file(folder, entry)


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/../../b", "a\\b", "C:/x", ""])
def test_a_path_that_leaves_the_folder_is_refused(folder: Path, path: str) -> None:
    content = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
    content["artefacts"][0]["files"][0]["path"] = path
    (folder / MANIFEST_NAME).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ManifestError, match=r"is damaged or from another version: artefacts\.0.files\.0\.path"):
        read_manifest(folder)


def test_a_new_folder_takes_the_place_of_the_old(folder: Path) -> None:
    with replacing_folder(folder) as fresh:
        (fresh / MANIFEST_NAME).write_text("new", encoding="utf-8")
        assert (folder / MANIFEST_NAME).read_text(encoding="utf-8") != "new"
    assert [path.name for path in folder.iterdir()] == [MANIFEST_NAME]
    assert (folder / MANIFEST_NAME).read_text(encoding="utf-8") == "new"
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_failed_block_leaves_the_old_folder_and_nothing_else(folder: Path) -> None:
    before = (folder / MANIFEST_NAME).read_bytes()

    def break_in_the_middle() -> None:
        with replacing_folder(folder) as fresh:
            (fresh / MANIFEST_NAME).write_text("half", encoding="utf-8")
            raise RuntimeError("broke")

    with pytest.raises(RuntimeError, match="broke"):
        break_in_the_middle()
    assert (folder / MANIFEST_NAME).read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_somebodys_work_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work", encoding="utf-8")
    with pytest.raises(ManifestError, match="is not empty and not a model folder"), replacing_folder(tmp_path):
        pytest.fail("the block must not run")
    assert (tmp_path / "thesis.tex").read_text(encoding="utf-8") == "years of work"


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.write_text("a file", encoding="utf-8")
    with pytest.raises(ManifestError, match="is not a plain folder"), replacing_folder(target):
        pytest.fail("the block must not run")


def _replace_for_ever(folder: Path) -> None:
    number = 0
    while True:
        number += 1
        with replacing_folder(folder) as fresh:
            for name in ("one", "two", MANIFEST_NAME):
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
        assert MANIFEST_NAME in held
        if "one" in held:  # the child came as far as its first exchange
            assert len(set(held.values())) == 1, held
            assert set(held) == {"one", "two", MANIFEST_NAME}
    with replacing_folder(folder) as fresh:  # clears what the killed ones left behind
        (fresh / MANIFEST_NAME).write_text("last", encoding="utf-8")
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
