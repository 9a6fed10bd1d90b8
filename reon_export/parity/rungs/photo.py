"""Rung 3, "the same photograph": Haar in Python against TinyFaceDetector in the page, each with its largest face.

Both boxes are cut from the pixels that Python decoded and go through the same classifier, so that what is measured is
the detectors' effect and nothing else.
"""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from reon_export.errors import FaceError, ParityError
from reon_export.faces.correction import correct_box
from reon_export.faces.crop import Box, Image, intersection_over_union, square_crop
from reon_export.faces.decode import decode_image_rgb
from reon_export.faces.haar import HaarDetector
from reon_export.faces.preprocess import crop_face
from reon_export.manifest import Verdict
from reon_export.parity.compare import measure
from reon_export.parity.records import PhotoRung, PhotoShift
from reon_export.progress import OnProgress, ignore_progress
from reon_export.read_file import read_bytes
from reon_export.runtimes.page_session import PageSession
from reon_export.runtimes.predictions import Classify
from reon_export.spec import BoxCorrection, ModelSpec

# Measured in Chromium 156 on 100 portraits cut close around the head: of the 77 faces that Haar finds, the browser
# finds 75 (97 %); mean |Δp| 0.080 without and 0.037 with a correction fitted on the other half of them. The four
# sample photographs: 4 of 4, 0.060 and 0.022. The bounds on |Δp| stand at one and a half times what the portraits gave.
MIN_FOUND_SHARE = 0.9
MAX_MEAN_ABS_PROB = 0.06
MAX_MEAN_ABS_PROB_UNCORRECTED = 0.12


@dataclass(frozen=True)
class View:
    """A photograph as it lies, or (`is_wide`) in a frame of twice its size whose rest is its own blurred edge.

    In a portrait cut close around the head, Haar's box is kept small by the frame: the same face gets a box that is a
    sixth wider once there is room around it.
    """

    path: Path
    is_wide: bool = False

    def read(self) -> tuple[bytes, Image]:
        """The file's bytes and its pixels, uint8 [H, W, 3] RGB. Raises FaceError."""
        try:
            encoded = read_bytes(self.path)
        except OSError as error:
            raise FaceError(f"cannot read the image {self.path}: {error.strerror}") from error
        image_rgb = decode_image_rgb(encoded, str(self.path))
        if not self.is_wide:
            return encoded, image_rgb
        wide_rgb = _widen(image_rgb)
        return cv2.imencode(".png", wide_rgb[:, :, ::-1])[1].tobytes(), wide_rgb


class Sighting(NamedTuple):
    """The largest box that each side drew, None where it saw nobody. `problem`: why they cannot be compared."""

    view: View
    haar: Box | None = None
    browser: Box | None = None
    problem: str = ""


class BoxPair(NamedTuple):
    """Two boxes on one view: Haar's, and the browser's (as drawn or corrected)."""

    view: View
    haar: Box
    browser: Box


class Unpaired(NamedTuple):
    """How many views only one side, or neither, saw a face in. Those that could not be compared are in none of them."""

    haar_only: int
    browser_only: int
    neither: int


def compare_photos(
    session: PageSession,
    spec: ModelSpec,
    classify: Classify,
    photos: Sequence[Path],
    on_progress: OnProgress = ignore_progress,
) -> PhotoRung:
    """Both detectors over all photographs, and what that does to the answers, without and with the correction.

    A photograph that one side cannot read, or that the two sides do not see in the same size, fails the rung in words.
    """
    sightings = look_at_photos(session, [View(path) for path in photos], on_progress)
    rung = PhotoRung(session.browser_version, "not_run", (), len(sightings), *count_unpaired(sightings))
    pairs = pair_boxes(sightings)
    problems = [sighting.problem for sighting in sightings if sighting.problem]
    if pairs:
        try:
            plain = measure_shift(pairs, spec, classify)
            corrected = None
            if spec.crop.correction is not None:
                corrected = measure_shift(correct_pairs(pairs, spec.crop.correction), spec, classify)
            rung = replace(rung, plain=plain, corrected=corrected)
        except ParityError as error:
            problems.append(str(error))
    verdict, reasons = judge_photos(rung)
    if problems:
        verdict, reasons = "failed", (*problems, *reasons)
    return replace(rung, verdict=verdict, reasons=reasons)


def look_at_photos(
    session: PageSession,
    views: Sequence[View],
    on_progress: OnProgress = ignore_progress,
    *,
    name: str = "photographs",
) -> list[Sighting]:
    """Both detectors over all views."""
    detector = HaarDetector()
    sightings = []
    for view in views:
        try:
            sightings.append(_look(session, detector, view))
        except (FaceError, ParityError) as error:
            sightings.append(Sighting(view, problem=f"{view.path.name}: {error}"))
        on_progress(name, len(sightings), len(views))
    return sightings


def count_unpaired(sightings: Sequence[Sighting]) -> Unpaired:
    """Count the views without a pair of boxes."""
    usable = [sighting for sighting in sightings if not sighting.problem]
    return Unpaired(
        haar_only=sum(item.haar is not None and item.browser is None for item in usable),
        browser_only=sum(item.haar is None and item.browser is not None for item in usable),
        neither=sum(item.haar is None and item.browser is None for item in usable),
    )


def pair_boxes(sightings: Sequence[Sighting]) -> list[BoxPair]:
    """The views in which both sides saw a face."""
    return [
        BoxPair(item.view, item.haar, item.browser)
        for item in sightings
        if item.haar is not None and item.browser is not None
    ]


def correct_pairs(pairs: Sequence[BoxPair], correction: BoxCorrection) -> list[BoxPair]:
    """The same pairs with the browser's boxes corrected."""
    return [pair._replace(browser=correct_box(pair.browser, correction)) for pair in pairs]


def measure_shift(pairs: Sequence[BoxPair], spec: ModelSpec, classify: Classify) -> PhotoShift:
    """How far the browser's squares are from Haar's, and what that does to the probabilities.

    Geometry is that of the square crops, not of the boxes: it is what the classifier sees. Raises ParityError if the
    answers cannot be compared.
    """
    haar_crops, browser_crops = [], []
    for pair in pairs:
        _, image_rgb = pair.view.read()
        haar_crops.append(crop_face(image_rgb, pair.haar, spec))
        browser_crops.append(crop_face(image_rgb, pair.browser, spec))
    measurement = measure(classify(np.stack(haar_crops)), classify(np.stack(browser_crops)))
    if measurement.problems:
        raise ParityError(f"the answers cannot be compared: {measurement.problems[0]}")
    expected = [square_crop(pair.haar, spec.crop.margin) for pair in pairs]
    actual = [square_crop(pair.browser, spec.crop.margin) for pair in pairs]
    both = list(zip(expected, actual, strict=True))
    return PhotoShift(
        both=len(pairs),
        mean_iou=_mean([intersection_over_union(first.box, second.box) for first, second in both]),
        mean_offset_x=_mean([(_centre(b.left, b.side) - _centre(h.left, h.side)) / h.side for h, b in both]),
        mean_offset_y=_mean([(_centre(b.top, b.side) - _centre(h.top, h.side)) / h.side for h, b in both]),
        mean_log_scale=_mean([math.log(b.side / h.side) for h, b in both]),
        mean_abs_prob=measurement.mean_abs_prob,
        max_abs_prob=measurement.max_abs_prob,
        top1_agreement=measurement.top1_agreement,
    )


def judge_photos(rung: PhotoRung) -> tuple[Verdict, tuple[str, ...]]:
    """Passed or failed by the gates above, with the reasons of a failure."""
    if rung.plain is None:
        return "failed", ("nothing was compared: there is no photograph in which both sides found a face",)
    reasons = []
    share = rung.plain.both / (rung.plain.both + rung.haar_only)
    if not share >= MIN_FOUND_SHARE:
        reasons.append(f"the browser finds {share:.0%} of the faces that Haar finds, expected {MIN_FOUND_SHARE:.0%}")
    shift = rung.plain if rung.corrected is None else rung.corrected
    bound = MAX_MEAN_ABS_PROB_UNCORRECTED if rung.corrected is None else MAX_MEAN_ABS_PROB
    if not shift.mean_abs_prob <= bound:
        reasons.append(f"mean |Δp| {shift.mean_abs_prob:.3f} between the detectors is over {bound}")
    if not shift.mean_abs_prob <= rung.plain.mean_abs_prob:
        plain = rung.plain.mean_abs_prob
        reasons.append(
            f"the box correction makes it worse: mean |Δp| {plain:.3f} without, {shift.mean_abs_prob:.3f} with"
        )
    return ("failed" if reasons else "passed"), tuple(reasons)


def _look(session: PageSession, detector: HaarDetector, view: View) -> Sighting:
    encoded, image_rgb = view.read()
    height, width = image_rgb.shape[:2]
    answer = session.call("detectPhoto", base64.b64encode(encoded).decode("ascii"), view.path.name)
    if (answer["width"], answer["height"]) != (width, height):
        size = f"{answer['width']}x{answer['height']}"
        raise ParityError(f"the browser sees an image of {size}, Python one of {width}x{height}")
    haar = detector.detect(image_rgb)
    browser = [Box(face["x"], face["y"], face["width"], face["height"]) for face in answer["faces"]]
    return Sighting(view, haar[0] if haar else None, browser[0] if browser else None)


def _widen(image_rgb: Image) -> Image:
    height, width = image_rgb.shape[:2]
    top, left = height // 2, width // 2
    wide = cv2.copyMakeBorder(image_rgb, top, height - top, left, width - left, cv2.BORDER_REPLICATE)
    # Blurred: the streaks that a repeated edge leaves look like nothing that a detector was trained on.
    wide = cv2.GaussianBlur(wide, (0, 0), max(height, width) / 20)
    wide[top : top + height, left : left + width] = image_rgb
    return wide.astype(np.uint8, copy=False)


def _centre(start: int, side: int) -> float:
    return start + side / 2


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
