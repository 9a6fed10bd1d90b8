"""The fit of the box correction from end to end, in Chromium. Apart from test_photos: it opens a page of its own."""

import json
from pathlib import Path

import cv2
import pytest

from reon_export.faces.image_files import list_images
from reon_export.parity.fit_crop import describe_fit, fit_and_report
from reon_export.paths import SAMPLE_PHOTOS
from reon_export.spec import ModelSpec, read_spec, write_spec

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SAMPLES = list_images(SAMPLE_PHOTOS)


def test_fit_crop_writes_what_it_proved(model_dir: Path, default_spec: ModelSpec, tmp_path: Path) -> None:
    folder, spec_path = tmp_path / "people", tmp_path / "spec.json"
    folder.mkdir()
    for path in SAMPLES:
        image = cv2.imread(str(path))
        assert image is not None
        scale = 400 / max(image.shape[:2])
        for turn in (-8, -3, 3, 8):  # more photographs than there are: each of them turned a little
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            centre = (small.shape[1] / 2, small.shape[0] / 2)
            matrix = cv2.getRotationMatrix2D(centre, turn, 1)
            turned = cv2.warpAffine(small, matrix, small.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
            cv2.imwrite(str(folder / f"{path.stem}{turn}.png"), turned)
    plain = default_spec.model_copy(update={"crop": default_spec.crop.model_copy(update={"correction": None})})
    write_spec(plain, spec_path)
    report = fit_and_report(folder, model_dir, spec_path, fitted_on="the samples, turned")
    assert report.photos == 16
    assert report.held_out.is_better
    assert report.held_out.plain.both == 16 - sum(report.unpaired)
    assert report.written_to == spec_path
    written = read_spec(spec_path)
    assert written.crop.correction == report.correction
    assert written.model_copy(update={"crop": plain.crop}) == plain
    assert json.loads(spec_path.read_text(encoding="utf-8"))["crop"]["correction"]["fitted_on"] == "the samples, turned"
    text = describe_fit(report)
    assert "16 photographs: a face found by both in" in text
    assert f"written to {spec_path}" in text
