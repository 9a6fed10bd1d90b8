"""The head of a network: the one linear layer among the tensors that lie around the trunk, and what is not of it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torch import Tensor

from reon_export.checkpoint.efficientnet import HEAD_WIDTH
from reon_export.checkpoint.networks import StoredNetwork, ancestors, trunk_shapes
from reon_export.errors import CheckpointError

# What people call the module of the head, in a network and beside one. Any other name is taken if it is the only one.
_HEAD_NAMES: Final = {"classifier", "fc", "_fc", "head"}
# Modules that may hold a matrix and are no layer of the network.
_NO_LAYER: Final = re.compile(r"loss|criterion|metric|acc|center|centre", re.IGNORECASE)


@dataclass(frozen=True)
class Head:
    """The last layer, as it is stored.

    Attributes:
        name: Of its weight in the file.
        weight: [classes, 1280].
        bias: [classes], or None if the layer was made without one.
        left_out: Names of the tensors that belong to neither trunk nor head.
    """

    name: str
    weight: Tensor
    bias: Tensor | None
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class _Module:
    """What lies under one name beside the trunk: its tensors, and the weights of its linear layers in order."""

    name: str
    tensors: Mapping[str, Tensor]
    linear: Mapping[str, Tensor]

    @property
    def sizes(self) -> str:
        """Like "1280 → 512 → 7"."""
        weights = list(self.linear.values())
        return " → ".join(str(size) for size in (weights[0].shape[1], *(weight.shape[0] for weight in weights)))

    @property
    def takes(self) -> int:
        return next(iter(self.linear.values())).shape[1]


def find_head(path: Path, network: StoredNetwork) -> Head:
    """The linear layer that follows the trunk.

    Raises:
        CheckpointError: There is none, it has hidden layers, or more than one fits.
    """
    modules = list(_modules(network))
    candidates = [module for module in modules if module.linear and module.name.rpartition(".")[2] in _HEAD_NAMES]
    candidates = candidates or [
        m for m in modules if m.linear and m.takes == HEAD_WIDTH and not _NO_LAYER.search(m.name)
    ]
    if not candidates:
        raise CheckpointError(
            f"{path} holds an EfficientNet-B0 without its last layer, expected one linear layer "
            f"[classes, {HEAD_WIDTH}] such as {usual_name(network)}: save the whole classifier's state dict"
        )
    module = candidates[0]
    after = _follower(module, modules)
    if after is not None:
        raise _hidden(path, f"{module.name}, {after.name}", f"{module.sizes} → {_outputs(after)}")
    if len(candidates) > 1:
        listed = " and ".join(f"{candidate.name} ({candidate.sizes})" for candidate in candidates)
        raise CheckpointError(
            f"{path} holds {len(candidates)} heads, {listed}, expected one: "
            "delete the tensors of the one that is not used and save the file again"
        )
    return _read_head(path, module, network)


def stray_names(network: StoredNetwork) -> list[str]:
    """Tensors inside the trunk's own modules that a B0 does not have."""
    roots = {name.partition(".")[0] for name in trunk_shapes(network.layout)}
    inside = (name for name in network.around if name.startswith(network.prefix))
    return [name for name in inside if name.removeprefix(network.prefix).partition(".")[0] in roots]


def _read_head(path: Path, module: _Module, network: StoredNetwork) -> Head:
    (name, weight), *more = module.linear.items()
    bias_name = f"{name.removesuffix('weight')}bias"
    rest = [other for other in module.tensors if other not in (name, bias_name)]
    if more or rest:
        norms = f" with {', '.join(rest[:2])}" if not more else ""
        raise _hidden(path, module.name, module.sizes + norms)
    if weight.shape[1] != HEAD_WIDTH:
        raise CheckpointError(
            f"{path}: {name} expected [classes, {HEAD_WIDTH}], got {list(weight.shape)}: "
            "the head does not follow an EfficientNet-B0's trunk"
        )
    strays = stray_names(network)
    left_out = [other for other in network.around if other not in module.tensors and other not in strays]
    return Head(name, weight.flatten(1), module.tensors.get(bias_name), tuple(left_out))


def _hidden(path: Path, name: str, sizes: str) -> CheckpointError:
    return CheckpointError(
        f"{path} has a head with hidden layers ({name}: {sizes}), expected one linear layer from {HEAD_WIDTH}: the "
        "weights do not show the activation between the layers. Train one nn.Linear on the frozen trunk instead"
    )


def _modules(network: StoredNetwork) -> Iterator[_Module]:
    """The modules beside the trunk, in stored order."""
    strays = set(stray_names(network))
    grouped: dict[str, dict[str, Tensor]] = {}
    for name, tensor in network.around.items():
        if name not in strays:
            around = next(ancestor for ancestor in ancestors(network.prefix) if name.startswith(ancestor))
            root = around + name.removeprefix(around).partition(".")[0]
            grouped.setdefault(root, {})[name] = tensor
    for root, tensors in grouped.items():
        linear = {name: tensors[name] for name in sorted(tensors, key=_natural) if _is_linear(name, tensors[name])}
        yield _Module(root, tensors, linear)


def _is_linear(name: str, tensor: Tensor) -> bool:
    """A matrix, or a convolution of one pixel, which on the pooled features is the same."""
    is_matrix = tensor.ndim == 2 or (tensor.ndim == 4 and tensor.shape[2:] == (1, 1))
    return name.rpartition(".")[2] == "weight" and is_matrix and tensor.is_floating_point()


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts "fc.10" behind "fc.2"."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]


def _outputs(module: _Module) -> int:
    *_, last = module.linear.values()
    return last.shape[0]


def _follower(module: _Module, modules: Sequence[_Module]) -> _Module | None:
    """Another module that takes what this one gives: the first is then a hidden layer."""
    return next(
        (
            other
            for other in modules
            if other is not module
            and other.linear
            and not _NO_LAYER.search(other.name)
            and other.takes == _outputs(module) != _outputs(other)
        ),
        None,
    )


def usual_name(network: StoredNetwork) -> str:
    """The name of the head's weight where the original implementation has it."""
    names = {"torchvision": "classifier.1.weight", "efficientnet_pytorch": "_fc.weight"}
    return network.prefix + names.get(network.layout, "classifier.weight")
