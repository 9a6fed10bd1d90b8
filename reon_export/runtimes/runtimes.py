"""Every runtime as the same callable: a batch of crops to logits and probabilities."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from reon_export.errors import ParityError, UnavailableError
from reon_export.manifest import Artefact, read_artefact_file, read_manifest
from reon_export.parity.compare import Predictions
from reon_export.paths import DEFAULT_MODEL_DIR
from reon_export.runtimes.page_session import PageSession
from reon_export.spec import INPUT_TENSOR, ModelSpec, OutputSpec

if TYPE_CHECKING:
    from reon_export.export.onnx import ClassifierGraph

Crops = npt.NDArray[np.uint8]
OnProgress = Callable[[int], None]
_BATCH = 16
_OUTPUTS = [OutputSpec().logits, OutputSpec().probabilities]


class Runtime(Protocol):
    """A classifier somewhere. `name` is like `torch`, `onnx` or `tfjs:wasm`."""

    name: str
    labels: tuple[str, ...]

    def __call__(self, crops_rgb: Crops, on_progress: OnProgress | None = None) -> Predictions:
        """Classify uint8 [N, H, W, 3] RGB crops; `on_progress` gets the number of crops done so far."""
        ...


class TorchRuntime:
    """The reference: the checkpoint itself, float32 on the CPU."""

    name = "torch"

    def __init__(self, graph: "ClassifierGraph", spec: ModelSpec) -> None:
        """Wrap the graph that is exported."""
        self.labels = tuple(label.key for label in spec.labels)
        self._graph = graph

    def __call__(self, crops_rgb: Crops, on_progress: OnProgress | None = None) -> Predictions:
        """See Runtime."""
        import torch

        def run(batch_nhwc: npt.NDArray[np.float32]) -> tuple[Any, Any]:
            with torch.inference_mode():
                logits, probabilities = self._graph(torch.from_numpy(batch_nhwc).permute(0, 3, 1, 2).contiguous())
            return logits.numpy(), probabilities.numpy()

        return _classify_in_batches(run, crops_rgb, self.labels, on_progress)


class OnnxRuntime:
    """An exported ONNX model in ONNX Runtime on the CPU. Labels come from the model's own metadata."""

    name = "onnx"

    def __init__(self, model: bytes, size: tuple[int, int]) -> None:
        """Load a serialised model whose input is [N, *size, 3]. Raises ParityError if it is not one of ours."""
        self.size = size
        self._session = _open_onnx(model)
        self.labels: tuple[str, ...] = _read_labels(self._session.get_modelmeta().custom_metadata_map)

    def __call__(self, crops_rgb: Crops, on_progress: OnProgress | None = None) -> Predictions:
        """See Runtime. Raises ParityError if the crops have another size than the model's input."""
        if crops_rgb.dtype != np.uint8 or crops_rgb.shape[1:] != (*self.size, 3):
            wanted = f"uint8 [N, {self.size[0]}, {self.size[1]}, 3] RGB"
            raise ParityError(
                f"crops are {crops_rgb.dtype} {list(crops_rgb.shape)}, the model wants {wanted}; "
                "make them with reon_export.faces.preprocess"
            )

        def run(batch_nhwc: npt.NDArray[np.float32]) -> tuple[Any, Any]:
            logits, probabilities = self._session.run(_OUTPUTS, {INPUT_TENSOR: batch_nhwc})
            return logits, probabilities

        return _classify_in_batches(run, crops_rgb, self.labels, on_progress)


class TfjsRuntime:
    """A TF.js artefact in the browser, through the same js/classifier.js that the page uses."""

    def __init__(self, session: PageSession, loaded: dict[str, Any]) -> None:
        """Wrap what the parity page has loaded."""
        self.name = f"tfjs:{loaded['backend']}"
        self.labels: tuple[str, ...] = tuple(loaded["labels"])
        self.version: str = loaded["tfjsVersion"]
        self.threads: int | None = loaded["threads"]
        self.is_half_float: bool = loaded["isHalfFloat"]
        self._precision: str = loaded["precision"]
        self._session = session

    def __call__(self, crops_rgb: Crops, on_progress: OnProgress | None = None) -> Predictions:
        """See Runtime. Raises ParityError with the page's own words."""
        logits, probabilities = [], []
        for start in range(0, len(crops_rgb), _BATCH):
            batch = crops_rgb[start : start + _BATCH]
            data = base64.b64encode(batch.tobytes()).decode("ascii")
            answer = self._session.call("classify", data, len(batch), self._precision)
            logits.append(_decode(answer["logits"], len(batch)))
            probabilities.append(_decode(answer["probabilities"], len(batch)))
            if on_progress:
                on_progress(start + len(batch))
        return _join(logits, probabilities, self.labels)


@contextmanager
def load_tfjs(session: PageSession, precision: str, backend: str, *, keep: bool = False) -> Iterator[TfjsRuntime]:
    """Load one artefact on one backend; with `keep` beside those that are loaded already, on the same backend.

    Raises UnavailableError if that very backend does not come up.
    """
    options = {"manifestUrl": "model/manifest.json", "precision": precision, "backend": backend, "keep": keep}
    loaded = session.call("load", options)
    if "unavailable" in loaded:
        raise UnavailableError(loaded["unavailable"])
    try:
        yield TfjsRuntime(session, loaded)
    finally:
        session.call("unload")


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

    Raises ManifestError if its bytes are not what the manifest says, ParityError if they are no model of ours.
    """
    return OnnxRuntime(read_artefact_file(folder, artefact.files[0]), (spec.input.height, spec.input.width))


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
    missing = [name for name in _OUTPUTS if name not in held]
    if missing:
        raise ParityError(
            f"the ONNX model has no output {' and no output '.join(missing)}, it has: {', '.join(held)}; build it again"
        )
    return session


def _read_labels(metadata: dict[str, str]) -> tuple[str, ...]:
    try:
        return tuple(json.loads(metadata["labels"]))
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ParityError("the ONNX model has no list of labels in its metadata; build it again") from error


def _classify_in_batches(
    run: Callable[[npt.NDArray[np.float32]], tuple[Any, Any]],
    crops_rgb: Crops,
    labels: tuple[str, ...],
    on_progress: OnProgress | None,
) -> Predictions:
    logits, probabilities = [], []
    for start in range(0, len(crops_rgb), _BATCH):
        batch = crops_rgb[start : start + _BATCH]
        batch_logits, batch_probabilities = run(batch.astype(np.float32))
        logits.append(batch_logits)
        probabilities.append(batch_probabilities)
        if on_progress:
            on_progress(start + len(batch))
    return _join(logits, probabilities, labels)


def _join(
    logits: list[npt.NDArray[np.float32]],
    probabilities: list[npt.NDArray[np.float32]],
    labels: tuple[str, ...],
) -> Predictions:
    empty = [np.empty((0, len(labels)), np.float32)]
    return Predictions(np.concatenate(logits or empty), np.concatenate(probabilities or empty), labels)


def _decode(data: str, count: int) -> npt.NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(data), "<f4").reshape(count, -1)
