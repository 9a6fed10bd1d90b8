"""Rung 2, "the same image": a file and a box to the network's input, in Python and in the page.

What a pixel of a file is, is ruled in `reon_export.faces.decode`.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reon_export.errors import FaceError, ParityError
from reon_export.faces.crop import Image, Square, square_crop
from reon_export.faces.decode import decode_image_rgb
from reon_export.faces.preprocess import crop_face
from reon_export.manifest import Verdict
from reon_export.parity.records import ImageRung, PixelCase
from reon_export.parity.rungs.image_cases import ImageCase
from reon_export.runtimes.page_session import PageSession
from reon_export.runtimes.predictions import Classify
from reon_export.spec import ModelSpec

# Promised for files with one right answer. Measured: 0 and 0 in every case, in Chromium 156, Firefox 153 and WebKitGTK
# 2.50 (without js/pixels/png.js and js/pixels/icc_profile.js only in Chromium: up to 3 in Firefox and 239 in WebKit).
LOSSLESS_MAX_ABS = 1
LOSSLESS_MEAN_ABS = 1e-3
# Measured: 0 for JPEG in all three (they and OpenCV decode with libjpeg-turbo); 9.6e-4 for a transparent WebP (Firefox:
# pixels 1 step away, on average 0.46). A JPEG decoder with the fast integer transform and unsmoothed chroma
# (TensorFlow's decode_jpeg, INTEGER_FAST) moves the four sample photographs by up to 3.3e-2, with pixels up to 22 and
# on average 1.6 steps away; a photograph left upside down moves them by 0.44 to 0.73.
JPEG_MAX_ABS_PROB = 5e-2


@dataclass(frozen=True)
class NetworkInput:
    """One case read by one side: uint8 [H, W, 3] RGB, the square that it was cut from, the upright image's size."""

    crop_rgb: Image
    square: Square
    width: int
    height: int


Reader = Callable[[ImageCase, ModelSpec], NetworkInput]


def compare_images(
    session: PageSession,
    spec: ModelSpec,
    classify: Classify,
    cases: Sequence[ImageCase],
    *,
    read_expected: Reader | None = None,
) -> ImageRung:
    """Read every case on both sides, and classify both inputs with the same `classify`.

    A side that cannot read a case fails it in words. `read_expected` replaces the reader in Python.
    """
    expected_reader = read_expected or read_in_python
    measured: list[PixelCase] = []
    pairs: list[tuple[ImageCase, Image, Image]] = []
    for case in cases:
        try:
            expected, actual = expected_reader(case, spec), read_in_browser(session, case, spec)
        except (FaceError, ParityError) as error:
            measured.append(PixelCase(case.name, case.kind, problem=str(error)))
            continue
        pixel_case = measure_pixels(case, expected, actual)
        measured.append(pixel_case)
        if not pixel_case.problem:
            pairs.append((case, expected.crop_rgb, actual.crop_rgb))
    shifts = _measure_shifts(pairs, classify)
    rung = ImageRung(
        browser=session.browser_version,
        verdict="not_run",
        reasons=(),
        cases=tuple(measured),
        max_abs_prob_lossless=shifts["lossless"],
        max_abs_prob_jpeg=shifts["jpeg"],
    )
    verdict, reasons = judge_images(rung)
    return replace(rung, verdict=verdict, reasons=reasons)


def read_in_python(case: ImageCase, spec: ModelSpec) -> NetworkInput:
    """The reference. Raises FaceError."""
    image_rgb = decode_image_rgb(case.encoded, case.name)
    height, width = image_rgb.shape[:2]
    square = square_crop(case.box, spec.crop.margin)
    return NetworkInput(crop_face(image_rgb, case.box, spec), square, width, height)


def read_in_browser(session: PageSession, case: ImageCase, spec: ModelSpec) -> NetworkInput:
    """The page's own code. Raises ParityError with the page's words."""
    encoded = base64.b64encode(case.encoded).decode("ascii")
    answer = session.call("cropImage", encoded, case.name, case.box._asdict(), spec.model_dump(mode="json"))
    pixels = np.frombuffer(base64.b64decode(answer["rgb"]), np.uint8)
    crop_rgb = pixels.reshape(spec.input.height, spec.input.width, 3)
    return NetworkInput(crop_rgb, Square(**answer["square"]), answer["width"], answer["height"])


def measure_pixels(case: ImageCase, expected: NetworkInput, actual: NetworkInput) -> PixelCase:
    """How far two network inputs are apart, in steps of 255. Image, window and shape come before values."""
    sizes = [(side.width, side.height) for side in (expected, actual)]
    problem = ""
    if sizes[0] != sizes[1]:
        problem = "the browser sees an image of {}x{}, Python one of {}x{}".format(*sizes[1], *sizes[0])
    elif expected.square != actual.square:
        problem = f"the browser cuts {tuple(actual.square)}, Python {tuple(expected.square)} (left, top, side)"
    elif expected.crop_rgb.shape != actual.crop_rgb.shape:
        problem = f"the browser's input has shape {actual.crop_rgb.shape}, Python's {expected.crop_rgb.shape}"
    if problem:
        return PixelCase(case.name, case.kind, problem=problem)
    difference = np.abs(expected.crop_rgb.astype(np.int64) - actual.crop_rgb)
    return PixelCase(case.name, case.kind, max_abs=int(difference.max()), mean_abs=float(difference.mean()))


def judge_images(rung: ImageRung) -> tuple[Verdict, tuple[str, ...]]:
    """Passed or failed by the gates above, with the reasons of a failure."""
    if not rung.cases:
        return "failed", ("nothing was compared: there are no image cases",)
    reasons = [reason for case in rung.cases if (reason := _find_fault(case))]
    has_jpeg = any(case.kind == "jpeg" and not case.problem for case in rung.cases)
    if has_jpeg and not rung.max_abs_prob_jpeg <= JPEG_MAX_ABS_PROB:
        reasons.append(f"JPEG and the like: max |Δp| {rung.max_abs_prob_jpeg:.2e} is over {JPEG_MAX_ABS_PROB:.0e}")
    return ("failed" if reasons else "passed"), tuple(reasons)


def _find_fault(case: PixelCase) -> str:
    if case.problem:
        return f"{case.name}: {case.problem}"
    if case.kind == "jpeg":
        return ""
    if not case.max_abs <= LOSSLESS_MAX_ABS:
        return f"{case.name}: a pixel is {case.max_abs} of 255 away, over {LOSSLESS_MAX_ABS}"
    if not case.mean_abs <= LOSSLESS_MEAN_ABS:
        return f"{case.name}: pixels are {case.mean_abs:.1e} of 255 away on average, over {LOSSLESS_MEAN_ABS:.0e}"
    return ""


def _measure_shifts(pairs: Sequence[tuple[ImageCase, Image, Image]], classify: Classify) -> dict[str, float]:
    """The largest |Δp| between the two inputs, by kind of case; NaN where there is no such case."""
    shifts = {"lossless": float("nan"), "jpeg": float("nan")}
    if not pairs:
        return shifts
    expected = classify(np.stack([pair[1] for pair in pairs])).probabilities.astype(np.float64)
    actual = classify(np.stack([pair[2] for pair in pairs])).probabilities
    largest = np.abs(expected - actual).max(axis=1)
    for kind in shifts:
        chosen = [index for index, pair in enumerate(pairs) if pair[0].kind == kind]
        if chosen:
            shifts[kind] = float(largest[chosen].max())
    return shifts
