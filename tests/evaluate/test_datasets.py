"""Labelled folders in every layout, and the line that each damaged one gives."""

import json
import os
import zipfile
from pathlib import Path

import fsspec
import pytest

from reon_export.errors import DataError
from reon_export.evaluate.datasets import Entry, open_dataset
from reon_export.evaluate.datasets.annotations import read_boxes
from reon_export.faces.crop import Box
from reon_export.spec import REON_LABELS
from tests.support import face_folders


def touch(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"")
    return folder


def test_class_folders_go_by_key_korean_or_english_name(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "joy/b.jpg",
        "joy/a.PNG",
        "joy/deep/er/c.webp",
        "슬픔/d.jpg",
        "NEUTRAL/e.jpg",
        "joy/notes.txt",
        "joy/.f.jpg",
    )
    data = open_dataset(str(tmp_path), REON_LABELS)
    assert list(data.entries()) == [
        Entry("joy/a.PNG", "joy"), Entry("joy/b.jpg", "joy"), Entry("joy/deep/er/c.webp", "joy"),
        Entry("NEUTRAL/e.jpg", "neutral"), Entry("슬픔/d.jpg", "sadness"),
    ]  # fmt: skip
    assert data.labels == ("neutral", "joy", "sadness")


@pytest.mark.parametrize("decomposed", [False, True], ids=["composed", "as macOS writes names"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_the_layout_of_aihub_is_read_with_its_boxes(tmp_path: Path, encoding: str, decomposed: bool) -> None:
    boxes = face_folders.make_aihub(tmp_path, encoding=encoding, decomposed=decomposed)
    entries = list(open_dataset(str(tmp_path), REON_LABELS).entries())
    assert [entry.label for entry in entries] == ["hurt", "hurt", "joy", "joy"]
    if encoding == "cp949":  # which has no ç: such a name finds no box, and its image stays without one
        assert {entry.box for entry in entries} == {None}
    else:
        assert sorted(entry.box for entry in entries if entry.box) == sorted(boxes.values())
    assert all(open_dataset(str(tmp_path), REON_LABELS).read(entry.path) for entry in entries)


def test_an_archive_is_a_data_set_too(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        archive.writestr("faces/joy/a.jpg", b"one")
        archive.writestr("faces/상처/b.jpg", b"two")
    data = open_dataset(f"zip://faces::{tmp_path / 'faces.zip'}", REON_LABELS)
    assert [(entry.path, entry.label, data.read(entry.path)) for entry in data.entries()] == [
        ("상처/b.jpg", "hurt", b"two"), ("joy/a.jpg", "joy", b"one"),
    ]  # fmt: skip


def test_object_storage_is_reached_through_fsspec() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/bucket/faces/joy/a.jpg", b"one")
    memory.pipe_file("/bucket/faces/anger/b.jpg", b"two")
    data = open_dataset("memory://bucket/faces", REON_LABELS)
    assert [(entry.path, data.read(entry.path)) for entry in data.entries()] == [
        ("anger/b.jpg", b"two"),
        ("joy/a.jpg", b"one"),
    ]


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (
            ["joy/a.jpg", "boredom/b.jpg"],
            r"the folder 'boredom' of .* names no class of the model, which knows joy, emb",
        ),
        (["joy/a.jpg", "hurt/readme.txt"], r"the class folder 'hurt' of .* holds no image; fill it, or take it away"),
        (
            ["a.jpg"],
            r"has no class folders with images; expected one folder a class, named like joy, embarrassment, anger",
        ),
        (["notes.txt"], r"has no class folders with images"),
        (["joy_anger/a.jpg"], r"the folder 'joy_anger' of .* names no class"),
    ],
)
def test_a_folder_that_cannot_be_used_says_why(tmp_path: Path, paths: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_dataset(str(touch(tmp_path, *paths)), REON_LABELS)


def test_a_place_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no folder .*gone; give a folder with one folder of images a class"):
        open_dataset(str(tmp_path / "gone"), REON_LABELS)
    with pytest.raises(DataError, match=r"nosuch://bucket cannot be opened: .*an address that fsspec knows"):
        open_dataset("nosuch://bucket", REON_LABELS)


def test_a_folder_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may read everything, so the refusal is the operating system's own, raised in its place.
    touch(tmp_path, "joy/a.jpg")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.ls", refuse)
    with pytest.raises(DataError, match=r"the folder '\.' of .* cannot be read: Permission denied"):
        open_dataset(str(tmp_path), REON_LABELS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b'{"a": 1}',
            "x.json is not an annotation file: expected a JSON list of records with 'filename' and 'annot_A'",
        ),
        (b'[{"file": "a.jpg"}]', "x.json is damaged near character"),
        (b'[{"filename": "a.jpg", "annot_A": {"boxes": {"minX": 1}}}]', "x.json is damaged near character"),
        (b'[{"filename": "a.jpg"}, ', "x.json is cut off: its list of records has no end"),
        (b'[{"filename": "a.jp', "x.json is damaged near character 1"),
        (b"\x81", "x.json is neither UTF-8 nor CP949 text"),
    ],
)
def test_a_damaged_annotation_file_says_why(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(read_boxes(content, "x.json"))


def test_a_box_without_area_is_passed_over() -> None:
    flat = {"minX": 5, "minY": 5, "maxX": 5, "maxY": 9}
    box = {"minX": 1, "minY": 2, "maxX": 4, "maxY": 6}
    records = [
        {"filename": "a", "annot_A": {"boxes": flat}, "annot_B": {"boxes": box}},
        {"filename": "b", "annot_A": {"boxes": flat}},
    ]
    assert list(read_boxes(json.dumps(records).encode(), "x.json")) == [("a", Box(1, 2, 3, 4)), ("b", None)]


def test_annotations_without_a_box_and_an_empty_list() -> None:
    records = [
        {"filename": "a.jpg"},
        {"filename": "b.jpg", "annot_C": {"boxes": {"minX": 1, "minY": 2, "maxX": 4, "maxY": 8}}},
    ]
    assert list(read_boxes(json.dumps(records).encode(), "x")) == [("a.jpg", None), ("b.jpg", Box(1, 2, 3, 6))]
    assert list(read_boxes(b" [ ] ", "x")) == []
