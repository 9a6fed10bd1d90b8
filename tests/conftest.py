"""Fixtures shared by the tests: real face crops, reference networks and one real build of the default checkpoint."""

import copy
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from filelock import FileLock

from reon_export.faces.samples import crops_from_photos
from reon_export.manifest import MANIFEST_NAME, read_manifest
from reon_export.paths import DEFAULT_CHECKPOINT, DEFAULT_MODEL_DIR, PROJECT_ROOT, SAMPLE_PHOTOS, WEB_DEMO
from reon_export.spec import Layout, ModelSpec, read_spec

TESTS = Path(__file__).parent

if TYPE_CHECKING:  # torch is imported by the fixtures that need it
    from torch import Tensor, nn


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow modules first, so that two processes end at the same time."""
    slowest = (
        "test_other_browsers",
        "test_imitate",
        "test_sample_performances",
        "test_live",
        "test_self_test",
        "test_whole_session",
        "test_page",
        "test_bench",
        "test_witness",
        "test_workflow",
        "test_retest",
        "test_wheel",
    )
    pages = TESTS / "page"

    def rank(item: pytest.Item) -> tuple[int, bool]:
        name = item.path.stem
        return slowest.index(name) if name in slowest else len(slowest), pages not in item.path.parents

    items.sort(key=rank)


@pytest.fixture(scope="session")
def default_spec() -> ModelSpec:
    """The spec of the shipped checkpoint."""
    return read_spec(DEFAULT_CHECKPOINT.with_suffix(".json"))


@pytest.fixture(scope="session")
def face_crops_rgb(default_spec: ModelSpec) -> npt.NDArray[np.uint8]:
    """64 real face crops, uint8 [64, 112, 112, 3], RGB."""
    return crops_from_photos(SAMPLE_PHOTOS, default_spec).crops_rgb


@pytest.fixture(scope="session")
def batch(face_crops_rgb: npt.NDArray[np.uint8]) -> "Tensor":
    """16 real face crops, float32 [16, 3, 112, 112], RGB, normalised; `references` have seen the first 8."""
    from tests.support.layouts import normalised

    return normalised(face_crops_rgb[:16])


@pytest.fixture(scope="session")
def trained() -> "dict[str, Tensor]":
    """The shipped weights, float32, under torchvision's names."""
    from tests.support.layouts import trained_weights

    return trained_weights()


@pytest.fixture(scope="session")
def blank() -> "dict[str, Tensor]":
    """Zeros with the names and shapes of the shipped weights: a checkpoint of a few kB."""
    from reon_export.checkpoint.efficientnet import EfficientNetB0
    from tests.support.checkpoint_files import skeleton

    state = skeleton(lambda: EfficientNetB0(7))
    return {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}


@pytest.fixture(scope="session")
def fresh() -> "dict[Layout, nn.Module]":
    """The original implementations as they initialise themselves, in eval mode. Do not change them."""
    import torch

    from tests.support.layouts import builders

    models: dict[Layout, nn.Module] = {}
    for layout, make in builders().items():
        torch.manual_seed(0)
        models[layout] = make().eval()
    return models


@pytest.fixture(scope="session")
def references(
    fresh: "dict[Layout, nn.Module]", trained: "dict[str, Tensor]", batch: "Tensor"
) -> "dict[Layout, nn.Module]":
    """The original implementations with the shipped weights, each with statistics that it took itself.

    In eval mode. Do not change them.
    """
    from tests.support.layouts import load_trained

    return {layout: load_trained(copy.deepcopy(model), layout, trained, batch[:8]) for layout, model in fresh.items()}


def _is_up_to_date(folder: Path) -> bool:
    """Whether a model folder is a whole build of the default checkpoint by the sources as they are."""
    path = folder / MANIFEST_NAME
    if not path.is_file():
        return False
    manifest = read_manifest(folder)
    sha256 = hashlib.sha256(DEFAULT_CHECKPOINT.read_bytes()).hexdigest()
    is_whole = len(manifest.artefacts) == 4 and all(item.verdict != "not_run" for item in manifest.artefacts)
    if not is_whole or manifest.source.sha256 != sha256:
        return False
    sources = [*(PROJECT_ROOT / "models").iterdir(), *WEB_DEMO.glob("parity.html")]
    sources += [*(PROJECT_ROOT / "reon_export").rglob("*"), *(WEB_DEMO / "js").rglob("*")]
    newest = max(path.stat().st_mtime for path in sources if path.is_file() and path.suffix != ".pyc")
    return path.stat().st_mtime > newest


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The default checkpoint, really built: ONNX, three TF.js precisions, parity in a browser, manifest.

    What `make build` made, if no source is newer; else it is built, once a run: the workers of pytest-xdist share it.
    Do not change it.
    """
    from reon_export import BuildOptions, build

    if _is_up_to_date(DEFAULT_MODEL_DIR):
        return DEFAULT_MODEL_DIR
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "built" / "model"
    folder.parent.mkdir(exist_ok=True)
    with FileLock(folder.parent / "lock"):
        if not folder.is_dir():
            build(options=BuildOptions(out=folder))
    return folder
