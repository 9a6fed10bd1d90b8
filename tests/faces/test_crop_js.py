"""js/pixels/crop.js and js/pixels/preprocess.js against the vectors that the Python crop is held by as well."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reon_export.faces.correction import correct_box
from reon_export.faces.crop import Box
from reon_export.faces.preprocess import crop_face
from reon_export.spec import InputSpec, ModelSpec
from tests.support.node import NodeError, run_in_node

GOLDEN = Path(__file__).parents[1] / "golden" / "crop_resize.json"
CASES: list[dict[str, Any]] = json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]
CORRECTIONS: list[dict[str, Any]] = json.loads(GOLDEN.with_name("box_correction.json").read_text(encoding="utf-8"))[
    "cases"
]

# Goes through the same cropFace() as the page; the frame hands out only the region that it is asked for.
CROP_ONE = """async ({image, box, margin, out, correction}) => {
    const {cropDetectedFace, cropFace} = await import('./js/pixels/preprocess.js');
    const rgb = Uint8Array.from(atob(image.rgb_base64), (character) => character.charCodeAt(0));
    const readRgba = ({left, top, width, height}) => {
        const data = new Uint8ClampedArray(width * height * 4).fill(255);
        for (let row = 0; row < height; row += 1) {
            for (let column = 0; column < width; column += 1) {
                const from = ((top + row) * image.width + left + column) * 3;
                data.set(rgb.subarray(from, from + 3), (row * width + column) * 4);
            }
        }
        return {data, width, height};
    };
    const spec = {crop: {margin, correction}, input: {height: out.height, width: out.width}};
    const cropIt = correction === undefined ? cropFace : cropDetectedFace;
    const crop = cropIt({width: image.width, height: image.height, readRgba}, box, spec);
    return {square: crop.square, rgb: Array.from(crop.rgb)};
}"""


def crop_all(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What CROP_ONE gives for each, in one run of node."""
    return list(run_in_node(f"(cases) => Promise.all(cases.map({CROP_ONE}))", cases))


def test_the_page_crops_as_the_golden_vectors_say() -> None:
    assert len(CASES) >= 10
    for case, actual in zip(CASES, crop_all(CASES), strict=True):
        assert actual["square"] == case["crop"], case["name"]
        assert bytes(actual["rgb"]) == base64.b64decode(case["out"]["rgb_base64"]), case["name"]


def test_random_boxes_are_cropped_as_python_crops_them(default_spec: ModelSpec) -> None:
    random = np.random.default_rng(7)
    requests, expected = [], []
    for _ in range(20):
        height, width = (int(value) for value in random.integers(1, 90, 2))
        image_rgb = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        x, y = (float(value) for value in random.uniform(-60, 120, 2))
        box = Box(x, y, *(float(value) for value in random.uniform(0.1, 150, 2)))
        margin = float(random.uniform(-0.3, 0.6))
        spec = default_spec.model_copy(
            update={
                "crop": default_spec.crop.model_copy(update={"margin": margin}),
                "input": InputSpec(height=int(random.integers(32, 50)), width=int(random.integers(32, 50))),
            }
        )
        image = {"width": width, "height": height, "rgb_base64": base64.b64encode(image_rgb.tobytes()).decode()}
        out = {"width": spec.input.width, "height": spec.input.height}
        requests.append({"image": image, "box": box._asdict(), "margin": margin, "out": out})
        expected.append(crop_face(image_rgb, box, spec).tobytes())
    assert [bytes(actual["rgb"]) for actual in crop_all(requests)] == expected


CORRECT_ALL = """async (cases) => {
    const {correctBox} = await import('./js/pixels/box_correction.js');
    return cases.map(({box, correction}) => correctBox(box, correction));
}"""


def test_the_page_corrects_boxes_as_the_golden_vectors_say() -> None:
    assert CORRECTIONS
    # Equal, not close: JSON carries every bit of a double in both directions.
    assert run_in_node(CORRECT_ALL, CORRECTIONS) == [case["corrected"] for case in CORRECTIONS]


def test_a_face_that_the_page_found_is_corrected_before_it_is_cut(default_spec: ModelSpec) -> None:
    correction = default_spec.crop.correction
    assert correction is not None
    random = np.random.default_rng(8)
    image_rgb = random.integers(0, 256, (80, 90, 3), dtype=np.uint8)
    box = Box(20.5, 31.25, 44.5, 37.75)
    out = {"width": default_spec.input.width, "height": default_spec.input.height}
    image = {"width": 90, "height": 80, "rgb_base64": base64.b64encode(image_rgb.tobytes()).decode()}
    request = {"image": image, "box": box._asdict(), "margin": default_spec.crop.margin, "out": out}
    changes: tuple[dict[str, Any], ...] = ({}, {"correction": correction.model_dump()}, {"correction": None})
    answers = crop_all([request | change for change in changes])
    plain, corrected, uncorrected = (bytes(answer["rgb"]) for answer in answers)
    assert plain == uncorrected == crop_face(image_rgb, box, default_spec).tobytes()
    assert corrected == crop_face(image_rgb, correct_box(box, correction), default_spec).tobytes()
    assert corrected != plain


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"detector": "haar"}, 'spec.crop.correction.detector is "haar", expected tiny_face_detector'),
        ({"scale": 0}, "spec.crop.correction.scale is 0, expected a number from 0.1 to 4"),
        ({"scale": None}, "spec.crop.correction.scale is null, expected a number from 0.1 to 4"),
        ({"offset_y": "up"}, 'spec.crop.correction.offset_y is "up", expected a number from -1 to 1'),
        ({"offset_x": 1.01}, "spec.crop.correction.offset_x is 1.01, expected a number from -1 to 1"),
    ],
)
def test_a_correction_that_cannot_be_right_is_refused(
    default_spec: ModelSpec, change: dict[str, Any], sentence: str
) -> None:
    assert default_spec.crop.correction is not None
    correction = {**default_spec.crop.correction.model_dump(), **change}
    with pytest.raises(NodeError, match=re.escape(sentence)):
        validate_manifest(default_spec, {"correction": correction})


@pytest.mark.parametrize("older", [{"correction": None}, {}])
def test_a_manifest_without_a_correction_is_valid(default_spec: ModelSpec, older: dict[str, Any]) -> None:
    assert validate_manifest(default_spec, older) == "old"


def validate_manifest(spec: ModelSpec, change_crop: dict[str, Any]) -> str:
    described = spec.model_dump(mode="json")
    described["crop"] = {**spec.crop.model_dump(mode="json", exclude={"correction"}), **change_crop}
    manifest = {"version": 1, "name": "old", "spec": described, "artefacts": []}
    script = "async (manifest) => (await import('./js/inference/manifest.js')).validateManifest(manifest).name"
    return str(run_in_node(script, manifest))


def test_a_box_without_a_size_is_refused_in_words() -> None:
    case = {**CASES[0], "box": {"x": 1, "y": 1, "width": 0, "height": 5}}
    with pytest.raises(NodeError, match="needs finite numbers and a positive size, got 1, 1, 0, 5"):
        run_in_node(CROP_ONE, case)
