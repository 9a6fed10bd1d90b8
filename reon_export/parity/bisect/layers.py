"""The reference side of a bisection: PyTorch's layers in the order in which they run, and what each takes and gives."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from reon_export.checkpoint.efficientnet import EfficientNetB0, InvertedResidual, SqueezeExcite
from reon_export.errors import ParityError

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

    from reon_export.checkpoint.classifier_graph import ClassifierGraph


_Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]


@dataclass(frozen=True)
class Layer:
    """A convolution (with its batch norm, which every export folds into it) or the linear layer.

    `block` is `stem`, `block 1` to `block 16` or `head`; `part` is what the layer does in it.
    """

    block: str
    part: str
    weighted: nn.Conv2d | nn.Linear
    norm: nn.BatchNorm2d | None

    @property
    def kernel(self) -> tuple[int, ...]:
        """Shape of the weight: (out, in / groups, height, width), or (out, in)."""
        return tuple(self.weighted.weight.shape)

    def apply(self, values: Tensor) -> Tensor:
        """The layer alone, on any input: NCHW (or [N, in]) in and out."""
        result: Tensor = self.weighted(values)
        return result if self.norm is None else self.norm(result)

    def bias(self) -> Tensor:
        """What a folded export adds at the end, in a shape that broadcasts over the output."""
        own = self.weighted.bias
        if self.norm is not None:
            mean, variance = self.norm.running_mean, self.norm.running_var
            if mean is None or variance is None or own is not None:
                raise ParityError(f"the {self.block} {self.part} layer has no folded bias that could be compared")
            own = self.norm.bias - mean * self.norm.weight / torch.sqrt(variance + self.norm.eps)
        if own is None:
            raise ParityError(f"the {self.block} {self.part} layer has no bias to compare")
        return own if isinstance(self.weighted, nn.Linear) else own.view(1, -1, 1, 1)


@dataclass(frozen=True)
class LayerTrace:
    """What went through a layer: its input, its output after the norm, and the tensor whose mean its input is."""

    input: Tensor
    output: Tensor
    before_mean: Tensor | None


@dataclass(frozen=True)
class Trace:
    """One pass through the network, layer by layer in order, NCHW; `probabilities` is [1, classes]."""

    layers: tuple[LayerTrace, ...]
    probabilities: Tensor


def list_layers(network: nn.Module) -> tuple[Layer, ...]:
    """The 82 layers of an EfficientNetB0 in the order in which they run. Raises ParityError for another network."""
    if not isinstance(network, EfficientNetB0):
        raise ParityError(f"cannot bisect a {type(network).__name__}, expected an EfficientNetB0")
    return tuple(_walk(network))


def _walk(network: EfficientNetB0) -> Iterator[Layer]:
    stem, *stages, head = network.features
    yield _conv_norm("stem", "conv", stem)
    blocks = [block for stage in stages for block in stage.children() if isinstance(block, InvertedResidual)]
    for number, block in enumerate(blocks, 1):
        name, parts = f"block {number}", list(block.block)
        if len(parts) == 4:
            yield _conv_norm(name, "expand", parts.pop(0))
        depthwise, excite, project = parts
        yield _conv_norm(name, "depthwise", depthwise)
        if not isinstance(excite, SqueezeExcite):
            raise ParityError(f"{name} has a {type(excite).__name__} where its squeeze-and-excite should be")
        yield Layer(name, "reduce", excite.fc1, None)
        yield Layer(name, "gate", excite.fc2, None)
        yield _conv_norm(name, "project", project)
    yield _conv_norm("head", "conv", head)
    linear = network.classifier[1]
    if not isinstance(linear, nn.Linear):
        raise ParityError(f"the head ends in a {type(linear).__name__}, expected a linear layer")
    yield Layer("head", "linear", linear, None)


def _conv_norm(block: str, part: str, pair: nn.Module) -> Layer:
    convolution, norm, *_ = pair.children()
    if not isinstance(convolution, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d):
        raise ParityError(f"{block} {part} is not a convolution and a batch norm")
    return Layer(block, part, convolution, norm)


class _Recorder:
    """Forward hooks that keep what flows, in the order in which it does."""

    def __init__(self, layers: tuple[Layer, ...]) -> None:
        self.order: list[int] = []
        self.inputs: dict[int, Tensor] = {}
        self.outputs: dict[int, Tensor] = {}
        self.before_mean: dict[int, Tensor] = {}
        self._layers = layers

    def attach(self, network: EfficientNetB0) -> Iterator["RemovableHandle"]:
        for index, layer in enumerate(self._layers):
            yield layer.weighted.register_forward_hook(self._keep_input(index, self.inputs))
            yield (layer.norm or layer.weighted).register_forward_hook(self._keep_output(index, self.outputs))
        # A squeeze-and-excite starts with the mean of its input, the head ends with that of what the features give.
        reducers: dict[nn.Module, int] = {layer.weighted: index for index, layer in enumerate(self._layers)}
        for module in network.modules():
            if isinstance(module, SqueezeExcite):
                yield module.register_forward_hook(self._keep_input(reducers[module.fc1], self.before_mean))
        yield network.features.register_forward_hook(self._keep_output(len(self._layers) - 1, self.before_mean))

    def _keep_input(self, index: int, kept: dict[int, Tensor]) -> _Hook:
        def hook(_module: nn.Module, arguments: tuple[Tensor, ...], _output: Tensor) -> None:
            kept[index] = arguments[0]
            if kept is self.inputs:
                self.order.append(index)

        return hook

    def _keep_output(self, index: int, kept: dict[int, Tensor]) -> _Hook:
        def hook(_module: nn.Module, _arguments: tuple[Tensor, ...], output: Tensor) -> None:
            kept[index] = output

        return hook


def trace_layers(graph: "ClassifierGraph", layers: tuple[Layer, ...], crop_nchw: Tensor) -> Trace:
    """Run one crop (float32 [1, 3, H, W], RGB 0..255) and keep every layer's input and output.

    Raises ParityError if the layers do not run in the order in which `list_layers` gives them.
    """
    network = graph.network
    if not isinstance(network, EfficientNetB0):
        raise ParityError(f"cannot bisect a {type(network).__name__}, expected an EfficientNetB0")
    recorder = _Recorder(layers)
    with ExitStack() as stack:
        for handle in recorder.attach(network):
            stack.callback(handle.remove)
        with torch.inference_mode():
            _, probabilities = graph(crop_nchw)
    if recorder.order != list(range(len(layers))):
        raise ParityError("the network's layers ran in another order than they are listed in; nothing was compared")
    return Trace(
        layers=tuple(
            LayerTrace(recorder.inputs[index], recorder.outputs[index], recorder.before_mean.get(index))
            for index in range(len(layers))
        ),
        probabilities=probabilities,
    )
