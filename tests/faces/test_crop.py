"""Crop and resize against the golden vectors and against OpenCV."""

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from reon_export.errors import FaceError
from reon_export.faces.crop import Box, Image, Square, cut_square, round_half_up, square_crop
from reon_export.faces.preprocess import crop_face, resize_bilinear
from reon_export.spec import ModelSpec

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "crop_resize.json").read_text(encoding="utf-8"))["cases"]


def decode(image: dict[str, Any]) -> Image:
    pixels = np.frombuffer(base64.b64decode(image["rgb_base64"]), np.uint8)
    return pixels.reshape(image["height"], image["width"], 3)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: str(case["name"]))
def test_golden_vector(case: dict[str, Any]) -> None:
    square = square_crop(Box(**case["box"]), case["margin"])
    assert square._asdict() == case["crop"]
    actual = resize_bilinear(cut_square(decode(case["image"]), square), case["out"]["height"], case["out"]["width"])
    np.testing.assert_array_equal(actual, decode(case["out"]))


def test_halves_round_up_on_both_sides_of_zero() -> None:
    assert [round_half_up(value) for value in (0.5, 1.5, -0.5, -1.5, 2.4999)] == [1, 2, 0, -1, 2]


def test_a_haar_box_without_margin_is_a_plain_slice() -> None:
    image = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    square = square_crop(Box(11, 7, 20, 20), 0.0)
    assert square == Square(11, 7, 20)
    np.testing.assert_array_equal(cut_square(image, square), image[7:27, 11:31])


def test_pixels_beyond_the_frame_repeat_the_edge() -> None:
    image = np.arange(2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 3)
    cut = cut_square(image, Square(-1, -1, 4))
    np.testing.assert_array_equal(cut, np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge"))


@pytest.mark.parametrize("side", [40, 112, 300])
def test_resize_is_opencvs_bilinear_within_one_step(side: int) -> None:
    # OpenCV rounds its weights to 11 bits, so one step of 255 is the most that it may differ.
    image = np.random.default_rng(side).integers(0, 256, (side, side, 3), dtype=np.uint8)
    theirs = cv2.resize(image, (112, 112), interpolation=cv2.INTER_LINEAR).astype(int)
    difference = np.abs(resize_bilinear(image, 112, 112).astype(int) - theirs)
    assert difference.max() <= 1
    assert difference.mean() < 0.15  # measured 0.127: one pixel in eight is one step off


def test_crop_face_gives_the_input_size_of_the_spec(default_spec: ModelSpec) -> None:
    image = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    crop = crop_face(image, Box(-5, -5, 30, 30), default_spec)
    assert crop.shape == (112, 112, 3)
    assert crop.dtype == np.uint8


@pytest.mark.parametrize("box", [Box(0, 0, 0, 5), Box(0, 0, 5, -1), Box(float("nan"), 0, 5, 5)])
def test_a_box_without_area_is_refused(box: Box) -> None:
    with pytest.raises(FaceError, match="a face box needs finite numbers and a positive size"):
        square_crop(box, 0.0)
