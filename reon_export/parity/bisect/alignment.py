"""Which tensor of an exported graph is which tensor of PyTorch.

The k-th layer of PyTorch, in the order in which it runs, is the k-th layer of the graph, in the only order that its
data flow allows; the shapes of their kernels must agree, or nothing is aligned. The tensors between layers follow from
the layers: what a layer takes is the activation, the mean or the sum before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from reon_export.errors import ParityError
from reon_export.parity.bisect.dataflow import MEANS, Dataflow, GraphNode

if TYPE_CHECKING:
    from reon_export.parity.bisect.layers import Layer, Trace

Side = Literal["before_mean", "input", "output", "gate", "probabilities"]

# What PyTorch hands to a layer, by the layer's part. The first layer of a block takes the result of the block before.
_INPUTS = {
    "depthwise": "expand, activated",
    "reduce": "mean",
    "gate": "reduce, activated",
    "project": "gated",
    "linear": "mean",
}
_BEFORE_MEANS = {"reduce": "depthwise, activated", "linear": "conv, activated"}


@dataclass(frozen=True)
class Point:
    """A node of the graph, and which side of PyTorch's layer number `layer` its result must equal.

    `fed_by` is the tensor that a layer takes, paddings left out; "" for the first layer and for what is no layer.
    """

    block: str
    part: str
    node: GraphNode
    layer: int
    side: Side
    fed_by: str = ""


def align(layers: "tuple[Layer, ...]", trace: "Trace", dataflow: Dataflow, probabilities: str) -> tuple[Point, ...]:
    """Every comparable point in the order of the data flow.

    `trace` is any pass through the network (it shows which layers share a tensor), `probabilities` the name of the
    graph's output. Raises ParityError, with both sequences where they part, if the graph has other layers.
    """
    nodes = dataflow.layers()
    _check_same_layers(layers, nodes, dataflow.runtime)
    points: list[Point] = []
    for index, node in enumerate(nodes):
        points += _points_of_layer(index, layers, trace, dataflow, node)
    points.append(Point("head", "probabilities", dataflow.source(probabilities), len(layers) - 1, "probabilities"))
    return tuple(points)


def _points_of_layer(
    index: int, layers: "tuple[Layer, ...]", trace: "Trace", dataflow: Dataflow, node: GraphNode
) -> Iterator[Point]:
    layer = layers[index]
    if index > 0 and trace.layers[index].input is not trace.layers[index - 1].output:
        before = layers[index - 1]
        is_first = before.block != layer.block
        block = before.block if is_first else layer.block
        part = "result" if is_first else _INPUTS[layer.part]
        source = dataflow.source(node.inputs[0])
        if trace.layers[index].before_mean is not None:
            if source.op not in MEANS:
                raise ParityError(
                    f"the {dataflow.runtime} node {source.output} before the {layer.block} {layer.part} layer is a "
                    f"{source.op}, expected a mean over height and width"
                )
            yield Point(block, _BEFORE_MEANS[layer.part], dataflow.source(source.inputs[0]), index, "before_mean")
        yield Point(block, part, source, index, "input")
    fed_by = dataflow.source(node.inputs[0]).output if index > 0 else ""
    yield Point(layer.block, layer.part, node, index, "output", fed_by)
    if layer.part == "gate" and not node.activation:
        for consumer in dataflow.consumers(node.output):
            if consumer.op == "Sigmoid":
                yield Point(layer.block, "gate, activated", consumer, index, "gate")


def _check_same_layers(layers: "tuple[Layer, ...]", nodes: tuple[GraphNode, ...], runtime: str) -> None:
    for number, (layer, node) in enumerate(zip(layers, nodes, strict=False), 1):
        if layer.kernel != node.kernel:
            raise ParityError(
                f"layer {number} of the {runtime} graph is {node.output} with a kernel {list(node.kernel or ())}, "
                f"PyTorch's is {layer.block} {layer.part} with {list(layer.kernel)}: another network, or another order"
            )
    if len(layers) != len(nodes):
        raise ParityError(f"the {runtime} graph has {len(nodes)} layers, PyTorch has {len(layers)}: another network")
