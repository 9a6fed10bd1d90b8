"""A data set of photographs cut to crops that give the same answers."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from reon_export.errors import DataError
from reon_export.evaluate.crop_dataset import CropOptions, CropRun, crop_dataset, safe_path
from reon_export.evaluate.datasets import open_dataset
from reon_export.faces.crop import Box
from reon_export.faces.decode import decode_image_rgb
from reon_export.faces.haar import HaarDetector
from reon_export.faces.image_files import read_image_rgb
from reon_export.faces.preprocess import crop_face, resize_bilinear
from reon_export.spec import REON_LABELS, ModelSpec
from tests.support import face_folders
from tests.support.command import run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = face_folders.make_photo_folders(tmp_path_factory.mktemp("photos"), ("happiness", "neutral"))
    face_folders.write_rgb(folder / "neutral" / "nobody.png", np.full((80, 80, 3), 90, np.uint8))
    (folder / "neutral" / "damaged.jpg").write_bytes(b"\xff\xd8 no picture")
    return folder


@pytest.fixture(scope="module")
def cropped(photos: Path, default_spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> CropRun:
    return crop_dataset(CropOptions(str(photos), tmp_path_factory.mktemp("out") / "crops", default_spec))


def read_records(run_: CropRun) -> dict[str, dict[str, object]]:
    lines = (run_.out / "crops.jsonl").read_text(encoding="utf-8").splitlines()
    return {record["path"]: record for record in map(json.loads, lines)}


def test_a_crop_gives_the_network_the_pixels_of_the_photograph(
    photos: Path, cropped: CropRun, default_spec: ModelSpec
) -> None:
    data = open_dataset(str(cropped.out), default_spec.labels)
    entries = list(data.entries())
    assert [entry.label for entry in entries] == ["happiness", "happiness", "neutral", "neutral"]
    detector = HaarDetector()
    for entry in entries:
        photo = read_image_rgb(photos / entry.path.removesuffix(".png"))
        expected = crop_face(photo, detector.detect(photo)[0], default_spec)
        crop = decode_image_rgb(data.read(entry.path), entry.path)
        assert np.array_equal(resize_bilinear(crop, default_spec.input.height, default_spec.input.width), expected)


def test_every_image_is_accounted_for(photos: Path, cropped: CropRun) -> None:
    assert cropped.counts == {"ok": 4, "no_face": 1, "unreadable": 1}
    records = read_records(cropped)
    assert sorted(records) == sorted(str(path.relative_to(photos)) for path in photos.rglob("*.*"))
    for path, record in records.items():
        assert record["sha256"] == hashlib.sha256((photos / path).read_bytes()).hexdigest()
        if record["status"] == "ok":
            assert record["crop_sha256"] == hashlib.sha256((cropped.out / str(record["crop"])).read_bytes()).hexdigest()
    assert (cropped.out / "no_face.txt").read_text(encoding="utf-8") == "neutral/nobody.png\n"
    assert (cropped.out / "unreadable.txt").read_text(encoding="utf-8").startswith("neutral/damaged.jpg\t")
    assert not (cropped.out / ".job").exists()


def test_annotated_boxes_in_korean_folders(tmp_path: Path, default_spec: ModelSpec) -> None:
    boxes = face_folders.make_aihub(tmp_path / "data")
    spec = default_spec.model_copy(update={"labels": REON_LABELS})
    run_ = crop_dataset(CropOptions(str(tmp_path / "data"), tmp_path / "crops", spec, "boxes", "jpeg"))
    assert run_.counts == {"ok": 4}
    for path, record in read_records(run_).items():
        assert Box(**record["box"]) == boxes[Path(path).name]  # type: ignore[arg-type]
    assert [e.label for e in open_dataset(str(run_.out), REON_LABELS).entries()] == ["hurt", "hurt", "joy", "joy"]


def test_crops_lie_in_the_folder_of_the_annotators_label(tmp_path: Path, default_spec: ModelSpec) -> None:
    face_folders.make_aihub(tmp_path / "data")
    (path,) = (tmp_path / "data").rglob("*(기쁨).json")
    records = json.loads(path.read_text(encoding="utf-8"))
    records[0]["annot_A"]["faceExp"] = records[0]["annot_B"]["faceExp"] = "분노"
    records[1]["annot_B"]["faceExp"] = "슬픔"
    path.write_text(json.dumps(records), encoding="utf-8")
    spec = default_spec.model_copy(update={"labels": REON_LABELS})
    options = CropOptions(str(tmp_path / "data"), tmp_path / "crops", spec, "boxes", labels_from="annotators")
    run_ = crop_dataset(options)
    assert run_.counts == {"ok": 3, "no_label": 1}
    assert [e.label for e in open_dataset(str(run_.out), REON_LABELS).entries()] == ["anger", "hurt", "hurt"]


def test_a_folder_with_anything_in_it_is_left_alone(
    photos: Path, cropped: CropRun, tmp_path: Path, default_spec: ModelSpec
) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    for out, message in (
        (tmp_path, "is not empty; choose another folder, or delete it first"),
        (cropped.out, r"is not empty \(its crops are finished\); choose another folder"),
        (tmp_path / "thesis.txt", "is a file; give a folder to make the crops in"),
    ):
        with pytest.raises(DataError, match=message):
            crop_dataset(CropOptions(str(photos), out, default_spec))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("path", ["../a.jpg", "/etc/a.jpg", "a/../../b.jpg", "a\\b.jpg"])
def test_a_path_out_of_the_folder_is_refused(path: str) -> None:
    with pytest.raises(DataError, match="leaves its folder; nothing was written for it"):
        safe_path(path)


def test_the_command(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, output, _ = run(capsys, monkeypatch, "crop", str(photos), str(tmp_path / "crops"))
    assert code == 0
    assert "6 images: 1 no face, 4 ok, 1 unreadable." in output
    assert "Next: python -m reon_export evaluate MODEL --data" in output
    for arguments, message in (
        (["--crop", "ears"], "Invalid value for '--crop': 'ears' is not one of 'haar', 'boxes'"),
        (["--format", "gif"], "Invalid value for '--format': 'gif' is not one of 'png', 'jpeg'"),
        (["--labels", "reon"], "names no class of the model, which knows joy, embarrassment, anger"),
        (["--executor", "dask"], "Invalid value for '--executor' / '--engine': 'dask' is not one of 'local', 'ray'"),
    ):
        code, _, error = run(capsys, monkeypatch, "crop", str(photos), str(tmp_path / "other"), *arguments)
        assert code == 2
        assert message in error
        assert not (tmp_path / "other").exists()
