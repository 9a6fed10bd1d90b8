"""Writes checkpoints of every kind into files, and reads back what the loader says of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from reon_export.checkpoint.efficientnet import torchvision_keys
from reon_export.checkpoint.load import LoadOptions, load_checkpoint
from reon_export.errors import CheckpointError
from reon_export.spec import Layout

State = dict[str, Tensor]


def saved(path: Path, content: object, **options: Any) -> Path:
    """The path, after torch.save."""
    torch.save(content, path, **options)
    return path


def refused(path: Path, **options: Any) -> str:
    """What the loader says of a file that it must refuse, without the folder's name."""
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path, LoadOptions(**options))
    return str(caught.value).replace(str(path), path.name)


def renamed(state: State, layout: Layout) -> State:
    """A state dict under torchvision's names -> the same under those of `layout`."""
    return {theirs: state[own] for theirs, own in torchvision_keys(layout).items()}


def same_weights(model: nn.Module, expected: State) -> bool:
    """Whether every expected tensor is in the model, to the bit."""
    state = model.state_dict()
    return all(torch.equal(state[key], value) for key, value in expected.items())


def skeleton(make: Callable[[], nn.Module]) -> State:
    """A state dict with the right names and shapes, whose tensors take no memory: all are zero."""
    with torch.device("meta"):
        state = make().state_dict()
    return {key: torch.zeros(()).expand(value.shape) for key, value in state.items()}
