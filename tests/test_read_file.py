"""What is opened is a file, and no more of it is read than the limits allow."""

import json
import os
import struct
import subprocess
import sys
import threading
import zipfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from reon_export import limits
from reon_export.checkpoint.load import load_checkpoint
from reon_export.errors import CheckpointError, ManifestError, TrackError
from reon_export.evaluate.datasets import open_dataset
from reon_export.evaluate.read_entry import EntryReader
from reon_export.manifest import MANIFEST_NAME, read_manifest
from reon_export.read_file import check_file, open_file, read_bytes
from reon_export.score.tracks.video import Video
from reon_export.spec import ModelSpec


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert read_bytes(tmp_path / "a") == read_bytes(tmp_path / "link") == b"content"
    assert check_file(tmp_path / "a") == 7


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (os.mkfifo, "it is a named pipe, not a file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device, not a file"),
        (lambda path: path.mkdir(), "it is a folder"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
        (lambda path: None, "No such file or directory"),  # noqa: ARG005
    ],
    ids=["pipe", "device", "folder", "loop", "nothing"],
)
def test_what_is_no_file_is_named(tmp_path: Path, make: object, reason: str) -> None:
    assert callable(make)
    make(tmp_path / "thing")
    for read in (check_file, open_file, read_bytes):
        with pytest.raises(OSError, match=reason):
            read(tmp_path / "thing")


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="its name holds a zero byte"):
        read_bytes(tmp_path / "a\0b")
    with pytest.raises(OSError, match="File name too long"):
        read_bytes(tmp_path / ("x" * 300))


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(
        OSError, match="has 1,099,511,627,776 bytes, at most 2,147,483,648 are read; python -m reon_exp"
    ):
        read_bytes(tmp_path / "sparse")


def test_a_file_that_grows_is_refused(tmp_path: Path) -> None:
    path, stop = tmp_path / "growing", threading.Event()
    path.write_bytes(b"x" * 100_000)

    def grow() -> None:
        with path.open("ab") as stream:
            while not stop.is_set():
                stream.write(b"y" * 100_000)
                stream.flush()

    writer = threading.Thread(target=grow)
    writer.start()

    def read_often() -> None:
        for _ in range(1000):
            read_bytes(path, 10**9)

    try:
        with pytest.raises(OSError, match="it is still being written: wait until it is complete"):
            read_often()
    finally:
        stop.set()
        writer.join()


def test_limits_are_set_for_child_processes_and_opencv() -> None:
    script = (
        "from reon_export.limits import *; set_limits(1000, 640); import subprocess, sys, os;"
        "print(max_pixels(), max_bytes(), max_text_bytes(), os.environ['OPENCV_IO_MAX_IMAGE_PIXELS'], flush=True);"
        "subprocess.run([sys.executable, '-c', 'from reon_export.limits import *; print(max_pixels(), max_bytes())'])"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.split("\n")[:2] == ["1000 640 20 1000", "1000 640"]


@pytest.mark.parametrize("value", ["", "0", "-1", "many", "1e9", "²"])
def test_a_limit_that_is_none_is_the_default(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(limits.PIXELS_VARIABLE, value)
    assert limits.max_pixels() == limits.MAX_PIXELS


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    return str(caught.value)


def test_a_checkpoint_that_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.pt"
    torch.save({"a": torch.zeros(3)}, tmp_path / "small.pt")
    with (
        zipfile.ZipFile(tmp_path / "small.pt") as small,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in small.namelist():
            bomb.writestr(name, small.read(name))
        with bomb.open("archive/data/9", "w", force_zip64=True) as member:
            for _ in range(25):
                member.write(bytes(2**20))
    assert path.stat().st_size < 100_000
    monkeypatch.setenv(limits.BYTES_VARIABLE, "20000000")
    assert "bytes unpacked, at most 20,000,000 are read (an EfficientNet-B0 has 16,000,000): save the" in refused(path)


def test_a_view_that_claims_more_than_its_storage(tmp_path: Path) -> None:
    torch.save({"state_dict": {"a.weight": torch.zeros(()).expand(10**6, 10**6)}}, tmp_path / "view.pt")
    assert "takes 4,000,000,000,000 bytes unpacked" in refused(tmp_path / "view.pt")


@pytest.mark.parametrize("length", [2**27, 2**62])
def test_a_header_that_claims_too_much(tmp_path: Path, length: int) -> None:
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", length) + b'{"a": 1}' + bytes(1000))
    assert f"or its header of {length:,} bytes is larger than the 67,108,864" in refused(tmp_path / "a.safetensors")


def test_a_torch_file_named_safetensors_is_what_it_is(tmp_path: Path, trained: dict[str, torch.Tensor]) -> None:
    torch.save(trained, tmp_path / "a.safetensors")
    assert load_checkpoint(tmp_path / "a.safetensors").num_classes == 7


def test_a_manifest_that_is_too_large(tmp_path: Path) -> None:
    with (tmp_path / MANIFEST_NAME).open("wb") as stream:
        stream.truncate(2**27)
    with pytest.raises(ManifestError, match=r"cannot read .*: it has 134,217,728 bytes, at most 67,108,864 are read"):
        read_manifest(tmp_path)


def test_a_member_of_an_archive_that_unpacks_to_too_much(
    tmp_path: Path, default_spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("happiness/a.png", bytes(10_000))
    monkeypatch.setenv(limits.BYTES_VARIABLE, "1000")
    data = open_dataset(f"zip://::{tmp_path / 'set.zip'}", default_spec.labels)
    (record,) = (EntryReader(data, None, needs_box=False, margin=0).read(entry)[0] for entry in data.entries())
    assert record["status"] == "unreadable"
    assert "it unpacks to 10,000 bytes, at most 1,000 are read; python -m reon_export --max-bytes" in record["reason"]


def test_a_video_of_too_many_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(30))
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((240, 320, 3), np.uint8), "rgb24")))
        container.mux(stream.encode())
    assert len(list(Video(path))) == 3
    monkeypatch.setenv(limits.PIXELS_VARIABLE, "1000")
    with pytest.raises(TrackError, match=r"each of its pictures has more than 1,000 pixels, or is damaged; python -m"):
        list(Video(path))


def test_an_annotated_box_is_judged_before_it_is_cut(tmp_path: Path, default_spec: ModelSpec) -> None:
    import cv2

    folder = tmp_path / "happiness"
    folder.mkdir()
    corners = [(0, 0, 10, 10), (1e9, 0, 2e9, 10), (-1e9, -1e9, 1e9, 1e9)]
    records = []
    for index, (left, top, right, bottom) in enumerate(corners):
        cv2.imwrite(str(folder / f"{index}.png"), np.zeros((20, 20, 3), np.uint8))
        box = {"minX": left, "minY": top, "maxX": right, "maxY": bottom}
        records.append({"filename": f"{index}.png", "annot_A": {"boxes": box}})
    (folder / "boxes.json").write_text(json.dumps(records), encoding="utf-8")
    data = open_dataset(str(tmp_path), default_spec.labels)
    reader = EntryReader(data, None, needs_box=True, margin=0)
    found = [reader.read(entry)[0] for entry in data.entries(with_boxes=True)]
    assert [record["status"] for record in found] == ["ok", "unreadable", "unreadable"]
    assert "lies outside its 20 x 20 pixels" in found[1]["reason"]
    assert "its face box makes a crop of 2,000,000,000 x 2,000,000,000 pixels, more than" in found[2]["reason"]
