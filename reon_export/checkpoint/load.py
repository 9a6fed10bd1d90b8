"""A weights file -> EfficientNet-B0 in eval mode, or an error that names what is wrong with the file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor, nn

from reon_export.checkpoint.efficientnet import VARIANTS, network_from_weights, torchvision_keys
from reon_export.checkpoint.head import Head, find_head, stray_names, usual_name
from reon_export.checkpoint.hub_config import read_hub_config
from reon_export.checkpoint.networks import StoredNetwork, choose_network, find_networks, trunk_shapes
from reon_export.checkpoint.other_architectures import name_other_architecture
from reon_export.checkpoint.tensor_mappings import tensor_mappings
from reon_export.checkpoint.variants import Decision, Source, tell_image_size, tell_timm_variant
from reon_export.checkpoint.weights_file import StoredWeights, read_weights
from reon_export.errors import CheckpointError
from reon_export.spec import Layout


@dataclass(frozen=True)
class LoadOptions:
    """What overrides that which a file leaves open. None means: find out.

    Attributes:
        layout: Whose implementation the weights belong to; must fit the names of the tensors.
        image_size: Pixels that an efficientnet_pytorch network was made with (its `image_size`).
        entry: Where in the file the network lies, such as "ema.shadow".
    """

    layout: Layout | None = None
    image_size: int | None = None
    entry: str | None = None


@dataclass(frozen=True)
class Checkpoint:
    """A loaded weights file.

    Attributes:
        path: The file.
        sha256: Of the file's bytes, in hexadecimal.
        layout: Whose implementation the weights belong to, hence padding rule and batch-norm epsilon.
        layout_source: What decided it. "assumed" means that nothing did: see `layout_note`.
        layout_note: One sentence on how the layout was found, for the user.
        image_size: Pixels that the padding is fixed for; None unless the layout fixes it.
        entry: Where in the file the weights lay, such as "state_dict_ema"; empty if at the top.
        other_entries: Where else in the file a network lies that was not taken.
        notes: What was completed, folded or left out, in sentences for the user.
        num_classes: Outputs of the classifier.
        model: float32, eval mode, no gradients; normalised NCHW RGB -> logits [N, num_classes].
    """

    path: Path
    sha256: str
    layout: Layout
    layout_source: Source
    layout_note: str
    image_size: int | None
    entry: str
    other_entries: tuple[str, ...]
    notes: tuple[str, ...]
    num_classes: int
    model: nn.Module


def load_checkpoint(
    stored: Path | StoredWeights,
    options: LoadOptions | None = None,
    *,
    crops_nchw: Tensor | None = None,
) -> Checkpoint:
    """Load an EfficientNet-B0 from a .pt, .pth or .safetensors file (the content decides, not the name).

    The file may hold a state dict anywhere, under any prefix, in float16, bfloat16, float32 or float64. Averaged
    weights are taken before raw ones (see `networks`). The head is one linear layer, in the network or beside it
    (see `head`). What belongs to neither is left out and named.

    The layout comes from the names of the tensors. What they leave open is settled, in this order, by `options`, by
    what the file or its config.json says of itself, by "tf_efficientnet" in the file's name, and by the batch-norm
    statistics if `crops_nchw` is given (see `variants`). If none of it decides, the default is assumed and
    `layout_source` says so.

    Args:
        stored: The weights file, or what `read_weights` read of it.
        options: What overrides the detection.
        crops_nchw: Real face crops, float32 [N, 3, H, W], RGB, normalised, of the size used in training; 16 do.

    Raises:
        CheckpointError: The file cannot be read, or does not hold a sound EfficientNet-B0.
    """
    options = options or LoadOptions()
    if options.layout is not None and options.layout not in get_args(Layout):
        raise CheckpointError(f"unknown layout {options.layout!r}: expected one of {', '.join(get_args(Layout))}")
    weights = stored if isinstance(stored, StoredWeights) else read_weights(stored)
    path = weights.path
    networks = find_networks(weights.content)
    if not networks:
        raise _no_network(path, weights.content)
    choice = choose_network(networks, weights.content, options.entry)
    network = choice.network
    _check_fit(path, network)
    head = find_head(path, network)
    state = _to_float32(path, network, head)
    architecture = weights.architecture or read_hub_config(path).architecture
    decision = _decide(path, options, network.layout, architecture, state, crops_nchw)
    variant = decision.variant
    return Checkpoint(
        path=path,
        sha256=weights.sha256,
        layout=decision.layout,
        layout_source=decision.source,
        layout_note=decision.note,
        image_size=variant.image_size if variant.padding == "fixed" else None,
        entry=network.entry,
        other_entries=choice.other_entries,
        notes=(*choice.notes, *_describe(head, network)),
        num_classes=len(head.weight),
        model=network_from_weights(state, variant),
    )


def _no_network(path: Path, content: object) -> CheckpointError:
    """The error for a file without anything that resembles a B0, by its largest set of tensors."""
    tensors = max((tensors for _, tensors in tensor_mappings(content)), key=len)
    what = name_other_architecture(_without_wrappers(tensors))
    name, first = next(iter(tensors.items()))
    return CheckpointError(
        f"{path} holds {what or 'another network'}, expected an EfficientNet-B0: got {len(tensors)} tensors, the first "
        f"is {name} {list(first.shape)}. Export the B0's own state dict, classifier included"
    )


def _without_wrappers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without the modules that every name begins with, such as "module.model."."""
    names = list(tensors)
    while all("." in name for name in names) and len({name.partition(".")[0] for name in names}) == 1:
        names = [name.partition(".")[2] for name in names]
    return dict(zip(names, tensors.values(), strict=True))


def _check_fit(path: Path, network: StoredNetwork) -> None:
    """Raise CheckpointError unless the trunk is whole, of a B0's shapes, and has nothing more in its modules."""
    differences = list(_differences(network))
    if not differences:
        return
    inside = {name.removeprefix(network.prefix): network.around[name] for name in stray_names(network)}
    what = name_other_architecture({**network.trunk, **inside})
    subject = f"holds {what}" if what else f"does not fit {network.layout}'s EfficientNet-B0"
    more = f"; {len(differences) - 3} more" if len(differences) > 3 else ""
    raise CheckpointError(
        f"{path} {subject}, expected an EfficientNet-B0: {'; '.join(differences[:3])}{more}. "
        "Export the B0's own state dict, classifier included"
    )


def _differences(network: StoredNetwork) -> Iterator[str]:
    """In words: wrong shapes first, then one missing and one unexpected name, so that both kinds are seen."""
    expected = trunk_shapes(network.layout)
    for key, tensor in network.trunk.items():
        if tuple(tensor.shape) != expected[key]:
            yield f"{key} expected {list(expected[key])}, got {list(tensor.shape)}"
    missing = [f"{key} expected {list(expected[key])}, is missing" for key in expected if key not in network.trunk]
    extra = [f"{name} {list(network.around[name].shape)} is unexpected" for name in stray_names(network)]
    yield from (missing[:1] + extra[:1] + missing[1:] + extra[1:])


def _to_float32(path: Path, network: StoredNetwork, head: Head) -> dict[str, Tensor]:
    """The state dict under torchvision's names, float32; raises on weights that are no numbers."""
    own = torchvision_keys(network.layout)
    stored = {own[name]: (network.prefix + name, tensor) for name, tensor in network.trunk.items()}
    bias = torch.zeros(len(head.weight)) if head.bias is None else head.bias
    stored |= {
        "classifier.1.weight": (head.name, head.weight),
        "classifier.1.bias": (f"{head.name.removesuffix('weight')}bias", bias),
    }
    state = {}
    for name, (theirs, tensor) in stored.items():
        if not tensor.is_floating_point():
            raise CheckpointError(
                f"{path}: {theirs} is {tensor.dtype}, expected floating-point weights: export the model unquantised"
            )
        if tensor.layout != torch.strided:
            raise CheckpointError(f"{path}: {theirs} is sparse ({tensor.layout}), expected dense weights")
        value = tensor.to(torch.float32)
        if not bool(value.isfinite().all()):
            nans, infinities = int(value.isnan().sum()), int(value.isinf().sum())
            raise CheckpointError(
                f"{path}: {theirs} holds {nans} NaN and {infinities} infinite of {value.numel()} values: "
                "the training diverged or the file is damaged; use an earlier checkpoint"
            )
        state[name] = value
    return state


def _describe(head: Head, network: StoredNetwork) -> Iterator[str]:
    """What the user has to know of the head and of what was left out."""
    if head.bias is None:
        yield f"{head.name} has no bias: zero was taken"
    if head.name != usual_name(network):
        yield f"the head is {head.name}"
    if head.left_out:
        shown = ", ".join(head.left_out[:5]) + (f" and {len(head.left_out) - 5} more" if len(head.left_out) > 5 else "")
        yield f"left out, because they are not of the network: {shown}"


def _decide(
    path: Path,
    options: LoadOptions,
    found: Layout,
    architecture: str,
    state: Mapping[str, Tensor],
    crops_nchw: Tensor | None,
) -> Decision:
    """Settle what the names of the tensors leave open."""
    wanted, image_size = options.layout, options.image_size
    if wanted is not None and wanted != found and {wanted, found} != {"timm", "timm_tf"}:
        raise CheckpointError(f"{path} has {found}'s names of tensors, but the layout {wanted} was asked for")
    if image_size is not None:
        if found != "efficientnet_pytorch":
            raise CheckpointError(
                f"--image-size {image_size} is for efficientnet_pytorch's layout, whose padding is fixed for an image "
                f"size, and {path} has {found}'s; leave it out (--input-size is the size of the face crop)"
            )
        return Decision(found, replace(VARIANTS[found], image_size=image_size), "argument", "the image size was given")
    if found == "efficientnet_pytorch":
        return tell_image_size(state, crops_nchw)
    if wanted is not None:
        return Decision(wanted, VARIANTS[wanted], "argument", "the layout was given")
    if found == "timm":
        return tell_timm_variant(path.name, architecture, state, crops_nchw)
    return Decision(found, VARIANTS[found], "keys", "the names of the tensors tell the layout")
