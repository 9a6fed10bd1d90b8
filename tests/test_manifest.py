"""The model folder: written, read and verified."""

import json
from pathlib import Path

import pytest

from reon_export.errors import ManifestError
from reon_export.manifest import (
    MANIFEST_NAME,
    read_artefact_file,
    read_manifest,
)
from reon_export.spec import ModelSpec
from tests.support.model_folders import write_tiny_model


@pytest.fixture
def folder(tmp_path: Path, default_spec: ModelSpec) -> Path:
    """A small model folder: one artefact of two files."""
    return write_tiny_model(tmp_path / "model", default_spec)


def test_a_manifest_survives_being_written_and_read(folder: Path) -> None:
    manifest = read_manifest(folder)
    (artefact,) = manifest.artefacts
    assert [entry.path for entry in artefact.files] == ["tfjs-float32/model.json", "tfjs-float32/group1-shard1of1.bin"]
    assert artefact.bytes == sum(entry.bytes for entry in artefact.files) > 1000
    assert 0 < artefact.gzip_bytes < 500
    assert artefact.verdict == "not_run"
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
    with pytest.raises(ManifestError, match=r"has SHA-256 .*, the manifest lists .*; build it again"):
        read_artefact_file(folder, entry)
    path.write_bytes(bytes(10))
    with pytest.raises(ManifestError, match="has 10 bytes, the manifest lists 1000; build it again"):
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
