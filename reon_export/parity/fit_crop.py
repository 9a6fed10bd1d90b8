"""Fits the box correction: what turns TinyFaceDetector's boxes into those that Haar would draw.

The fit is by geometry alone. Moving its numbers on to where the classifier's answers agree best was tried and gained
nothing on unseen photographs, and a correction by geometry holds for every classifier that was trained behind Haar.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reon_export.errors import ParityError
from reon_export.faces.crop import Image, intersection_over_union, square_crop
from reon_export.faces.image_files import list_images
from reon_export.parity.records import PhotoShift
from reon_export.parity.rungs.photo import (
    BoxPair,
    Sighting,
    Unpaired,
    View,
    correct_pairs,
    count_unpaired,
    look_at_photos,
    measure_shift,
    pair_boxes,
)
from reon_export.paths import DEFAULT_MODEL_DIR, DEFAULT_SPEC
from reon_export.progress import OnProgress, ignore_progress
from reon_export.runtimes.onnx_runtime import load_classifier
from reon_export.runtimes.page_session import open_page_session
from reon_export.runtimes.predictions import Classify
from reon_export.spec import BoxCorrection, ModelSpec, read_spec, write_spec

MIN_PAIRS = 8
DEFAULT_SEED = 20
# Boxes that hardly meet are two faces, not two opinions of one.
_MIN_OVERLAP = 0.1
# A larger face leaves Haar no room for its box; see `View`.
_CLOSE_UP_SHARE = 0.5


@dataclass(frozen=True)
class HeldOut:
    """The shift over photographs that the correction was not fitted on, without and with it."""

    plain: PhotoShift
    corrected: PhotoShift

    @property
    def is_better(self) -> bool:
        """Whether the correction brought the answers closer."""
        return self.corrected.mean_abs_prob < self.plain.mean_abs_prob


@dataclass(frozen=True)
class FitReport:
    """A fitted correction and its proof. `held_out_wide` is over the views with room around a close-up, if any."""

    correction: BoxCorrection
    photos: int
    unpaired: Unpaired
    held_out: HeldOut
    held_out_wide: HeldOut | None
    written_to: Path | None


def fit_correction(pairs: Sequence[BoxPair], fitted_on: str = "") -> BoxCorrection:
    """The correction that brings the browser's boxes of `pairs` nearest to Haar's.

    Medians of the three ratios: up to half of the pairs may be wrong before it breaks down. `fitted_on` is provenance,
    in words. Raises ParityError if there are fewer than MIN_PAIRS pairs on the same face.
    """
    same = [pair for pair in pairs if _is_same_face(pair)]
    if len(same) < MIN_PAIRS:
        raise ParityError(
            f"{len(same)} boxes to fit on, expected at least {MIN_PAIRS}: give more photographs in which both Haar and "
            "TinyFaceDetector find the face"
        )
    haar = np.array([pair.haar for pair in same], np.float64)
    browser = np.array([pair.browser for pair in same], np.float64)
    scale = float(np.median(haar[:, 3] / browser[:, 3]))
    shift = (haar[:, :2] + haar[:, 2:] / 2) - (browser[:, :2] + browser[:, 2:] / 2)
    offset_x, offset_y = np.median(shift / (scale * browser[:, 3:]), axis=0)
    # Four digits: the fifth would move a face of 1000 pixels by a hundredth of one.
    return BoxCorrection(
        scale=round(scale, 4),
        offset_x=round(float(offset_x), 4),
        offset_y=round(float(offset_y), 4),
        photos=len({pair.view.path for pair in same}),
        fitted_on=fitted_on,
    )


def cross_check(
    pairs: Sequence[BoxPair], spec: ModelSpec, classify: Classify, *, wide: bool = False, seed: int = DEFAULT_SEED
) -> HeldOut:
    """Fit on one seeded half of the photographs and measure on the other, both ways, all measured ones taken together.

    Fitted on all views of a half; measured on the photographs as they lie or, with `wide`, on the views with room.
    Raises ParityError if there are too few.
    """
    paths = np.array(sorted({pair.view.path for pair in pairs}), dtype=object)
    np.random.default_rng(seed).shuffle(paths)
    half = set(paths[: len(paths) // 2])
    plain: list[BoxPair] = []
    corrected: list[BoxPair] = []
    for is_first in (True, False):
        correction = fit_correction([pair for pair in pairs if (pair.view.path in half) == is_first])
        unseen = [pair for pair in pairs if (pair.view.path in half) != is_first and pair.view.is_wide == wide]
        plain += unseen
        corrected += correct_pairs(unseen, correction)
    if not plain:
        raise ParityError("nothing to measure the correction on: no such view has a face that both sides found")
    return HeldOut(measure_shift(plain, spec, classify), measure_shift(corrected, spec, classify))


def fit_and_report(
    photos: Path,
    model_dir: Path = DEFAULT_MODEL_DIR,
    spec_path: Path = DEFAULT_SPEC,
    *,
    browser: str | None = None,
    fitted_on: str = "",
    on_progress: OnProgress = ignore_progress,
) -> FitReport:
    """Fit a correction on a folder of photographs, and write it into a spec if it helps on unseen ones.

    Args:
        photos: folder of photographs, each with a face that fills little or much of it.
        model_dir: a built model folder; its ONNX classifier says what a shift of the box does.
        spec_path: the ModelSpec that gets the correction as `crop.correction`.
        browser: as for `open_page_session`.
        fitted_on: provenance of the photographs, in words; the folder's name if it is empty.
        on_progress: see OnProgress.

    Raises FaceError, SpecError, ParityError, BrowserError or ManifestError.
    """
    spec = read_spec(spec_path)
    classify = load_classifier(model_dir)
    paths = list_images(photos)
    with open_page_session(model_dir, browser) as session:
        sightings = look_at_photos(session, [View(path) for path in paths], on_progress)
        close_ups = [View(item.view.path, is_wide=True) for item in sightings if _is_close_up(item)]
        wide_sightings = look_at_photos(session, close_ups, on_progress, name="with room around")
    pairs, wide_pairs = pair_boxes(sightings), pair_boxes(wide_sightings)
    everything = [*pairs, *wide_pairs]
    correction = fit_correction(everything, fitted_on or f"the photographs of {photos.resolve().name}")
    held_out = cross_check(everything, spec, classify)
    held_out_wide = cross_check(everything, spec, classify, wide=True) if wide_pairs else None
    if held_out.is_better:
        crop = spec.crop.model_copy(update={"correction": correction})
        write_spec(spec.model_copy(update={"crop": crop}), spec_path)
    return FitReport(
        correction=correction,
        photos=len(paths),
        unpaired=count_unpaired(sightings),
        held_out=held_out,
        held_out_wide=held_out_wide,
        written_to=spec_path if held_out.is_better else None,
    )


def describe_fit(report: FitReport) -> str:
    """The report as lines of text for a terminal."""
    correction, unpaired = report.correction, report.unpaired
    lines = [
        f"{report.photos} photographs: a face found by both in {report.held_out.plain.both}, by Haar alone in "
        f"{unpaired.haar_only}, by the browser alone in {unpaired.browser_only}, by neither in {unpaired.neither}",
        f"correction: side = {correction.scale} x height, moved by {correction.offset_x:+} and {correction.offset_y:+} "
        f"sides (fitted on {correction.photos} photographs)",
        *_describe_held_out("photographs that it was not fitted on", report.held_out),
    ]
    if report.held_out_wide is not None:
        lines += _describe_held_out("the same with room around the face", report.held_out_wide)
    if report.written_to is None:
        lines.append("not written: on photographs that it was not fitted on, the correction does not help")
    else:
        lines.append(f"written to {report.written_to}")
    return "\n".join(lines)


def _describe_held_out(what: str, held_out: HeldOut) -> list[str]:
    plain, corrected = held_out.plain, held_out.corrected
    return [
        f"{what} ({plain.both}), without -> with the correction:",
        f"  mean |Δp| {plain.mean_abs_prob:.4f} -> {corrected.mean_abs_prob:.4f}, max |Δp| {plain.max_abs_prob:.2f} -> "
        f"{corrected.max_abs_prob:.2f}, same top label {plain.top1_agreement:.0%} -> {corrected.top1_agreement:.0%}",
        f"  IoU {plain.mean_iou:.3f} -> {corrected.mean_iou:.3f}, centre off by {plain.mean_offset_x:+.3f} "
        f"{plain.mean_offset_y:+.3f} -> {corrected.mean_offset_x:+.3f} {corrected.mean_offset_y:+.3f} sides, "
        f"log scale {plain.mean_log_scale:+.3f} -> {corrected.mean_log_scale:+.3f}",
    ]


def _is_close_up(sighting: Sighting) -> bool:
    if sighting.haar is None:
        return False
    image_rgb: Image = sighting.view.read()[1]
    shorter: int = min(image_rgb.shape[:2])
    return sighting.haar.width > _CLOSE_UP_SHARE * shorter


def _is_same_face(pair: BoxPair) -> bool:
    return intersection_over_union(square_crop(pair.haar, 0.0).box, square_crop(pair.browser, 0.0).box) >= _MIN_OVERLAP
