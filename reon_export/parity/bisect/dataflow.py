"""ONNX and TF.js graphs in one form, and the order of their layers by data flow alone. Names decide nothing here."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any, Literal

from reon_export.errors import ParityError

if TYPE_CHECKING:
    import onnx

TensorLayout = Literal["NCHW", "NHWC"]

_WEIGHTED = {
    *("Conv", "Gemm", "MatMul"),
    *("Conv2D", "_FusedConv2D", "DepthwiseConv2dNative", "FusedDepthwiseConv2dNative", "_FusedMatMul"),
}
_DEPTHWISE = {"DepthwiseConv2dNative", "FusedDepthwiseConv2dNative"}
# What may stand between a layer and the tensor that PyTorch hands it: none of these changes a number.
_PASSING = {"Pad", "PadV2", "Identity", "Squeeze", "Unsqueeze", "ExpandDims", "Reshape", "Flatten"}
MEANS = {"Mean", "AvgPool", "ReduceMean", "GlobalAveragePool", "AveragePool"}


@dataclass(frozen=True)
class GraphNode:
    """One operation. `inputs` are names of tensors; `output` is the name of its (first) result.

    For a layer, `kernel` is the shape of its weight as PyTorch has it: (out, in / groups, height, width) or (out, in);
    `activation` is what the operation applies after its bias, in lower case ("sigmoid"), "" if nothing.
    """

    op: str
    inputs: tuple[str, ...]
    output: str
    kernel: tuple[int, ...] | None = None
    has_bias: bool = False
    activation: str = ""


@dataclass(frozen=True)
class Dataflow:
    """A graph by the names of its tensors, constants left out."""

    runtime: str
    layout: TensorLayout
    nodes: Mapping[str, GraphNode]

    def layers(self) -> tuple[GraphNode, ...]:
        """The nodes that carry weights, each of which depends on the one before it.

        Raises ParityError unless every one depends on every earlier one: only then is there no other order.
        """
        depths: dict[str, int] = {}
        layers: dict[int, GraphNode] = {}
        for name in self._in_order():
            node = self.nodes[name]
            before = max((depths[source] for source in node.inputs if source in self.nodes), default=0)
            depths[name] = before + (node.kernel is not None)
            if node.kernel is None:
                continue
            if depths[name] in layers:
                raise ParityError(
                    f"the {self.runtime} layers {layers[depths[name]].output} and {name} stand side by side; "
                    "expected one chain of layers, as in EfficientNet-B0"
                )
            layers[depths[name]] = node
        return tuple(layers[depth] for depth in sorted(layers))

    def _in_order(self) -> Iterator[str]:
        sorter = TopologicalSorter(
            {name: [source for source in node.inputs if source in self.nodes] for name, node in self.nodes.items()}
        )
        try:
            yield from sorter.static_order()
        except CycleError as error:
            raise ParityError(f"the {self.runtime} graph runs in a circle") from error

    def source(self, tensor: str) -> GraphNode:
        """What made a tensor, paddings and changes of shape left out. Raises ParityError for an input of the graph."""
        while tensor in self.nodes:
            node = self.nodes[tensor]
            if node.op not in _PASSING:
                return node
            tensor = node.inputs[0]
        raise ParityError(f"{tensor} is not made by any node of the {self.runtime} graph")

    def consumers(self, tensor: str) -> tuple[GraphNode, ...]:
        """The nodes that take a tensor."""
        return tuple(node for node in self.nodes.values() if tensor in node.inputs)


def read_onnx_dataflow(model: "onnx.ModelProto") -> Dataflow:
    """The graph of an ONNX model. Raises ParityError if a layer's weight is not a constant."""
    from onnx import helper

    shapes = {weight.name: tuple(weight.dims) for weight in model.graph.initializer}
    nodes = {}
    for node in model.graph.node:
        kernel = None
        if node.op_type in _WEIGHTED:
            kernel = _constant_shape(shapes, node.input[1], node.output[0], "onnx")
            attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
            if node.op_type == "MatMul" or (node.op_type == "Gemm" and not attributes.get("transB", 0)):
                kernel = kernel[::-1]
        nodes[node.output[0]] = GraphNode(
            node.op_type, tuple(node.input), node.output[0], kernel, has_bias=len(node.input) > 2
        )
    return Dataflow("onnx", "NCHW", nodes)


def read_tfjs_dataflow(model: Mapping[str, Any]) -> Dataflow:
    """The graph of a parsed model.json. Raises ParityError if a layer's weight is not a constant."""
    listed = model["modelTopology"]["node"]
    shapes = {node["name"]: _tensor_shape(node) for node in listed if node["op"] == "Const"}
    nodes = {}
    for node in listed:
        if node["op"] in {"Const", "Placeholder"}:
            continue
        inputs = tuple(name.split(":")[0] for name in node.get("input", ()) if not name.startswith("^"))
        kernel = None
        if node["op"] in _WEIGHTED:
            shape = _constant_shape(shapes, inputs[1], node["name"], "tfjs")
            is_transposed = bool(node["attr"].get("transpose_b", {}).get("b", False))
            kernel = shape if is_transposed else _as_torch_kernel(shape, node["op"])
        fused = [base64.b64decode(item).decode() for item in _attribute_list(node, "fused_ops")]
        activation = "".join(name.lower() for name in fused if name != "BiasAdd")
        nodes[node["name"]] = GraphNode(node["op"], inputs, node["name"], kernel, "BiasAdd" in fused, activation)
    return Dataflow("tfjs", "NHWC", nodes)


def _constant_shape(shapes: Mapping[str, tuple[int, ...]], weight: str, layer: str, runtime: str) -> tuple[int, ...]:
    if weight not in shapes:
        raise ParityError(f"the weight {weight} of the {runtime} layer {layer} is not a constant; cannot align it")
    return shapes[weight]


def _tensor_shape(node: Mapping[str, Any]) -> tuple[int, ...]:
    dimensions = node["attr"]["value"]["tensor"].get("tensorShape", {}).get("dim", ())
    return tuple(int(dimension["size"]) for dimension in dimensions)


def _as_torch_kernel(shape: tuple[int, ...], op: str) -> tuple[int, ...]:
    if len(shape) == 2:
        return shape[::-1]
    height, width, channels_in, last = shape
    if op in _DEPTHWISE:
        return (channels_in * last, 1, height, width)
    return (last, channels_in, height, width)


def _attribute_list(node: Mapping[str, Any], name: str) -> list[str]:
    return list(node.get("attr", {}).get(name, {}).get("list", {}).get("s", ()))
