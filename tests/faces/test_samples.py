"""Photographs to crop sets."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from reon_export.errors import FaceError
from reon_export.faces.crop import Box
from reon_export.faces.haar import HaarDetector
from reon_export.faces.image_files import list_images, read_image_rgb
from reon_export.faces.samples import crops_from_folder, crops_from_photos
from reon_export.paths import SAMPLE_PHOTOS
from reon_export.spec import ModelSpec


def test_haar_finds_the_astronauts_face_first() -> None:
    (face, *_) = HaarDetector().detect(read_image_rgb(SAMPLE_PHOTOS / "astronaut.png"))
    # Eileen Collins' face in the 512 px photograph, read off the picture: eyebrows to chin, ear to ear.
    assert abs(face.x + face.width / 2 - 224) < 10
    assert abs(face.y + face.height / 2 - 114) < 10
    assert 80 < face.width == face.height < 130


def test_no_face_is_an_empty_list() -> None:
    assert HaarDetector().detect(np.full((200, 200, 3), 128, np.uint8)) == []


def test_images_are_read_as_rgb_and_upright(tmp_path: Path) -> None:
    red = np.zeros((4, 8, 3), np.uint8)
    red[..., 2] = 255  # OpenCV writes BGR
    path = tmp_path / "rot \uac00.png"  # a Unicode name must work
    path.write_bytes(cv2.imencode(".png", red)[1].tobytes())
    np.testing.assert_array_equal(read_image_rgb(path)[0, 0], [255, 0, 0])


@pytest.mark.slow
def test_default_crops_are_64_distinct_named_and_repeatable(
    face_crops_rgb: npt.NDArray[np.uint8], default_spec: ModelSpec
) -> None:
    assert len({crop.tobytes() for crop in face_crops_rgb}) == 64
    again = crops_from_photos(SAMPLE_PHOTOS, default_spec)
    np.testing.assert_array_equal(again.crops_rgb, face_crops_rgb)
    assert again.names[0] == "astronaut.png"
    assert again.names[4].startswith("astronaut.png: turn ")
    assert len(set(again.names)) == 64
    other = crops_from_photos(SAMPLE_PHOTOS, default_spec, seed=1)
    assert not np.array_equal(other.crops_rgb, face_crops_rgb)


def test_crops_that_were_written_to_are_not_given_again(default_spec: ModelSpec) -> None:
    first = crops_from_photos(SAMPLE_PHOTOS, default_spec, 2)
    expected = first.crops_rgb.copy()
    first.crops_rgb[:] = 0
    np.testing.assert_array_equal(crops_from_photos(SAMPLE_PHOTOS, default_spec, 2).crops_rgb, expected)


def test_a_photograph_that_changed_is_read_anew(tmp_path: Path, default_spec: ModelSpec) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes((SAMPLE_PHOTOS / "obama.jpg").read_bytes())
    first = crops_from_photos(tmp_path, default_spec, 1).crops_rgb
    photo.write_bytes((SAMPLE_PHOTOS / "biden.jpg").read_bytes())
    assert not np.array_equal(crops_from_photos(tmp_path, default_spec, 1).crops_rgb, first)


def test_the_first_crops_are_the_plain_ones(face_crops_rgb: npt.NDArray[np.uint8], default_spec: ModelSpec) -> None:
    from reon_export.faces.preprocess import crop_face

    image = read_image_rgb(SAMPLE_PHOTOS / "astronaut.png")
    np.testing.assert_array_equal(face_crops_rgb[0], crop_face(image, Box(177, 66, 95, 95), default_spec))


def test_a_folder_of_crops_with_class_folders(tmp_path: Path, default_spec: ModelSpec) -> None:
    for name, grey in (("joy/a.png", 10), ("joy/b.png", 20), ("anger/c.png", 30)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(cv2.imencode(".png", np.full((50, 40, 3), grey, np.uint8))[1].tobytes())
    for name in ("@eaDir/joy/a.png", "__MACOSX/joy/._a.png", "#recycle/b.png", "joy/.hidden.png", ".cache/c.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"not an image")
    crops = crops_from_folder(tmp_path, default_spec)
    assert crops.names == ("anger/c.png", "joy/a.png", "joy/b.png")
    assert crops.crops_rgb.shape == (3, 112, 112, 3)
    assert [int(crop.mean()) for crop in crops.crops_rgb] == [30, 10, 20]
    assert crops_from_folder(tmp_path, default_spec, limit=2).names == ("anger/c.png", "joy/b.png")


def test_bad_folders_and_files(tmp_path: Path, default_spec: ModelSpec) -> None:
    with pytest.raises(FaceError, match=r"no image below .*; --crops expects at least one face crop"):
        crops_from_folder(tmp_path, default_spec)
    with pytest.raises(FaceError, match="is not a folder; --crops expects a folder of face crops"):
        crops_from_folder(tmp_path / "none", default_spec)
    with pytest.raises(FaceError, match="no image in"):
        list_images(tmp_path)
    for name, content, words in (
        ("text.jpg", b"hello", "is not an image that can be decoded, but a text file; expected a JPEG, PNG"),
        ("empty.png", b"", r"is empty \(0 bytes\): copy or download it again; expected a JPEG, PNG"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FaceError, match=words):
            read_image_rgb(tmp_path / name)
    with pytest.raises(FaceError, match=r"cannot read the image .*: No such file"):
        read_image_rgb(tmp_path / "gone.png")


def test_a_photograph_without_a_face_is_named(tmp_path: Path, default_spec: ModelSpec) -> None:
    (tmp_path / "wall.png").write_bytes(cv2.imencode(".png", np.full((99, 99, 3), 90, np.uint8))[1].tobytes())
    with pytest.raises(FaceError, match=r"no face found in .*wall.png; expected photographs with a frontal face"):
        crops_from_photos(tmp_path, default_spec)
