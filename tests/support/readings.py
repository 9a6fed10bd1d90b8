"""What the page should read in the sample photograph."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from reon_export import load_classifier
from reon_export.faces.correction import correct_box
from reon_export.faces.crop import Box
from reon_export.faces.image_files import read_image_rgb
from reon_export.faces.preprocess import crop_face
from reon_export.paths import SAMPLE_PHOTOS
from reon_export.spec import ModelSpec

ASTRONAUT = SAMPLE_PHOTOS / "astronaut.png"
ASTRONAUT_FACE = Box(170, 78, 110, 110)  # brow to chin, cheek to cheek, read off the picture by eye


def box_of(face: dict[str, float]) -> Box:
    return Box(face["x"], face["y"], face["width"], face["height"])


def expected_probabilities(photo: Path, box: Box, model_dir: Path, spec: ModelSpec) -> npt.NDArray[np.float32]:
    assert spec.crop.correction is not None
    crop_rgb = crop_face(read_image_rgb(photo), correct_box(box, spec.crop.correction), spec)
    probabilities: npt.NDArray[np.float32] = load_classifier(model_dir)(crop_rgb[None]).probabilities[0]
    return probabilities
