"""The box correction: the rule by its golden vectors, and the fit by mappings that are known."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError

from reon_export.errors import ParityError
from reon_export.faces.correction import correct_box
from reon_export.faces.crop import Box
from reon_export.parity.fit_crop import MIN_PAIRS, cross_check, fit_correction
from reon_export.parity.rungs.photo import BoxPair, View
from reon_export.runtimes.predictions import Predictions
from reon_export.spec import BoxCorrection, CropSpec, ModelSpec

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "box_correction.json").read_text(encoding="utf-8"))["cases"]
TRUE = BoxCorrection(scale=0.9, offset_x=0.05, offset_y=-0.15, photos=1, fitted_on="made up")
FRAME_PX = 240


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: str(case["name"]))
def test_golden_vector(case: dict[str, Any]) -> None:
    correction = BoxCorrection(**case["correction"], photos=1, fitted_on="golden")
    # Equal, not close: both languages follow the rule operation by operation.
    assert correct_box(Box(**case["box"]), correction)._asdict() == case["corrected"]


def test_there_are_vectors_that_every_number_shows_in() -> None:
    assert len(GOLDEN) >= 30
    for key in ("scale", "offset_x", "offset_y"):
        assert len({case["correction"][key] for case in GOLDEN}) >= 10


def test_without_a_correction_the_box_stays_as_it_is() -> None:
    box = Box(1.5, 2.5, 30, 40)
    assert correct_box(box, None) == box


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale": 0}, "scale"),
        ({"scale": float("nan")}, "scale"),
        ({"offset_y": 1.5}, "offset_y"),
        ({"detector": "haar"}, "detector"),
        ({"height_scale": 1}, "height_scale"),
    ],
)
def test_a_correction_that_cannot_be_right_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        BoxCorrection.model_validate({**TRUE.model_dump(), **change})


def test_a_spec_without_a_correction_is_valid_and_one_with_it_survives_json() -> None:
    assert CropSpec.model_validate_json('{"margin": 0.0}').correction is None
    crop = CropSpec(correction=TRUE)
    assert CropSpec.model_validate_json(crop.model_dump_json()) == crop


def test_the_shipped_spec_has_a_correction(default_spec: ModelSpec) -> None:
    assert default_spec.crop.correction is not None
    assert default_spec.crop.correction.photos >= 50


def make_pairs(count: int, seed: int, noise: float = 0.0, outliers: float = 0.0) -> list[BoxPair]:
    """Pairs that TRUE turns into each other, with `noise` in sides, and a part that are wrong altogether."""
    random = np.random.default_rng(seed)
    pairs = []
    for index in range(count):
        side = float(random.uniform(60, 200))
        x, y, widening = random.uniform((0, 0, 0.8), (300, 300, 1.4)).tolist()
        browser = Box(x, y, side * widening, side)
        haar = correct_box(browser, TRUE)
        dx, dy, grow = (random.normal(0, noise, 3) * side).tolist()
        haar = Box(haar.x + dx, haar.y + dy, haar.width + grow, haar.height + grow)
        if index < outliers * count:
            haar = Box(haar.x + 0.5 * side, haar.y + 0.4 * side, 2 * side, 2 * side)
        pairs.append(BoxPair(View(Path(f"photo_{index:03}")), haar, browser))
    return pairs


def numbers(correction: BoxCorrection) -> tuple[float, float, float]:
    return correction.scale, correction.offset_x, correction.offset_y


def test_the_fit_finds_a_known_mapping_exactly() -> None:
    fitted = fit_correction(make_pairs(20, seed=1), "made up")
    assert numbers(fitted) == pytest.approx(numbers(TRUE), abs=1e-4)
    assert (fitted.photos, fitted.fitted_on) == (20, "made up")


def test_noise_and_wrong_boxes_hardly_move_the_fit() -> None:
    fitted = fit_correction(make_pairs(100, seed=2, noise=0.05, outliers=0.2))
    assert numbers(fitted) == pytest.approx(numbers(TRUE), abs=0.04)


def test_another_face_is_not_fitted_on() -> None:
    pairs = make_pairs(20, seed=3)
    elsewhere = [pair._replace(haar=Box(2000, 2000, 100, 100)) for pair in pairs[:5]]
    fitted = fit_correction([*elsewhere, *pairs[5:]])
    assert numbers(fitted) == pytest.approx(numbers(TRUE), abs=1e-4)
    assert fitted.photos == 15


def test_too_few_boxes_are_refused() -> None:
    with pytest.raises(ParityError, match=f"{MIN_PAIRS - 1} boxes to fit on, expected at least {MIN_PAIRS}"):
        fit_correction(make_pairs(MIN_PAIRS - 1, seed=4))


def place_and_size(crops_rgb: npt.NDArray[np.uint8]) -> Predictions:
    """A stand-in for the network that knows only where the bright square lies in the crop, and how large it is."""
    bright = crops_rgb[..., 0].astype(np.float64) / 255
    weight = bright.sum((1, 2)) + 1e-9
    ramp = np.linspace(0, 1, bright.shape[1])
    logits = 4 * np.stack(
        [
            (bright.sum(1) * ramp).sum(1) / weight,
            (bright.sum(2) * ramp).sum(1) / weight,
            weight / bright[0].size,
        ],
        axis=1,
    )
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return Predictions(logits.astype(np.float32), shares.astype(np.float32), ("right", "low", "large"))


def draw_photographs(folder: Path, count: int) -> list[BoxPair]:
    """Photographs of a bright square, with Haar's box around it, and the browser's by the inverse of TRUE and noise."""
    random = np.random.default_rng(5)
    pairs = []
    for index in range(count):
        side = int(random.integers(60, 100))
        left, top = (int(value) for value in random.integers(40, FRAME_PX - side - 40, 2))
        image = np.zeros((FRAME_PX, FRAME_PX, 3), np.uint8)
        image[top + side // 4 : top + 3 * side // 4, left + side // 4 : left + 3 * side // 4] = 255
        path = folder / f"{index:02}.png"
        cv2.imwrite(str(path), image)
        height = side / TRUE.scale * float(random.uniform(0.97, 1.03))
        centre_x, centre_y = left + side / 2 - TRUE.offset_x * side, top + side / 2 - TRUE.offset_y * side
        width = height * float(random.uniform(0.9, 1.2))
        browser = Box(centre_x - width / 2, centre_y - height / 2, width, height)
        pairs.append(BoxPair(View(path), Box(left, top, side, side), browser))
    return pairs


def test_the_correction_helps_on_photographs_that_it_was_not_fitted_on(tmp_path: Path, default_spec: ModelSpec) -> None:
    held_out = cross_check(draw_photographs(tmp_path, 24), default_spec, place_and_size)
    assert held_out.is_better
    assert held_out.plain.both == held_out.corrected.both == 24
    assert held_out.corrected.mean_abs_prob <= 0.3 * held_out.plain.mean_abs_prob
    assert held_out.corrected.mean_iou >= 0.9 > held_out.plain.mean_iou
    assert held_out.plain.mean_offset_y == pytest.approx(0.15, abs=0.02)
    assert held_out.corrected.mean_offset_y == pytest.approx(0, abs=0.02)


def test_where_there_is_nothing_to_correct_no_gain_is_claimed(tmp_path: Path, default_spec: ModelSpec) -> None:
    pairs = [pair._replace(browser=pair.haar) for pair in draw_photographs(tmp_path, 16)]
    held_out = cross_check(pairs, default_spec, place_and_size)
    assert not held_out.is_better
    assert held_out.plain.mean_abs_prob == 0


def test_a_cross_check_without_such_views_is_refused(tmp_path: Path, default_spec: ModelSpec) -> None:
    with pytest.raises(ParityError, match="nothing to measure the correction on"):
        cross_check(draw_photographs(tmp_path, 16), default_spec, place_and_size, wide=True)
