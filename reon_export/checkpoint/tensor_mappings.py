"""Finds the tensors in the nested data that a training script saved."""

from collections.abc import Iterator, Mapping
from typing import Final

from torch import Tensor

_MAX_DEPTH: Final = 6  # of mappings and lists in each other; training scripts nest three or four


def tensor_mappings(content: object) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Every mapping in `content` that holds named tensors: its dotted place ("" for the top) and these tensors.

    A list of tensors counts as a mapping from "0", "1" and so on, because some averages are stored without names.
    """
    yield from _walk(content, "", 0, set())


def _walk(content: object, place: str, depth: int, seen: set[int]) -> Iterator[tuple[str, dict[str, Tensor]]]:
    # A pickle may hold itself: each mapping is entered once.
    if depth > _MAX_DEPTH or not isinstance(content, Mapping | list | tuple) or id(content) in seen:
        return
    seen.add(id(content))
    pairs = content.items() if isinstance(content, Mapping) else ((str(i), item) for i, item in enumerate(content))
    named = {key: value for key, value in pairs if isinstance(key, str)}
    tensors = {key: value for key, value in named.items() if isinstance(value, Tensor)}
    if tensors:
        yield place, tensors
    for key, value in named.items():
        yield from _walk(value, f"{place}.{key}" if place else key, depth + 1, seen)
