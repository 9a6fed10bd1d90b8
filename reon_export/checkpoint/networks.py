"""Finds every EfficientNet-B0 in what a weights file holds, and chooses the one to build: averaged weights first."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import torch
from torch import Tensor

from reon_export.checkpoint.efficientnet import VARIANTS, EfficientNetB0, torchvision_keys
from reon_export.checkpoint.tensor_mappings import tensor_mappings
from reon_export.errors import CheckpointError
from reon_export.spec import Layout

# By names alone "timm" stands for timm_tf as well.
LAYOUTS_BY_NAME: Final = tuple(layout for layout in VARIANTS if layout != "timm_tf")

# Words that mean an average over training steps, in the name of an entry or of a wrapper.
_AVERAGE_WORDS: Final = {"ema", "shadow", "averaged", "average", "averaging", "avg", "swa", "polyak"}
# Where training scripts put the raw weights, the usual place first.
_RAW_ENTRIES: Final = ("", "state_dict", "model_state_dict", "model", "net")
# torch.optim.swa_utils.AveragedModel's count of the averages that it took
_STEP_COUNT: Final = "n_averaged"
# What tools leave in every module: thop's counts, and the counters that only training needs.
_COUNTERS: Final = re.compile(rf"(^|\.)(num_batches_tracked|total_ops|total_params|{_STEP_COUNT})$")


@dataclass(frozen=True)
class StoredNetwork:
    """An EfficientNet-B0, whole or not, as a file holds it.

    Attributes:
        entry: Where in the file it lies, such as "ema.shadow"; empty if at the top.
        prefix: What its tensors' names begin with there, such as "module.backbone.".
        layout: By the names of the tensors; "timm" stands for timm_tf as well.
        trunk: The tensors of the network without its head, under the layout's names.
        around: Every other tensor that lies with it, by its whole name: the head, and what is not of the network.
        is_averaged: Whether its place means an average over training steps.
    """

    entry: str
    prefix: str
    layout: Layout
    trunk: Mapping[str, Tensor]
    around: Mapping[str, Tensor]
    is_averaged: bool


@dataclass(frozen=True)
class Choice:
    """The network that is taken, the other entries that hold one, and what the user has to know about it."""

    network: StoredNetwork
    other_entries: tuple[str, ...]
    notes: tuple[str, ...]


def trunk_shapes(layout: Layout) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor of the network but its head, under the layout's names, in network order."""
    own = _own_shapes()
    return {
        theirs: own[name] for theirs, name in torchvision_keys(layout).items() if not name.startswith("classifier.")
    }


@cache
def _own_shapes() -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {key: tuple(value.shape) for key, value in EfficientNetB0(num_classes=1).state_dict().items()}


def find_networks(content: object) -> list[StoredNetwork]:
    """Every network in a file's content, in stored order; their names fit a layout, their shapes may not."""
    found: list[StoredNetwork] = []
    unnamed: list[tuple[str, dict[str, Tensor]]] = []
    for place, tensors in tensor_mappings(content):
        here = list(_networks_of(place, tensors))
        found += here
        if not here and _means_average(place):
            unnamed.append((place, tensors))
    # torch_ema stores its averages as a list in the order of the parameters, without their names.
    named = (_name_by_order(place, tensors, raw) for place, tensors in unnamed for raw in found)
    return [*found, *(network for network in list(named) if network is not None)]


def choose_network(networks: Sequence[StoredNetwork], content: object, entry: str | None = None) -> Choice:
    """The network to build: `entry` if given, else averaged weights, else the usual entry, else the first.

    Raises:
        CheckpointError: None of the networks lies under `entry`.
    """
    ranked = sorted(networks, key=_rank)
    if entry is not None:
        ranked.sort(key=lambda network: network.entry != entry)
        if ranked[0].entry != entry:
            held = ", ".join(repr(network.entry) for network in networks)
            raise CheckpointError(f"--entry {entry!r} holds no network, expected one of {held}")
    chosen, *others = ranked
    notes = [] if entry is not None or chosen.is_averaged else list(_doubts(chosen, others, content))
    whole, note = _complete(chosen, others)
    return Choice(whole, tuple(other.entry for other in others), (*notes, *note))


def _rank(network: StoredNetwork) -> tuple[bool, bool, int]:
    """B0s first, of them the averaged ones, of them the usual entry; equal ones stay in stored order."""
    usual = _RAW_ENTRIES.index(network.entry) if network.entry in _RAW_ENTRIES else len(_RAW_ENTRIES)
    return not is_b0(network), not network.is_averaged, usual


def is_b0(network: StoredNetwork) -> bool:
    """Whether the tensors that are there, of which some may be missing, have a B0's shapes."""
    shapes = trunk_shapes(network.layout)
    return all(tuple(tensor.shape) == shapes[name] for name, tensor in network.trunk.items())


def _doubts(chosen: StoredNetwork, others: Sequence[StoredNetwork], content: object) -> Iterator[str]:
    """Why raw weights may be the wrong ones."""
    averaged = _find_averages(content)
    if averaged is not None:
        yield f"{averaged!r} seems to hold averaged weights, but not under the network's names: they were not used"
    if others and chosen.entry not in _RAW_ENTRIES:
        yield (
            f"the file holds {len(others) + 1} networks and no name tells which one to take: {chosen.entry!r} was "
            "taken, --entry chooses another"
        )


def _networks_of(place: str, tensors: Mapping[str, Tensor]) -> Iterator[StoredNetwork]:
    """The networks that share one mapping, told apart by their prefixes."""
    counted = {name: tensor for name, tensor in tensors.items() if not _COUNTERS.search(name)}
    found = [(layout, prefix) for layout in LAYOUTS_BY_NAME for prefix in _prefixes(counted, layout)]
    prefixes = [prefix for _, prefix in found]
    for layout, prefix in found:
        names = trunk_shapes(layout)
        trunk = {name: counted[prefix + name] for name in names if prefix + name in counted}
        scope = _scope(prefix, prefixes)
        closed = [_scope(other, prefixes) for other in prefixes if other != prefix]
        around = {
            name: tensor
            for name, tensor in counted.items()
            if name.startswith(scope)
            and not (name.startswith(prefix) and name.removeprefix(prefix) in trunk)
            and not any(name.startswith(other) and len(other) > len(scope) for other in closed)
        }
        entry = ".".join(part for part in (place, scope.rstrip(".") if len(found) > 1 else "") if part)
        counts = (f"{ancestor}{_STEP_COUNT}" for ancestor in ancestors(prefix))
        is_averaged = _means_average(entry) or any(count in tensors for count in counts)
        yield StoredNetwork(entry, prefix, layout, trunk, around, is_averaged)


def ancestors(prefix: str) -> list[str]:
    """The modules around a network, from the inside out: "a.b." -> "a.b.", "a." and ""."""
    parts = prefix.split(".")[:-1]
    return ["".join(f"{part}." for part in parts[:count]) for count in range(len(parts), -1, -1)]


def _scope(prefix: str, prefixes: Sequence[str]) -> str:
    """The outermost module around a network that no other network of the mapping shares."""
    others = [other for other in prefixes if other != prefix]
    alone = [a for a in ancestors(prefix) if not any(other.startswith(a) for other in others)]
    return alone[-1] if alone else prefix


def _prefixes(tensors: Mapping[str, Tensor], layout: Layout) -> list[str]:
    """What stands before this layout's names, one a network: found by its first and its last convolution."""
    first, *_, last = (name for name, shape in trunk_shapes(layout).items() if len(shape) == 4)
    return list(
        dict.fromkeys(
            name.removesuffix(anchor)
            for name in tensors
            for anchor in (first, last)
            if name == anchor or name.endswith(f".{anchor}")
        )
    )


def _means_average(entry: str) -> bool:
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", entry)
    return any(word.lower() in _AVERAGE_WORDS for word in words)


def _find_averages(content: object) -> str | None:
    """A place whose name means an average, with as many tensors as a network has without its statistics."""
    least = sum("running_" not in name for name in trunk_shapes("torchvision"))
    for place, tensors in tensor_mappings(content):
        if _means_average(place) and len(tensors) >= least:
            return place
        inside = [name for name in tensors if _means_average(name)]
        if len(inside) >= least:
            return ".".join(part for part in (place, inside[0]) if part)
    return None


def _name_by_order(place: str, tensors: Mapping[str, Tensor], raw: StoredNetwork) -> StoredNetwork | None:
    """Averages without names, as those of `raw`'s parameters in stored order; None unless every shape fits."""
    stored = {**{raw.prefix + name: tensor for name, tensor in raw.trunk.items()}, **raw.around}
    parameters = {name: tensor for name, tensor in stored.items() if "running_" not in name}
    if [tensor.shape for tensor in parameters.values()] != [tensor.shape for tensor in tensors.values()]:
        return None
    named = dict(zip(parameters, tensors.values(), strict=True))
    made = next(_networks_of(place, named), None)
    return None if made is None else replace(made, is_averaged=True)


def _complete(chosen: StoredNetwork, others: Sequence[StoredNetwork]) -> tuple[StoredNetwork, tuple[str, ...]]:
    """An average with what it leaves out (statistics, frozen weights, the head) from the raw network, and a note."""
    names = trunk_shapes(chosen.layout)
    raw = next((o for o in others if o.layout == chosen.layout and names.keys() <= o.trunk.keys()), None)
    missing = [name for name in names if name not in chosen.trunk]
    lacks_head = not any(tensor.ndim > 1 for tensor in chosen.around.values())
    if not chosen.is_averaged or raw is None or not (missing or lacks_head):
        return chosen, ()
    statistics = sum("running_" in name for name in missing)
    parts = (
        f"{statistics} running statistics" if statistics else "",
        f"{len(missing) - statistics} weights" if len(missing) > statistics else "",
        "the head" if lacks_head else "",
    )
    taken = " and ".join(part for part in parts if part)
    note = f"{chosen.entry!r} does not hold {taken}: taken from {repr(raw.entry) if raw.entry else 'the top level'}"
    trunk = {name: chosen.trunk.get(name, raw.trunk[name]) for name in names}
    around, prefix = (raw.around, raw.prefix) if lacks_head else (chosen.around, chosen.prefix)
    return replace(chosen, trunk=trunk, around=around, prefix=prefix), (note,)
