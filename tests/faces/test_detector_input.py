"""What the face detector is shown: the same in both languages, and what must be true of it."""

import base64
from typing import Any

import numpy as np
import pytest

from reon_export.errors import SetupError
from reon_export.faces.crop import Image
from reon_export.faces.detector_input import PLAIN_VIEW, View, show_frame
from reon_export.faces.tiny_face import TinyFaceDetector
from tests.support.node import run_in_node

SIZE = 64
VIEWS = (PLAIN_VIEW, View(0.9, 1, 0.5, False), View(0.6, 0.5, 1, True))
# height, width: much larger, odd, as large, smaller, one pixel; taller and wider
SHAPES = ((200, 310), (97, 65), (64, 64), (20, 33), (33, 7), (1, 1), (1, 90))

SHOW = """async ({cases, size}) => {
  const {readFileSync} = await import('node:fs');
  const {setFlagsFromString} = await import('node:v8');
  setFlagsFromString('--experimental-wasm-relaxed-simd'); // Node 20
  const {showFrame, layOut} = await import('./js/pixels/detector_input.js');
  const {drawFrame} = await import('./js/inference/runtimes/kernels/draw_frame.js');
  const {KernelMemory} = await import('./js/inference/runtimes/kernels/module.js');
  const memories = ['simd', 'relaxed'].map((variant) => (
    new KernelMemory(new WebAssembly.Module(readFileSync(`vendor/kernels-${variant}.wasm`)))));
  const inputs = memories.map((memory) => memory.reserve(size * size * 12));
  const encode = (rgb) => Buffer.from(rgb.buffer, rgb.byteOffset, rgb.byteLength).toString('base64');
  return cases.map(({data, height, width, view}) => {
    const all = Uint8ClampedArray.from(Buffer.from(data, 'base64'));
    const rows = ({top, height: count}) => all.subarray(top * width * 4, (top + count) * width * 4);
    const frame = {width, height, readRgba: (region) => ({...region, data: rows(region)})};
    const {left, top, scaleX, scaleY} = layOut(frame, size, view);
    const drawn = memories.map((memory, i) => {
      drawFrame(memory, inputs[i], frame, size, view);
      return encode(memory.floats(inputs[i], size * size * 3));
    });
    return {shown: [encode(showFrame(frame, size, view)), ...drawn], placement: [left, top, scaleX, scaleY]};
  });
}"""
# A float32's last digit at 255, and what the kernels' sums in float32 add to it. Measured 3.1e-5.
LAST_DIGIT, IN_FLOAT32 = 2**-15, 1e-4


def drawn(height: int, width: int) -> Image:
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_both_languages_show_the_same() -> None:
    cases: list[dict[str, Any]] = []
    for height, width in SHAPES:
        rgba = np.dstack([drawn(height, width), np.full((height, width), 255, np.uint8)])
        data = base64.b64encode(rgba.tobytes()).decode()
        for view in VIEWS:
            named = {"share": view.share, "atX": view.at_x, "atY": view.at_y, "isMirrored": view.is_mirrored}
            cases.append({"data": data, "height": height, "width": width, "view": named})
    worst = 0.0
    answers = iter(run_in_node(SHOW, {"cases": cases, "size": SIZE}))
    for height, width in SHAPES:
        for view in VIEWS:
            shown, placed = show_frame(drawn(height, width), SIZE, view)
            answer = next(answers)
            for data, bound in zip(answer["shown"], (LAST_DIGIT, IN_FLOAT32, IN_FLOAT32), strict=True):
                own = np.frombuffer(base64.b64decode(data), np.float32).reshape(SIZE, SIZE, 3)
                worst = max(worst, float(np.abs(own - shown).max()))
                assert np.abs(own - shown).max() <= bound
            assert tuple(answer["placement"]) == tuple(placed)
    print(f"pixels differ by {worst:.1e} at most")


@pytest.mark.parametrize("shape", SHAPES)
def test_an_even_picture_stays_even_and_lies_where_it_is_said_to(shape: tuple[int, int]) -> None:
    height, width = shape
    for view in VIEWS:
        shown, placed = show_frame(np.full((height, width, 3), 200, np.uint8), SIZE, view)
        if view.is_mirrored:
            shown = shown[:, ::-1]
        inside = shown[placed.top :, placed.left :][: round(height / placed.scale_y), : round(width / placed.scale_x)]
        assert np.allclose(inside, 200, atol=1e-4)
        assert shown.sum() == pytest.approx(inside.sum())


def test_the_mean_of_a_picture_that_shrinks_is_kept() -> None:
    image = drawn(200, 200)
    shown, _ = show_frame(image, SIZE, PLAIN_VIEW)
    assert shown.mean(axis=(0, 1)) == pytest.approx(image.mean(axis=(0, 1)), abs=1e-3)


def test_a_page_that_is_not_built_is_one_line(tmp_path: Any) -> None:
    with pytest.raises(SetupError, match=r"is not built \(no .*\); run 'make vendor', or pass --detector haar"):
        TinyFaceDetector(None, tmp_path)
