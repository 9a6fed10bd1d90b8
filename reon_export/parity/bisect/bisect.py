"""Where a runtime leaves PyTorch: the result of every layer, in order, on the same crops."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from reon_export.errors import ParityError, UnavailableError
from reon_export.manifest import Precision, read_artefact_file, read_manifest
from reon_export.parity.bisect.alignment import Point, align
from reon_export.parity.bisect.dataflow import Dataflow, read_onnx_dataflow, read_tfjs_dataflow
from reon_export.parity.bisect.divergence import Bisection, BisectReport, NodeDifference
from reon_export.runtimes.page_session import PageSession
from reon_export.spec import INPUT_TENSOR, OutputSpec

if TYPE_CHECKING:
    import onnx
    from torch import Tensor

    from reon_export.checkpoint.classifier_graph import ClassifierGraph
    from reon_export.parity.bisect.layers import Layer, Trace

Crop = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float32]
# Names of nodes to their values for one crop, uint8 [H, W, 3] RGB.
ReadTensors = Callable[[Crop, tuple[str, ...]], Mapping[str, Values]]

_PROBABILITIES = OutputSpec().probabilities
# What a fused layer may apply after its bias, as TF.js names it.
_ACTIVATIONS: "Mapping[str, Callable[[Tensor], Tensor]]" = {
    "": lambda values: values,
    "sigmoid": lambda values: values.sigmoid(),
    "relu": lambda values: values.relu(),
    "relu6": lambda values: values.clamp(0, 6),
}
# All activations of a 224 px crop are 200 MB as text: the page hands them over a part at a time.
_NODES_A_CALL = 24


def bisect_model(
    model_dir: Path,
    graph: "ClassifierGraph",
    crops_rgb: Crop,
    session: PageSession,
    precision: Precision = "float32",
    backend: str = "wasm",
) -> BisectReport:
    """Compare the ONNX model of a folder and its TF.js model of one precision with PyTorch, node by node.

    `graph` is the checkpoint as it is exported, `crops_rgb` uint8 [N, H, W, 3]; `session` is a parity page that serves
    `model_dir`. Raises ManifestError for a damaged folder, ParityError where graph and network cannot be aligned,
    UnavailableError where the browser lacks the backend.
    """
    import onnx

    manifest = read_manifest(model_dir)
    model = read_artefact_file(model_dir, manifest.artefact("onnx", "float32").files[0])
    model_json = read_artefact_file(model_dir, manifest.artefact("tfjs", precision).files[0])
    in_onnx = bisect_onnx(graph, onnx.load_from_string(model), crops_rgb)
    with _load_unproven(session, precision, backend):
        in_browser = bisect_tfjs(graph, json.loads(model_json), crops_rgb, session)
    return BisectReport(
        manifest.name,
        (
            Bisection("onnx", "float32", len(crops_rgb), in_onnx),
            Bisection(f"tfjs:{backend}", precision, len(crops_rgb), in_browser),
        ),
    )


def bisect_onnx(graph: "ClassifierGraph", model: "onnx.ModelProto", crops_rgb: Crop) -> tuple[NodeDifference, ...]:
    """Every node of an ONNX model (float32 NHWC input) in ONNX Runtime on the CPU, in the order of the data flow."""
    return _bisect(graph, read_onnx_dataflow(model), crops_rgb, _OnnxTensors(model))


def bisect_tfjs(
    graph: "ClassifierGraph", model_json: Mapping[str, Any], crops_rgb: Crop, session: PageSession
) -> tuple[NodeDifference, ...]:
    """Every node of the TF.js graph that `session` has loaded; `model_json` is its parsed model.json."""

    def read(crop_rgb: Crop, names: tuple[str, ...]) -> Mapping[str, Values]:
        data = base64.b64encode(crop_rgb.tobytes()).decode("ascii")
        values: dict[str, Values] = {}
        for start in range(0, len(names), _NODES_A_CALL):
            answer = session.call("readTensors", data, list(names[start : start + _NODES_A_CALL]))
            for name, tensor in answer.items():
                values[name] = np.frombuffer(base64.b64decode(tensor["data"]), "<f4").reshape(tensor["shape"])
        return values

    return _bisect(graph, read_tfjs_dataflow(model_json), crops_rgb, read)


@contextmanager
def _load_unproven(session: PageSession, precision: str, backend: str) -> Iterator[None]:
    """Load an artefact without the first run that the page insists on: a model that gives NaN is to be examined."""
    options = {"manifestUrl": "model/manifest.json", "precision": precision, "backend": backend, "isProven": False}
    loaded = session.call("load", options)
    if "unavailable" in loaded:
        raise UnavailableError(loaded["unavailable"])
    try:
        yield
    finally:
        session.call("unload")


class _OnnxTensors:
    """Reads intermediate tensors of an ONNX model: a copy in memory that has them as outputs."""

    def __init__(self, model: "onnx.ModelProto") -> None:
        self._model = model
        self._names: tuple[str, ...] = ()
        self._session: Any = None

    def __call__(self, crop_rgb: Crop, names: tuple[str, ...]) -> Mapping[str, Values]:
        if names != self._names:
            self._session = _open_with_outputs(self._model, names)
            self._names = names
        outputs = self._session.run(list(names), {INPUT_TENSOR: crop_rgb[None].astype(np.float32)})
        return dict(zip(names, outputs, strict=True))


def _open_with_outputs(model: "onnx.ModelProto", names: tuple[str, ...]) -> Any:
    import onnx
    import onnxruntime

    widened = onnx.ModelProto()
    widened.CopyFrom(model)
    held = {output.name for output in widened.graph.output}
    widened.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names if name not in held
    )
    return onnxruntime.InferenceSession(widened.SerializeToString(), providers=["CPUExecutionProvider"])


def _bisect(
    graph: "ClassifierGraph", dataflow: Dataflow, crops_rgb: Crop, read: ReadTensors
) -> tuple[NodeDifference, ...]:
    from reon_export.parity.bisect.layers import list_layers

    if len(crops_rgb) == 0:
        raise ParityError("nothing was compared: there are no crops")
    layers = list_layers(graph.network)
    points: tuple[Point, ...] = ()
    tallies: list[_Tally] = []
    for crop_rgb in crops_rgb:
        trace = _trace(graph, layers, crop_rgb)
        if not points:
            points = align(layers, trace, dataflow, _PROBABILITIES)
            tallies = [_Tally() for _ in points]
        names = dict.fromkeys(name for point in points for name in (point.node.output, point.fed_by) if name)
        actual = read(crop_rgb, tuple(names))
        for point, tally in zip(points, tallies, strict=True):
            expected = _expected(point, layers[point.layer], trace)
            tally.add(
                expected=expected.numpy(),
                actual=_as_torch_has_it(actual[point.node.output], expected, dataflow, point),
                alone=_apply_alone(point, layers[point.layer], trace, dataflow, actual),
            )
    return tuple(tally.row(point) for point, tally in zip(points, tallies, strict=True))


def _trace(graph: "ClassifierGraph", layers: "tuple[Layer, ...]", crop_rgb: Crop) -> "Trace":
    import torch

    from reon_export.parity.bisect.layers import trace_layers

    crop_nchw = torch.from_numpy(crop_rgb.astype(np.float32)).permute(2, 0, 1)[None].contiguous()
    return trace_layers(graph, layers, crop_nchw)


def _expected(point: Point, layer: "Layer", trace: "Trace") -> "Tensor":
    traced = trace.layers[point.layer]
    if point.side == "before_mean" and traced.before_mean is not None:
        return traced.before_mean
    if point.side == "input":
        return traced.input
    if point.side == "gate":
        return traced.output.sigmoid()
    if point.side == "probabilities":
        return trace.probabilities
    return _as_node_gives_it(point, layer, traced.output)


def _as_node_gives_it(point: Point, layer: "Layer", output: "Tensor") -> "Tensor":
    """A layer's output, without the bias where a later node adds it, with the activation where this node applies it."""
    result = output if point.node.has_bias else output - layer.bias()
    activation = point.node.activation
    if activation not in _ACTIVATIONS:
        known = ", ".join(filter(None, _ACTIVATIONS))
        raise ParityError(f"{point.node.output} applies {activation} after its layer; bisect knows {known}")
    return _ACTIVATIONS[activation](result)


def _apply_alone(
    point: Point, layer: "Layer", trace: "Trace", dataflow: Dataflow, actual: Mapping[str, Values]
) -> Values | None:
    """PyTorch's layer on what the runtime's layer took; None for a node that is no layer."""
    import torch

    if point.side != "output":
        return None
    taken = trace.layers[point.layer].input
    if point.fed_by:
        taken = torch.from_numpy(_as_torch_has_it(actual[point.fed_by], taken, dataflow, point))
    with torch.inference_mode():
        alone: Values = _as_node_gives_it(point, layer, layer.apply(taken)).numpy()
    return alone


def _as_torch_has_it(values: Values, expected: "Tensor", dataflow: Dataflow, point: Point) -> Values:
    """The same values in PyTorch's layout; a mean over height and width may have lost those two or kept them."""
    result = values.transpose(0, 3, 1, 2) if dataflow.layout == "NHWC" and values.ndim == 4 else values
    wanted = tuple(expected.shape)
    channels = wanted[:2]
    if result.shape != wanted and result.size == expected.numel() and result.shape[:2] == channels:
        result = result.reshape(wanted)
    if result.shape != wanted:
        raise ParityError(
            f"{point.node.output} ({point.block}, {point.part}) has shape {list(values.shape)} in {dataflow.layout}, "
            f"PyTorch has {list(wanted)} in NCHW"
        )
    return np.array(result, order="C")  # a copy: what comes from the page is read-only, which torch warns of


@dataclass
class _Tally:
    """The maxima of one node over the crops."""

    difference: float = 0.0
    scale: float = 0.0
    own: float | None = None

    def add(self, expected: Values, actual: Values, alone: Values | None) -> None:
        self.difference = max(self.difference, _max_abs(expected, actual))
        self.scale = max(self.scale, float(np.abs(expected).max()))
        if alone is not None:
            self.own = max(self.own or 0.0, _max_abs(alone, actual))

    def row(self, point: Point) -> NodeDifference:
        scale = self.scale or 1.0
        return NodeDifference(
            block=point.block,
            part=point.part,
            node=point.node.output,
            op=point.node.op,
            max_abs=self.difference,
            relative=self.difference / scale,
            own=None if self.own is None else self.own / scale,
        )


def _max_abs(expected: Values, actual: Values) -> float:
    difference = np.abs(expected.astype(np.float64) - actual)
    # A NaN compares as false with everything and would slip through every maximum.
    return float(difference.max()) if np.isfinite(difference).all() else float("inf")
