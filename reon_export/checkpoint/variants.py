"""Settles what the names of the tensors leave open: which of timm's two networks, and efficientnet_pytorch's size.

timm's `efficientnet_b0` and its `tf_efficientnet_b0` have tensors of the same names and shapes. efficientnet_pytorch
fixes its padding for the image size that a network was made with, which no tensor shows.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from reon_export.checkpoint.efficientnet import DEFAULT_IMAGE_SIZE, VARIANTS, Variant, network_from_weights
from reon_export.spec import Layout

Source = Literal["keys", "argument", "metadata", "file name", "statistics", "assumed"]


@dataclass(frozen=True)
class Decision:
    """What was settled, and how.

    Attributes:
        layout: Whose implementation the weights belong to.
        variant: Its rules.
        source: What decided. "assumed" means that nothing did.
        note: One sentence for the user.
    """

    layout: Layout
    variant: Variant
    source: Source
    note: str


def tell_timm_variant(
    file_name: str, architecture: str, state: Mapping[str, Tensor], crops_nchw: Tensor | None
) -> Decision:
    """Settle "timm" or "timm_tf".

    Args:
        file_name: Of the weights file; "tf_efficientnet" in it counts.
        architecture: What the file, or the config.json beside it, gives as its network; empty if nothing.
        state: float32 weights and statistics under torchvision's names.
        crops_nchw: Real face crops for `compare_variants`, or None to do without.
    """
    named = re.search(r"(?:^|[/:])(tf_)?efficientnet_b0", architecture)
    if named:
        layout: Layout = "timm_tf" if named[1] else "timm"
        return _decision(layout, "metadata", f'the file or its config.json names "{architecture}"')
    if "tf_efficientnet" in file_name:
        return _decision("timm_tf", "file name", "the name of the file contains tf_efficientnet")
    better = None if crops_nchw is None else compare_variants(state, VARIANTS["timm"], VARIANTS["timm_tf"], crops_nchw)
    if better is not None:
        layout = "timm" if better == VARIANTS["timm"] else "timm_tf"
        return _decision(layout, "statistics", "its batch-norm statistics fit face crops better than the other's")
    return _decision(
        "timm",
        "assumed",
        "timm's efficientnet_b0 was assumed, because tf_efficientnet_b0 has the same tensors and the batch-norm "
        "statistics did not tell; if it is that one, pass --layout timm_tf",
    )


def _decision(layout: Layout, source: Source, note: str) -> Decision:
    return Decision(layout, VARIANTS[layout], source, note)


def tell_image_size(state: Mapping[str, Tensor], crops_nchw: Tensor | None) -> Decision:
    """Settle the image size that an efficientnet_pytorch network was made with: its default, or that of the crops.

    Args:
        state: float32 weights and statistics under torchvision's names.
        crops_nchw: Real face crops for `compare_variants`, or None to do without.
    """
    layout: Layout = "efficientnet_pytorch"
    default = VARIANTS[layout]
    if crops_nchw is None:
        better = None
    else:
        own = replace(default, image_size=crops_nchw.shape[2])
        if own.paddings() == default.paddings():
            note = f"an image size of {own.image_size} pads like the default {default.image_size}"
            return Decision(layout, default, "keys", note)
        better = compare_variants(state, default, own, crops_nchw)
    if better is not None:
        note = f"its batch-norm statistics fit padding for {better.image_size}-pixel images better"
        return Decision(layout, better, "statistics", note)
    note = (
        f"padding for {DEFAULT_IMAGE_SIZE}-pixel images was assumed, efficientnet_pytorch's default, because the "
        "batch-norm statistics did not tell; if the network was made with another image_size, pass --image-size"
    )
    return Decision(layout, default, "assumed", note)


def compare_variants(
    state: Mapping[str, Tensor], first: Variant, second: Variant, crops_nchw: Tensor
) -> Variant | None:
    """The one of two variants whose batch norms see what they remember when real faces pass, or None if unclear.

    Each of the 49 batch norms gives a divergence of the observed from the stored means and variances. Two numbers
    decide: the share of layers, among those where the two differ, in which `first` diverges less, and how many times
    `first`'s mean divergence over these is `second`'s.

    Measured, with faces that the statistics had not seen, at the size of training. timm is right: share 43 to 49 of
    49 and ratio 0.2 to 0.9 on varied faces (reon-demo-b0, its statistics recalculated, random weights with
    recalculated statistics); reon-demo-b0 on augmented crops of four photographs 33 to 37 and 0.9 to 1.1. timm_tf
    is right: share 0 to 2 and ratio 10 to 490 (recalculated; random; fine-tuned for 100 steps). At half, 1.4 times
    or twice that size: timm 26 to 46 and up to 1.03, timm_tf 0 to 27 and at least 4. The limits lie between; no
    case came out wrong, some came out None. Noise instead of faces does not work: it calls timm_tf timm.

    efficientnet_pytorch with recalculated statistics, made for 64 to 224 pixels (no tensor of 15 layers behind the last
    stride differs among these) against 112, at 112: 224 is right: share 0.87 to 1 and ratio 0.08 to 0.74; 112 is
    right: share 0 and ratio 1.7 to 10.

    Args:
        state: float32 weights and statistics under torchvision's names.
        first: The default of the two: it needs less evidence.
        second: The other.
        crops_nchw: Real face crops, float32 [N, 3, H, W], RGB, normalised, of the size used in training.
    """
    with torch.inference_mode():
        ours = _divergences(network_from_weights(state, first), crops_nchw)
        theirs = _divergences(network_from_weights(state, second), crops_nchw)
    differ = ours != theirs
    share = float((ours < theirs)[differ].float().mean())
    ratio = float(ours[differ].mean() / theirs[differ].mean())
    if share >= 0.6 and ratio <= 1.25:
        return first
    if share <= 0.5 and ratio >= 1.5:
        return second
    return None


def _divergences(model: nn.Module, crops_nchw: Tensor) -> Tensor:
    """Per batch norm: mean Kullback-Leibler divergence of the observed from the stored normal distributions."""
    found: list[Tensor] = []

    def compare(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        tiny = 1e-12
        statistics = module.state_dict()
        stored = statistics["running_var"] + tiny
        mean, variance = inputs[0].mean(dim=(0, 2, 3)), inputs[0].var(dim=(0, 2, 3)) + tiny
        ratio = (variance + (mean - statistics["running_mean"]) ** 2) / stored
        # A dead channel may diverge without bound; 50 keeps one channel from deciding for its layer.
        found.append((0.5 * (torch.log(stored / variance) + ratio - 1)).clamp(max=50).mean())

    hooks = [part.register_forward_pre_hook(compare) for part in model.modules() if isinstance(part, nn.BatchNorm2d)]
    model(crops_nchw)
    for hook in hooks:
        hook.remove()
    return torch.stack(found)
