"""A weights file -> EfficientNet-B0 in eval mode, or an error that names what is wrong with the file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

import torch
from torch import Tensor, nn

from reon_export.checkpoint.efficientnet import VARIANTS, EfficientNetB0, network_from_weights, torchvision_keys
from reon_export.checkpoint.other_architectures import name_other_architecture
from reon_export.checkpoint.timm_variant import VariantSource, tell_timm_variant
from reon_export.checkpoint.weights_file import StoredWeights, read_weights
from reon_export.errors import CheckpointError
from reon_export.spec import Layout

LayoutSource = Literal["keys", "argument"] | VariantSource

_UNTRAINED_RANGE: Final = 1e-3


@dataclass(frozen=True)
class Checkpoint:
    """A loaded weights file.

    Attributes:
        path: The file.
        sha256: Of the file's bytes, in hexadecimal.
        layout: Whose implementation the weights belong to, hence padding rule and batch-norm epsilon.
        layout_source: What decided it. "assumed" means that nothing did: see `layout_note`.
        layout_note: One sentence on how the layout was found, for the user.
        weights_key: Where in the file the weights lay, such as "state_dict_ema"; empty if at the top.
        num_classes: Outputs of the classifier.
        model: float32, eval mode, no gradients; normalised NCHW RGB -> logits [N, num_classes].
    """

    path: Path
    sha256: str
    layout: Layout
    layout_source: LayoutSource
    layout_note: str
    weights_key: str
    num_classes: int
    model: nn.Module


def load_checkpoint(
    stored: Path | StoredWeights, *, layout: Layout | None = None, crops_nchw: Tensor | None = None
) -> Checkpoint:
    """Load an EfficientNet-B0 from a .pt, .pth or .safetensors file (the content decides, not the name).

    The file may hold a state dict or nest it under state_dict, model, model_state_dict, ema, net and the
    like; keys may carry the prefixes "module.", "model." and "_orig_mod."; weights may be float16, bfloat16,
    float32 or float64.

    The layout comes from the names of the tensors. timm's `efficientnet_b0` and `tf_efficientnet_b0` have the
    same names and shapes; these two are told apart, in this order, by `layout`, by what the file says of
    itself (timm's training script stores the name), by "tf_efficientnet" in the file's name, and by the
    batch-norm statistics if `crops_nchw` is given (see `layout_by_statistics`). If none of it decides,
    "timm" is assumed and `layout_source` says so.

    efficientnet_pytorch fixes its padding for an image size that the file does not hold: 224, its default, is
    taken.

    Args:
        stored: The weights file, or what `read_weights` read of it.
        layout: Overrides the recognition; must fit the names of the tensors.
        crops_nchw: Real face crops, float32 [N, 3, H, W], RGB, normalised, of the size used in training; 16
        do.

    Raises:
        CheckpointError: The file cannot be read, or does not hold a sound EfficientNet-B0.
    """
    if layout is not None and layout not in get_args(Layout):
        raise CheckpointError(f"unknown layout {layout!r}: expected one of {', '.join(get_args(Layout))}")
    weights = stored if isinstance(stored, StoredWeights) else read_weights(stored)
    path = weights.path
    found, num_classes = _recognise(path, weights.tensors)
    state = _to_float32(path, weights.tensors, torchvision_keys(found))
    found, source, note = _decide_layout(path, found, layout, weights, state, crops_nchw)
    model = network_from_weights(state, found)
    return Checkpoint(
        path=path,
        sha256=weights.sha256,
        layout=found,
        layout_source=source,
        layout_note=note,
        weights_key=weights.key,
        num_classes=num_classes,
        model=model,
    )


def is_untrained(model: nn.Module, batch_nchw: Tensor) -> bool:
    """Whether the answer hardly depends on the face: comparing runtimes on such a model proves nothing.

    True if no class's probability moves by 0.001 or more over the crops. Measured on 32 face crops at 112x112
    and 12 at 224x224, the largest movement of any class: reon-demo-b0 0.97 and 0.15; its trunk under a fresh
    `nn.Linear` head 0.016 to 0.020 and 0.006; freshly initialised torchvision, timm (both),
    efficientnet_pytorch and this network, two seeds each: 0 to 0.00004. It cannot see random weights whose
    batch-norm statistics were taken from real images (0.08 to 0.87).

    Args:
        model: In eval mode, batch_nchw -> logits.
        batch_nchw: At least two different face crops, float32 [N, 3, H, W], RGB, normalised.
    """
    if len(batch_nchw) < 2:
        raise ValueError("is_untrained needs at least two crops")
    with torch.inference_mode():
        probabilities = torch.cat([model(chunk).softmax(dim=1) for chunk in torch.split(batch_nchw, 16)])
    movement = probabilities.amax(dim=0) - probabilities.amin(dim=0)
    return float(movement.max()) < _UNTRAINED_RANGE


def _recognise(path: Path, tensors: Mapping[str, Tensor]) -> tuple[Layout, int]:
    """The layout by names ("timm" also for timm_tf) and the number of classes; raises unless all tensors fit."""
    names = {layout: torchvision_keys(layout) for layout in VARIANTS if layout != "timm_tf"}
    layout = max(names, key=lambda candidate: len(names[candidate].keys() & tensors.keys()))
    own_shapes = _own_shapes()
    expected = {theirs: own_shapes[own] for theirs, own in names[layout].items()}
    *_, weight, bias = expected  # of the classifier
    shape = tuple(tensors[weight].shape) if weight in tensors else ()
    num_classes = shape[0] if shape else 1
    expected |= {weight: (num_classes, *expected[weight][1:]), bias: (num_classes,)}
    differences = list(_differences(expected, tensors))
    if differences:
        what = name_other_architecture(tensors)
        subject = f"holds {what}" if what else f"does not fit {layout}'s EfficientNet-B0"
        more = f"; {len(differences) - 3} more" if len(differences) > 3 else ""
        raise CheckpointError(
            f"{path} {subject}, expected an EfficientNet-B0: {'; '.join(differences[:3])}{more}. "
            "Export the B0's own state dict, classifier included"
        )
    return layout, num_classes


@cache
def _own_shapes() -> dict[str, tuple[int, ...]]:
    """The shape of every tensor of the network with one class, under torchvision's names."""
    with torch.device("meta"):
        return {key: tuple(value.shape) for key, value in EfficientNetB0(num_classes=1).state_dict().items()}


def _differences(expected: Mapping[str, tuple[int, ...]], tensors: Mapping[str, Tensor]) -> Iterator[str]:
    """In words: wrong shapes first, then one missing and one unexpected name, so that both kinds are seen."""
    for key, shape in expected.items():
        if key in tensors and tuple(tensors[key].shape) != shape:
            yield f"{key} expected {list(shape)}, got {list(tensors[key].shape)}"
    missing = [f"{key} expected {list(shape)}, is missing" for key, shape in expected.items() if key not in tensors]
    extra = [f"{key} {list(value.shape)} is unexpected" for key, value in tensors.items() if key not in expected]
    yield from (missing[:1] + extra[:1] + missing[1:] + extra[1:])


def _to_float32(path: Path, tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    """The state dict under torchvision's names, float32; raises on weights that are no numbers."""
    state = {}
    for theirs, own in names.items():
        tensor = tensors[theirs]
        if not tensor.is_floating_point():
            raise CheckpointError(
                f"{path}: {theirs} is {tensor.dtype}, expected floating-point weights: export the model unquantised"
            )
        value = tensor.to(torch.float32)
        if not bool(value.isfinite().all()):
            nans, infinities = int(value.isnan().sum()), int(value.isinf().sum())
            raise CheckpointError(
                f"{path}: {theirs} holds {nans} NaN and {infinities} infinite of {value.numel()} values: "
                "the training diverged or the file is damaged; use an earlier checkpoint"
            )
        state[own] = value
    return state


def _decide_layout(
    path: Path,
    found: Layout,
    wanted: Layout | None,
    weights: StoredWeights,
    state: Mapping[str, Tensor],
    crops_nchw: Tensor | None,
) -> tuple[Layout, LayoutSource, str]:
    """Settle what the names of the tensors leave open; with what settled it and one sentence for the user."""
    if wanted is not None:
        if wanted != found and {wanted, found} != {"timm", "timm_tf"}:
            raise CheckpointError(f"{path} has {found}'s names of tensors, but the layout {wanted} was asked for")
        return wanted, "argument", "the layout was given"
    if found != "timm":
        return found, "keys", "the names of the tensors tell the layout"
    return tell_timm_variant(path, weights.architecture, state, crops_nchw)
