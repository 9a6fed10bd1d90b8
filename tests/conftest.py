"""Fixtures shared by the tests: real face crops and one real build of the default checkpoint."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from reon_export.faces.samples import crops_from_photos
from reon_export.paths import DEFAULT_CHECKPOINT, SAMPLE_PHOTOS
from reon_export.spec import InputSpec, ModelSpec, read_spec


@pytest.fixture(scope="session")
def default_spec() -> ModelSpec:
    """The spec of the shipped checkpoint."""
    return read_spec(DEFAULT_CHECKPOINT.with_suffix(".json"))


@pytest.fixture(scope="session")
def face_crops_rgb(default_spec: ModelSpec) -> npt.NDArray[np.uint8]:
    """64 real face crops, uint8 [64, 112, 112, 3], RGB."""
    return crops_from_photos(SAMPLE_PHOTOS, default_spec).crops_rgb


@pytest.fixture(scope="session")
def face_crops_224_rgb(default_spec: ModelSpec) -> npt.NDArray[np.uint8]:
    """16 real face crops, uint8 [16, 224, 224, 3], RGB."""
    spec = default_spec.model_copy(update={"input": InputSpec(height=224, width=224)})
    return crops_from_photos(SAMPLE_PHOTOS, spec, count=16).crops_rgb


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default checkpoint, really built: ONNX, three TF.js precisions, parity in a browser, manifest."""
    from reon_export import BuildOptions, build

    folder = tmp_path_factory.mktemp("built") / "model"
    build(options=BuildOptions(out=folder))
    return folder
