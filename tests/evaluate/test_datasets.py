"""Labelled folders in every layout, and the line that each damaged one gives."""

import json
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import fsspec
import pytest

from reon_export.errors import DataError
from reon_export.evaluate.datasets import Entry, open_dataset
from reon_export.evaluate.datasets.annotations import AnnotationIndex, read_annotations
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
    data = open_dataset(str(tmp_path), REON_LABELS)
    assert [entry.label for entry in data.entries()] == ["hurt", "hurt", "joy", "joy"]
    if encoding == "cp949":  # which has no ç: such a name joins nothing
        with pytest.raises(DataError, match=r"0 of 2 images of hurt in .* are in its annotations: the image 'fa"):
            list(data.entries(with_boxes=True))
        return
    entries = list(data.entries(with_boxes=True))
    assert [entry.label for entry in entries] == ["hurt", "hurt", "joy", "joy"]
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
        list(read_annotations(content, "x.json"))


BOX = {"minX": 1, "minY": 2, "maxX": 4, "maxY": 6}


@pytest.mark.parametrize(
    "skipped",
    [
        None,
        {},
        dict.fromkeys(BOX),
        dict.fromkeys(BOX, ""),
        dict.fromkeys(BOX, 0.0),
        {"minX": 5, "minY": 5, "maxX": 5, "maxY": 9},
        {"label": "기쁨"},
        dict.fromkeys(BOX, " "),
        dict.fromkeys(BOX, "null"),
    ],
)
@pytest.mark.parametrize("name", ["annot", "faceBB"])
def test_an_annotator_without_a_box_is_passed_over(name: str, skipped: object) -> None:
    records = [
        {"filename": "a", f"{name}_A": {"boxes": skipped}, f"{name}_C": {"boxes": BOX}},
        {"filename": "b", f"{name}_A": {"boxes": skipped}},
        {"filename": "c"},
        {"filename": "d", f"{name}_A": {"boxes": {key: f"{value:.3f}" for key, value in BOX.items()}}},
    ]
    found = {a.file: a.box for a in read_annotations(json.dumps(records).encode(), "x.json")}
    assert found == {"a": Box(1, 2, 3, 4), "b": None, "c": None, "d": Box(1, 2, 3, 4)}
    assert list(read_annotations(b" [ ] ", "x")) == []


@pytest.mark.parametrize(
    ("votes", "majority"),
    [
        (("기쁨", "기쁨", "슬픔"), "기쁨"),
        (("기쁨", "슬픔", "중립"), None),
        (("기쁨", "슬픔"), None),
        (("슬픔",), "슬픔"),
        ((), None),
    ],
)
def test_the_annotators_majority(votes: tuple[str, ...], majority: str | None) -> None:
    record = {"filename": "a"} | {f"annot_{'ABC'[i]}": {"boxes": BOX, "faceExp": vote} for i, vote in enumerate(votes)}
    (annotation,) = read_annotations(json.dumps([record]).encode(), "x.json")
    assert (annotation.votes, annotation.majority) == (votes, majority)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp949"])
def test_encodings_of_annotations(encoding: str) -> None:
    content = json.dumps([{"filename": "여_人.jpg"}], ensure_ascii=False).encode(encoding)
    assert [annotation.file for annotation in read_annotations(content, "x.json")] == ["여_人.jpg"]


@pytest.mark.parametrize(
    ("listed", "on_disk"),
    [
        ("공공&종교.jpg", "공공_종교.jpg"),
        ("공공/종교.jpg", "공공_종교.jpg"),
        ("공공_종교.jpg", "공공&종교.jpg"),
        ("Training/EMOIMG/공공&종교.jpg", "공공_종교.jpg"),
        ("Training\\EMOIMG\\a.jpg", "a.jpg"),
        ("Training/공공/종교.jpg", "공공&종교.jpg"),
        ("A.JPG", "a.jpeg"),
    ],
)
def test_names_are_joined_however_each_side_writes_them(listed: str, on_disk: str) -> None:
    index = AnnotationIndex()
    for annotation in read_annotations(json.dumps([{"filename": listed, "annot_A": {"boxes": BOX}}]).encode(), "x"):
        index.add(annotation)
    found = index.find(on_disk)
    assert found is not None
    assert found.box == Box(1, 2, 3, 4)
    assert index.find("other.jpg") is None


def test_a_name_that_fits_two_records_fits_neither() -> None:
    index = AnnotationIndex()
    other = {**BOX, "maxX": 9}
    records = [{"filename": "a/1.jpg", "annot_A": {"boxes": BOX}}, {"filename": "b/1.jpg", "annot_A": {"boxes": other}}]
    for annotation in read_annotations(json.dumps(records).encode(), "x"):
        index.add(annotation)
    assert index.find("1.jpg") is None


def write_annotated(folder: Path, votes: Mapping[str, tuple[str, ...]]) -> str:
    """Images of joy, each with what annotators A, B and C saw in it."""
    records = [
        {"filename": name} | {f"annot_{'ABC'[i]}": {"boxes": BOX, "faceExp": vote} for i, vote in enumerate(seen)}
        for name, seen in votes.items()
    ]
    touch(folder, *(f"[원천]기쁨/{name}" for name in votes))
    (folder / "기쁨.json").write_text(json.dumps(records), encoding="utf-8")
    return str(folder)


def test_labels_from_the_annotators(tmp_path: Path) -> None:
    votes = {"a.jpg": ("슬픔", "슬픔", "기쁨"), "b.jpg": ("기쁨", "슬픔", "중립"), "c.jpg": ("기쁨", "기쁨", "기쁨")}
    data = open_dataset(write_annotated(tmp_path, votes), REON_LABELS)
    assert [entry.label for entry in data.entries()] == ["joy"] * 3
    assert [entry.label for entry in data.entries(labels_from="annotators")] == ["sadness", None, "joy"]


def test_boxes_without_annotations_or_without_a_join_are_an_error(tmp_path: Path) -> None:
    touch(tmp_path, "joy/a.jpg", "joy/b.jpg")
    data = open_dataset(str(tmp_path), REON_LABELS)
    with pytest.raises(
        DataError, match=r"holds no annotation file \(\.json\), expected AI-Hub's beside the class folders"
    ):
        list(data.entries(with_boxes=True))
    (tmp_path / "joy.json").write_text(json.dumps([{"filename": "x.jpg", "annot_A": {"boxes": BOX}}]), encoding="utf-8")
    data = open_dataset(str(tmp_path), REON_LABELS)
    expected = (
        r"0 of 2 images of joy in .* annotations: the image 'b.jpg' does not join the names there, such as 'x.jpg'"
    )
    with pytest.raises(DataError, match=expected):
        list(data.entries(with_boxes=True))
    assert len(list(data.entries())) == 2  # whoever does not ask for boxes needs no annotations


def test_class_folders_at_any_depth_and_nothing_of_the_system(tmp_path: Path) -> None:
    deep = "092.한국인/01.데이터/1.Training/원천데이터/part/기쁨_unzipped"
    system = (
        "@eaDir/a.jpg/T.jpg",
        "#recycle/b.jpg",
        "@Recycle/h.jpg",
        "__MACOSX/c.jpg",
        "$RECYCLE.BIN/d.jpg",
        "lost+found/e.jpg",
        ".x/f.jpg",
    )
    touch(tmp_path, f"{deep}/a.jpg", f"{deep}/._a.jpg", *(f"{deep}/{name}" for name in system))
    touch(tmp_path, *system, "System Volume Information/joy/g.jpg")
    assert [entry.path for entry in open_dataset(str(tmp_path), REON_LABELS).entries()] == [f"{deep}/a.jpg"]


def test_an_archive_given_as_a_folder_names_the_address(tmp_path: Path) -> None:
    archive = tmp_path / "faces.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("joy/a.jpg", b"one")
    with pytest.raises(
        DataError, match=rf"faces.zip is an archive; give what is in it, as 'zip://::{archive}', or unpack"
    ):
        open_dataset(str(archive), REON_LABELS)
    with pytest.raises(DataError, match=rf"holds archives and no class folders: unpack .* as 'zip://::{archive}'"):
        open_dataset(str(tmp_path), REON_LABELS)
    assert [entry.path for entry in open_dataset(f"zip://::{archive}", REON_LABELS).entries()] == ["joy/a.jpg"]


@pytest.mark.parametrize("folder", ["", "Training/원천데이터/", "joy/"])
def test_an_archive_below_the_folder_is_named_too(tmp_path: Path, folder: str) -> None:
    archive = touch(tmp_path, f"{folder}[원천]EMOIMG_기쁨.ZIP") / f"{folder}[원천]EMOIMG_기쁨.ZIP"
    with pytest.raises(
        DataError, match=rf"holds archives and no class folders: .* as '{re.escape(f'zip://::{archive}')}'"
    ):
        open_dataset(str(tmp_path), REON_LABELS)


def test_one_name_that_is_no_korean_leaves_the_others_readable(tmp_path: Path) -> None:
    archive = tmp_path / "faces.zip"
    names = {"기쁨/여.jpg": "cp949", "joy/café .jpg": "cp437", "슬픔/남.jpg": "utf-8"}
    with zipfile.ZipFile(archive, "w") as made:
        for index, (name, encoding) in enumerate(names.items()):
            made.writestr(str(index) * len(name.encode(encoding)), name.encode())
    content = archive.read_bytes()
    for index, (name, encoding) in enumerate(names.items()):
        content = content.replace(str(index).encode() * len(name.encode(encoding)), name.encode(encoding))
    archive.write_bytes(content)
    data = open_dataset(f"zip://::{archive}", REON_LABELS)
    assert {entry.path: data.read(entry.path).decode() for entry in data.entries()} == {name: name for name in names}


@pytest.mark.parametrize("encoding", ["cp949", "utf-8"])
def test_names_in_an_archive_without_their_encoding(tmp_path: Path, encoding: str) -> None:
    archive = tmp_path / "faces.zip"
    name = "[원천]기쁨/여_30.jpg".encode(encoding)
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("x" * len(name), b"one")
    archive.write_bytes(archive.read_bytes().replace(b"x" * len(name), name))  # as a packer without the flag writes it
    data = open_dataset(f"zip://::{archive}", REON_LABELS)
    (entry,) = data.entries()
    assert (entry.path, entry.label, data.read(entry.path)) == ("[원천]기쁨/여_30.jpg", "joy", b"one")
