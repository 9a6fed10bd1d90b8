"""Tells timm's `efficientnet_b0` from its `tf_efficientnet_b0`, whose tensors have the same names and shapes."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from reon_export.checkpoint.efficientnet import network_from_weights
from reon_export.spec import Layout

VariantSource = Literal["metadata", "file name", "statistics", "assumed"]


def tell_timm_variant(
    path: Path, architecture: str, state: Mapping[str, Tensor], crops_nchw: Tensor | None
) -> tuple[Layout, VariantSource, str]:
    """Settle "timm" or "timm_tf"; with what settled it and one sentence for the user.

    Args:
        path: The weights file; "tf_efficientnet" in its name counts.
        architecture: What the file says it is; empty if it says nothing.
        state: float32 weights and statistics under torchvision's names.
        crops_nchw: Real face crops for `layout_by_statistics`, or None to do without.
    """
    named = re.search(r"(?:^|[/:])(tf_)?efficientnet_b0", architecture)
    if named:
        layout: Layout = "timm_tf" if named[1] else "timm"
        return layout, "metadata", f'the file says that it is "{architecture}"'
    if "tf_efficientnet" in path.name:
        return "timm_tf", "file name", "the file's name says tf_efficientnet"
    decided = None if crops_nchw is None else layout_by_statistics(state, crops_nchw)
    if decided is not None:
        return (
            decided,
            "statistics",
            "the batch-norm statistics fit this layout on face crops, and not the other",
        )
    return (
        "timm",
        "assumed",
        "timm's efficientnet_b0 was assumed: tf_efficientnet_b0 has the same tensors, and nothing told them "
        'apart; if it is that one, name the file "tf_efficientnet_b0..." or give the layout "timm_tf"',
    )


def layout_by_statistics(state: Mapping[str, Tensor], crops_nchw: Tensor) -> Layout | None:
    """The one of timm and timm_tf whose batch norms see what they remember when real faces pass, or None if unclear.

    Each of the 49 batch norms gives a divergence of the observed from the stored means and variances. Two numbers
    decide: the share of layers in which timm diverges less, and how many times timm's mean divergence is timm_tf's.

    Measured, with faces that the statistics had not seen, at the size of training. timm is right: share 43 to 49 of
    49 and ratio 0.2 to 0.9 on varied faces (reon-demo-b0, its statistics recalculated, random weights with
    recalculated statistics); reon-demo-b0 on augmented crops of four photographs 33 to 37 and 0.9 to 1.1. timm_tf
    is right: share 0 to 2 and ratio 10 to 490 (recalculated; random; fine-tuned for 100 steps). At half, 1.4 times
    or twice that size: timm 26 to 46 and up to 1.03, timm_tf 0 to 27 and at least 4. The limits lie between; no
    case came out wrong, some came out None. Noise instead of faces does not work: it calls timm_tf timm.

    Args:
        state: float32 weights and statistics under torchvision's names.
        crops_nchw: Real face crops, float32 [N, 3, H, W], RGB, normalised, of the size used in training.
    """
    with torch.inference_mode():
        timm = _divergences(network_from_weights(state, "timm"), crops_nchw)
        timm_tf = _divergences(network_from_weights(state, "timm_tf"), crops_nchw)
    share = float((timm < timm_tf).float().mean())
    ratio = float(timm.mean() / timm_tf.mean())
    if share >= 0.6 and ratio <= 1.25:
        return "timm"
    if share <= 0.5 and ratio >= 2:
        return "timm_tf"
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
