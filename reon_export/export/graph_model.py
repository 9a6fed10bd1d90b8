"""ONNX to a TF.js graph model, written directly: one pass over the nodes, one small rule for each kind of node.

PyTorch's NCHW becomes TF.js' NHWC. What the network does twice is done once: a bias, and a sigmoid that nothing else
reads around, go into their convolution; so do paddings; a mean over the whole picture is an average pool. The
normalisation (x / a - b) / c becomes x - a * b, and the stem's weights are divided by a * c: zeros around the picture
then still stand for the mean colour, which they would not if the bias took the subtraction. Nodes are named by what
they do (`block4.project`). A node that no rule knows is refused by name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reon_export.errors import ExportError
from reon_export.export.graph_def import Array, GraphModel, integers, string, strings
from reon_export.export.node_names import name_nodes
from reon_export.spec import INPUT_TENSOR, ModelSpec

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class Node:
    """An ONNX node with its attributes as plain values. `inputs` may hold "" for an input that is left out."""

    op: str
    name: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Any]

    def expect(self, **values: object) -> None:
        """Raise ExportError unless the attributes have these values; one that is missing has them."""
        for key, wanted in values.items():
            got = self.attributes.get(key, wanted)
            if got != wanted:
                raise ExportError(f"the ONNX node {self.name} ({self.op}) has {key}={got}, only {wanted} is supported")


class _Conversion:
    """What the rules read and write: the ONNX graph by tensor, and the graph model so far."""

    def __init__(self, model: "onnx.ModelProto", spec: ModelSpec) -> None:
        from onnx import helper, numpy_helper, shape_inference

        inferred = shape_inference.infer_shapes(model)
        self.constants: dict[str, Array] = {
            one.name: np.asarray(numpy_helper.to_array(one)) for one in model.graph.initializer
        }
        self.nodes: list[Node] = []
        for node in model.graph.node:
            attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
            if node.op_type == "Constant" and "value" in attributes:
                self.constants[node.output[0]] = np.asarray(numpy_helper.to_array(attributes["value"]))
                continue
            name = node.name or node.output[0]
            self.nodes.append(Node(node.op_type, name, tuple(node.input), node.output[0], attributes))
        self.shapes = {
            info.name: tuple(dim.dim_value for dim in info.type.tensor_type.shape.dim)
            for info in (*inferred.graph.value_info, *inferred.graph.input)
        }
        self.names = name_nodes(self.nodes, (spec.output.logits, spec.output.probabilities))
        self.made_by = {node.output: node for node in self.nodes}
        self.readers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for tensor in node.inputs:
                self.readers.setdefault(tensor, []).append(node)
        self.graph = GraphModel()
        self.tensors = {model.graph.input[0].name: INPUT_TENSOR}  # ONNX's tensors to TF.js' nodes
        self.done: set[str] = set()  # nodes that an earlier rule took in
        self.divisors: dict[str, Array] = {}  # nodes whose reader must still divide them, by channel

    def take(self, tensor: str, node: Node) -> str:
        """The TF.js node that holds an ONNX tensor."""
        if tensor not in self.tensors:
            raise ExportError(f"the ONNX node {node.name} ({node.op}) reads {tensor}, which no known node makes")
        source = self.tensors[tensor]
        if source in self.divisors and node.op not in {"Conv", "Pad"}:
            raise ExportError(
                f"the ONNX node {node.name} ({node.op}) reads the normalised input; only convolutions are supported"
            )
        return source

    def constant(self, tensor: str, node: Node) -> Array:
        """The values of a constant input."""
        if tensor not in self.constants:
            raise ExportError(f"the ONNX node {node.name} ({node.op}) takes its {tensor} from another node, not a file")
        values = self.constants[tensor]
        if values.dtype not in {np.dtype(kind) for kind in (np.float32, np.float64, np.int32, np.int64)}:
            raise ExportError(f"the weight {tensor} of {node.name} is {values.dtype}, expected float32")
        return values

    def only_reader(self, tensor: str, op: str) -> Node | None:
        """The node that alone reads a tensor, if it is of this kind."""
        readers = self.readers.get(tensor, [])
        return readers[0] if len(readers) == 1 and readers[0].op == op else None


def convert_graph(model: "onnx.ModelProto", spec: ModelSpec) -> GraphModel:
    """The graph model of a simplified ONNX model with NCHW input. Raises ExportError for what no rule knows."""
    state = _Conversion(model, spec)
    state.graph.placeholder(INPUT_TENSOR, (1, spec.input.height, spec.input.width, 3))
    _fold_normalisation(state)
    for node in state.nodes:
        if node.output in state.done:
            continue
        rule = _RULES.get(node.op)
        if rule is None:
            raise ExportError(
                f"the ONNX node {node.name} is a {node.op}, which the converter does not know (it knows "
                f"{', '.join(sorted(_RULES))}); build with --converter onnx2tf"
            )
        state.tensors[node.output] = rule(state, node, state.names[node.output])
    for output in (spec.output.logits, spec.output.probabilities):
        if state.tensors.get(output) != output:
            raise ExportError(f"the ONNX model has no output {output}")
    return state.graph


def _fold_normalisation(state: _Conversion) -> None:
    """Take in the chain of divisions and subtractions by constants between the input and the stem: (x - s) / d."""
    (tensor,) = state.tensors
    subtracted, divisor = np.zeros(3), np.ones(3)
    while (node := _only_arithmetic(state, tensor)) is not None:
        value = np.broadcast_to(state.constant(node.inputs[1], node).astype(np.float64).ravel(), 3)
        if node.op == "Sub":
            subtracted = subtracted + value * divisor
        else:
            divisor = divisor * value
        state.done.add(node.output)
        tensor = node.output
    if not state.done:
        return
    shift = state.graph.constant("input/mean", subtracted)
    state.tensors[tensor] = state.graph.add("Sub", "input/centred", [INPUT_TENSOR, shift])
    state.divisors[state.tensors[tensor]] = divisor


def _only_arithmetic(state: _Conversion, tensor: str) -> Node | None:
    node = state.only_reader(tensor, "Sub") or state.only_reader(tensor, "Div")
    return node if node is not None and node.inputs[1] in state.constants else None


def _convert_convolution(state: _Conversion, node: Node, name: str) -> str:
    node.expect(auto_pad=b"NOTSET")
    weight = state.constant(node.inputs[1], node).astype(np.float64)
    bias = state.constant(node.inputs[2], node) if len(node.inputs) > 2 else np.zeros(len(weight))
    source, pads = _take_padding(state, node)
    groups = int(node.attributes.get("group", 1))
    if source in state.divisors:
        if groups != 1:
            raise ExportError(f"the ONNX node {node.name} is a convolution of the input in {groups} groups, expected 1")
        weight = weight / state.divisors[source].reshape(1, -1, 1, 1)
    if groups == 1:
        op, kernel = "_FusedConv2D", weight.transpose(2, 3, 1, 0)
    elif groups == len(weight) and weight.shape[1] == 1:
        op, kernel = "FusedDepthwiseConv2dNative", weight.transpose(2, 3, 0, 1)
    else:
        raise ExportError(f"the ONNX node {node.name} is a convolution in {groups} groups; known are 1 and depthwise")
    strides, dilations = (list(node.attributes.get(key, [1, 1])) for key in ("strides", "dilations"))
    activation = _take_sigmoid(state, node)
    inputs = [source, state.graph.constant(f"{name}/weights", kernel), state.graph.constant(f"{name}/bias", bias)]
    return state.graph.add(
        op,
        name,
        inputs,
        num_args={"i": "1"},
        fused_ops=strings("BiasAdd", *activation),
        strides=integers(1, *strides, 1),
        dilations=integers(1, *dilations, 1),
        data_format=string("NHWC"),
        **_padding(pads),
    )


def _take_padding(state: _Conversion, node: Node) -> tuple[str, list[int]]:
    """What a convolution reads, and its zeros: top, left, bottom, right, those of a Pad before it among them."""
    pads = [int(pad) for pad in node.attributes.get("pads", [0, 0, 0, 0])]
    before = state.made_by.get(node.inputs[0])
    if before is None or before.op != "Pad":
        return state.take(node.inputs[0], node), pads
    before.expect(mode=b"constant")
    amounts = [int(amount) for amount in state.constant(before.inputs[1], before)]
    fill = before.inputs[2] if len(before.inputs) > 2 else ""
    if (
        len(amounts) != 8
        or any(amounts[axis] for axis in (0, 1, 4, 5))
        or (fill and state.constant(fill, before).any())
    ):
        raise ExportError(f"the ONNX node {before.name} pads by other than zeros above, below, left and right")
    own = (amounts[2], amounts[3], amounts[6], amounts[7])
    return state.take(before.inputs[0], before), [pad + more for pad, more in zip(pads, own, strict=True)]


def _take_sigmoid(state: _Conversion, node: Node) -> list[str]:
    """The sigmoid after a layer, where nothing else reads the layer. It is done then; SiLU reads it a second time."""
    after = state.only_reader(node.output, "Sigmoid")
    if after is None:
        return []
    state.done.add(after.output)
    state.tensors[after.output] = state.names[node.output]
    return ["Sigmoid"]


def _convert_padding(state: _Conversion, node: Node, _name: str) -> str:
    if any(reader.op != "Conv" for reader in state.readers.get(node.output, [])):
        raise ExportError(f"the ONNX node {node.name} pads what is no convolution's input; that is not supported")
    return state.take(node.inputs[0], node)  # the convolution reads around it


def _convert_mean(state: _Conversion, node: Node, name: str) -> str:
    axes = node.attributes.get("axes") or [int(axis) for axis in state.constant(node.inputs[1], node)]
    shape = state.shapes.get(node.inputs[0], ())
    if sorted(axis % 4 for axis in axes) != [2, 3] or len(shape) != 4 or not all(shape[2:]):
        raise ExportError(f"the ONNX node {node.name} is a mean over {list(axes)} of {list(shape)}, expected [2, 3]")
    return _add_mean(state, node, name, keeps=bool(node.attributes.get("keepdims", 1)))


def _convert_global_pool(state: _Conversion, node: Node, name: str) -> str:
    return _add_mean(state, node, name, keeps=True)


def _add_mean(state: _Conversion, node: Node, name: str, *, keeps: bool) -> str:
    _, channels, height, width = state.shapes[node.inputs[0]]
    window = integers(1, height, width, 1)
    pooled = state.graph.add(
        "AvgPool",
        name,
        [state.take(node.inputs[0], node)],
        ksize=window,
        strides=window,
        padding=string("VALID"),
        data_format=string("NHWC"),
    )
    return pooled if keeps else _add_reshape(state, pooled, f"{name}/flat", (-1, channels))


def _convert_flatten(state: _Conversion, node: Node, name: str) -> str:
    _, channels, height, width = state.shapes.get(node.inputs[0], (0, 0, 0, 0))
    if (height, width) != (1, 1):
        raise ExportError(f"the ONNX node {node.name} flattens {height} x {width} pixels, expected one")
    return _add_reshape(state, state.take(node.inputs[0], node), name, (-1, channels))


def _add_reshape(state: _Conversion, source: str, name: str, shape: tuple[int, ...]) -> str:
    return state.graph.add(
        "Reshape", name, [source, state.graph.constant(f"{name}/shape", np.array(shape, np.int32))],
        Tshape={"type": "DT_INT32"},
    )  # fmt: skip


def _convert_gemm(state: _Conversion, node: Node, name: str) -> str:
    node.expect(alpha=1.0, beta=1.0, transA=0)
    weight = state.constant(node.inputs[1], node)
    matrix = weight.T if node.attributes.get("transB", 0) else weight
    bias = state.constant(node.inputs[2], node) if len(node.inputs) > 2 else np.zeros(matrix.shape[1])
    return state.graph.add(
        "_FusedMatMul",
        name,
        [
            state.take(node.inputs[0], node),
            state.graph.constant(f"{name}/weights", matrix),
            state.graph.constant(f"{name}/bias", bias),
        ],
        num_args={"i": "1"},
        fused_ops=strings("BiasAdd"),
        transpose_a={"b": False},
        transpose_b={"b": False},
    )


def _convert_elementwise(state: _Conversion, node: Node, name: str) -> str:
    """Sigmoid, and products and sums of two tensors: the same in both layouts, since a gate is [N, C, 1, 1]."""
    op = {"Sigmoid": "Sigmoid", "Mul": "Mul", "Add": "AddV2"}[node.op]
    return state.graph.add(op, name, [state.take(tensor, node) for tensor in node.inputs])


def _convert_softmax(state: _Conversion, node: Node, name: str) -> str:
    axis = node.attributes.get("axis", -1)
    if axis not in {1, -1}:
        raise ExportError(f"the ONNX node {node.name} is a softmax over axis {axis}, expected the classes")
    return state.graph.add("Softmax", name, [state.take(node.inputs[0], node)])


def _convert_identity(state: _Conversion, node: Node, _name: str) -> str:
    return state.take(node.inputs[0], node)


_RULES: Final[dict[str, Callable[[_Conversion, Node, str], str]]] = {
    "Conv": _convert_convolution,
    "Pad": _convert_padding,
    "ReduceMean": _convert_mean,
    "GlobalAveragePool": _convert_global_pool,
    "Flatten": _convert_flatten,
    "Gemm": _convert_gemm,
    "Sigmoid": _convert_elementwise,
    "Mul": _convert_elementwise,
    "Add": _convert_elementwise,
    "Softmax": _convert_softmax,
    "Identity": _convert_identity,
}


def _padding(pads: list[int]) -> dict[str, Any]:
    if not any(pads):
        return {"padding": string("VALID"), "explicit_paddings": integers()}
    top, left, bottom, right = pads
    return {"padding": string("EXPLICIT"), "explicit_paddings": integers(0, 0, top, bottom, left, right, 0, 0)}
