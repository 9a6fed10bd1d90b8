"""Names for the nodes of the network, by what they do: `stem.conv`, `block4.project`, `block4.sum`, `logits`.

Blocks are numbered and parts called as in `parity.bisect.layers`. Only the order of the layers and what nodes read
decides, so that every checkpoint layout gets the same names.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

_LAYERS = {"Conv", "Gemm"}


class NamedNode(Protocol):
    """What a name is found from: ONNX's operator, what it reads and gives, its attributes."""

    @property
    def op(self) -> str: ...  # noqa: D102
    @property
    def inputs(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def output(self) -> str: ...  # noqa: D102
    @property
    def attributes(self) -> Mapping[str, Any]: ...  # noqa: D102


def name_nodes(nodes: Sequence[NamedNode], outputs: Sequence[str]) -> dict[str, str]:
    """Names by the nodes' results, all different; the graph's outputs keep theirs."""
    sigmoid_of = {node.output: node.inputs[0] for node in nodes if node.op == "Sigmoid"}
    layers = dict(zip((node.output for node in nodes if node.op in _LAYERS), _name_layers(nodes), strict=True))
    names: dict[str, str] = {}
    taken = set(outputs)
    layer = "input"
    for node in nodes:
        layer = layers.get(node.output, layer)
        name = _name_node(node, layer, sigmoid_of)
        name = node.output if node.output in outputs else next(one for one in _numbered(name) if one not in taken)
        taken.add(name)
        names[node.output] = name
    return names


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1


def _name_node(node: NamedNode, layer: str, sigmoid_of: Mapping[str, str]) -> str:
    block = layer.split(".", maxsplit=1)[0]
    if node.op in _LAYERS:
        return layer
    if node.op == "Mul":
        is_silu = any(sigmoid_of.get(tensor) in node.inputs for tensor in node.inputs)
        return f"{layer}/silu" if is_silu else f"{block}.gated"
    if node.op in {"ReduceMean", "GlobalAveragePool"}:
        return f"{block}.mean"
    return f"{block}.sum" if node.op == "Add" else f"{layer}/{node.op.lower()}"


def _name_layers(nodes: Sequence[NamedNode]) -> Iterator[str]:
    """A depthwise convolution makes a block: what is before it expands, the three after it are known by their order."""
    layers = [node for node in nodes if node.op in _LAYERS]
    is_depthwise = [int(node.attributes.get("group", 1)) > 1 for node in layers]
    block = 0
    since_depthwise = 0
    for index, node in enumerate(layers):
        since_depthwise += 1
        follows = index + 1 < len(layers) and is_depthwise[index + 1]
        if node.op == "Gemm":
            yield "head.linear"
        elif index == 0:
            yield "stem.conv"
        elif is_depthwise[index]:
            if since_depthwise != 1:  # not after its own expansion
                block += 1
            since_depthwise = 0
            yield f"block{block}.depthwise"
        elif follows:
            block += 1
            since_depthwise = 0
            yield f"block{block}.expand"
        elif 1 <= since_depthwise <= 3:
            yield f"block{block}.{('reduce', 'gate', 'project')[since_depthwise - 1]}"
        else:
            yield "head.conv"
