"""An exported ONNX model in ONNX Runtime, on the CPU."""

from pathlib import Path
from typing import Any

import numpy as np

from reon_export.errors import ParityError
from reon_export.manifest import Artefact, read_artefact_file, read_manifest
from reon_export.network_facts import check_fits, read_onnx_facts
from reon_export.paths import DEFAULT_MODEL_DIR
from reon_export.progress import OnProgress, ignore_progress
from reon_export.runtimes.predictions import Array, Crops, Predictions
from reon_export.runtimes.runtime import OUTPUTS, as_float32, classify_in_batches
from reon_export.runtimes.runtime_id import ONNX
from reon_export.spec import INPUT_TENSOR, ModelSpec


class OnnxRuntime:
    """A loaded model. Its labels come from the model's own metadata."""

    id = ONNX

    def __init__(self, model: bytes, size: tuple[int, int]) -> None:
        """Load a serialised model whose input is [N, *size, 3]. Raises ParityError if it is not one of ours."""
        self.size = size
        self._session = _open_onnx(model)
        self.facts = read_onnx_facts(self._session, "the ONNX model")
        self.labels: tuple[str, ...] = self.facts.labels

    def __call__(self, crops_rgb: Crops, on_progress: OnProgress = ignore_progress) -> Predictions:
        """See Runtime. Raises ParityError if the crops have another size than the model's input."""
        if crops_rgb.dtype != np.uint8 or crops_rgb.shape[1:] != (*self.size, 3):
            wanted = f"uint8 [N, {self.size[0]}, {self.size[1]}, 3] RGB"
            raise ParityError(
                f"crops are {crops_rgb.dtype} {list(crops_rgb.shape)}, expected {wanted}; "
                "make them with reon_export.faces.preprocess"
            )

        def run(batch: Crops) -> tuple[Array, Array]:
            logits, probabilities = self._session.run(OUTPUTS, {INPUT_TENSOR: as_float32(batch)})
            return logits, probabilities

        return classify_in_batches(run, crops_rgb, self, on_progress)


def load_classifier(model_dir: Path | str = DEFAULT_MODEL_DIR) -> OnnxRuntime:
    """The exported ONNX classifier of a model folder, its hash verified: crops in, Predictions out.

    >>> classify = load_classifier("web_demo/model")  # doctest: +SKIP
    >>> classify(crops_rgb).probabilities             # doctest: +SKIP

    Raises ManifestError.
    """
    folder = Path(model_dir)
    manifest = read_manifest(folder)
    return load_onnx(folder, manifest.artefact("onnx", "float32"), manifest.spec)


def load_onnx(folder: Path, artefact: Artefact, spec: ModelSpec) -> OnnxRuntime:
    """One ONNX artefact of a model folder.

    Raises ManifestError if its bytes are not what the manifest lists or it does not fit the spec, ParityError if they
    are no model of ours.
    """
    path = artefact.files[0].path
    runtime = OnnxRuntime(read_artefact_file(folder, artefact.files[0]), (spec.input.height, spec.input.width))
    check_fits(runtime.facts, spec, path)
    return runtime


def _open_onnx(model: bytes) -> Any:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    # What a model can do wrong at load. They have no common base class but Exception.
    load_errors = (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented)
    try:
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    except load_errors as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ParityError(f"ONNX Runtime cannot load the model: {reason}; build it again") from error
    held = [output.name for output in session.get_outputs()]
    missing = [name for name in OUTPUTS if name not in held]
    if missing:
        raise ParityError(
            f"the ONNX model has no output {' and no output '.join(missing)}, it has: {', '.join(held)}; build it again"
        )
    return session
