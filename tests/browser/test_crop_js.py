"""js/crop.js and js/preprocess.js against the vectors that the Python crop is held by as well."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Error

from browser.conftest import OpenPage, Visit
from reon_export.faces.crop import Box
from reon_export.faces.preprocess import crop_face
from reon_export.paths import WEB_DEMO
from reon_export.serve import SiteServer
from reon_export.spec import InputSpec, ModelSpec

pytestmark = pytest.mark.browser

GOLDEN = Path(__file__).parents[1] / "golden" / "crop_resize.json"
CASES: list[dict[str, Any]] = json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]

# Goes through the same cropFace() as the page; the frame hands out only the region that it is asked for.
CROP_ONE = """async ({image, box, margin, out}) => {
    const {cropFace} = await import('/js/preprocess.js');
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
    const spec = {crop: {margin}, input: {height: out.height, width: out.width}};
    const crop = cropFace({width: image.width, height: image.height, readRgba}, box, spec);
    return {square: crop.square, rgb: Array.from(crop.rgb)};
}"""


@pytest.fixture(scope="module")
def plain_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServer]:
    with SiteServer(WEB_DEMO, mounts={"model": tmp_path_factory.mktemp("no-model")}) as server:
        yield server


@pytest.fixture
def visit(open_page: OpenPage, plain_site: SiteServer) -> Visit:
    return open_page(f"{plain_site.url}parity.html")


def test_there_are_vectors() -> None:
    assert len(CASES) >= 10


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_page_crops_as_the_golden_vectors_say(visit: Visit, case: dict[str, Any]) -> None:
    actual = visit.page.evaluate(CROP_ONE, case)
    assert actual["square"] == case["crop"]
    assert bytes(actual["rgb"]) == base64.b64decode(case["out"]["rgb_base64"])


def test_random_boxes_are_cropped_as_python_crops_them(visit: Visit, default_spec: ModelSpec) -> None:
    random = np.random.default_rng(7)
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
        actual = visit.page.evaluate(
            CROP_ONE,
            {
                "image": {
                    "width": width,
                    "height": height,
                    "rgb_base64": base64.b64encode(image_rgb.tobytes()).decode(),
                },
                "box": box._asdict(),
                "margin": margin,
                "out": {"width": spec.input.width, "height": spec.input.height},
            },
        )
        assert bytes(actual["rgb"]) == crop_face(image_rgb, box, spec).tobytes()


def test_a_box_without_a_size_is_refused_in_words(visit: Visit) -> None:
    case = {**CASES[0], "box": {"x": 1, "y": 1, "width": 0, "height": 5}}
    with pytest.raises(Error, match="needs finite numbers and a positive size, got 1, 1, 0, 5"):
        visit.page.evaluate(CROP_ONE, case)
