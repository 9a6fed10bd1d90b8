"""A weights file -> EfficientNet-B0 in eval mode, or an error that names what is wrong with the file.

Nothing in the file is ever executed: pickles are read by torch's restricted unpickler only.
"""

import argparse
import codecs
import difflib
import hashlib
import json
import pathlib
import pickle
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast, get_args

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from reon_export.efficientnet import VARIANTS, EfficientNetB0, Layout, torchvision_keys
from reon_export.errors import CheckpointError

LayoutSource = Literal["keys", "argument", "metadata", "file name", "statistics", "assumed"]

# Where training scripts put the weights; the averaged ones first, as timm's own `load_checkpoint` prefers
# them.
_NESTS: Final = (
    "state_dict_ema",
    "model_ema",
    "ema",
    "state_dict",
    "model_state_dict",
    "model",
    "net",
)
_PREFIX: Final = re.compile(r"^(?:(?:module|model|_orig_mod)\.)+")
_UNTRAINED_RANGE: Final = 1e-3

# The function by which numpy unpickles a scalar has no public name.
_NUMPY_SCALAR: Final = cast("Callable[..., object]", np.float64(0).__reduce__()[0])
# Plain data that training scripts put beside the weights (timm: its arguments; others: a numpy float as best
# score).
_HARMLESS: Final[list[Callable[..., object] | tuple[Callable[..., object], str]]] = [
    argparse.Namespace,
    pathlib.PosixPath,
    np.dtype,
    *(type(np.dtype(name)) for name in ("float16", "float32", "float64", "int32", "int64", "bool")),
    (_NUMPY_SCALAR, "numpy._core.multiarray.scalar"),
    (_NUMPY_SCALAR, "numpy.core.multiarray.scalar"),  # written by numpy 1
    (codecs.encode, "_codecs.encode"),  # how pickle protocol 2 spells the bytes of a numpy scalar
]


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
        weight_dtype: As most weights are stored, such as "float16". The model itself is float32.
        parameters: Trainable numbers, batch-norm statistics not counted.
        model: float32, eval mode, no gradients; normalised NCHW RGB -> logits [N, num_classes].
    """

    path: Path
    sha256: str
    layout: Layout
    layout_source: LayoutSource
    layout_note: str
    weights_key: str
    num_classes: int
    weight_dtype: str
    parameters: int
    model: nn.Module


@dataclass(frozen=True)
class _Weights:
    """What a file holds: tensors by their bare names, where they lay, and what the file says about itself."""

    tensors: dict[str, Tensor]
    key: str
    architecture: str


def load_checkpoint(path: Path, *, layout: Layout | None = None, crops_nchw: Tensor | None = None) -> Checkpoint:
    """Load an EfficientNet-B0 from a .pt, .pth or .safetensors file (told apart by content, not by name).

    The file may hold a state dict or nest it under state_dict, model, model_state_dict, ema, net and the
    like; keys may carry the prefixes "module.", "model." and "_orig_mod."; weights may be float16, bfloat16,
    float32 or float64.

    The layout comes from the names of the tensors. timm's `efficientnet_b0` and `tf_efficientnet_b0` have the
    same names and shapes; these two are told apart, in this order, by `layout`, by what the file says of
    itself (timm's training script stores the name), by "tf_efficientnet" in the file's name, and by the
    batch-norm statistics if `crops_nchw` is given (see `_layout_by_statistics`). If none of it decides,
    "timm" is assumed and `layout_source` says so.

    efficientnet_pytorch fixes its padding for an image size that the file does not hold: 224, its default, is
    taken.

    Args:
        path: The weights file.
        layout: Overrides the recognition; must fit the names of the tensors.
        crops_nchw: Real face crops, float32 [N, 3, H, W], RGB, normalised, of the size used in training; 16
        do.

    Raises:
        CheckpointError: The file cannot be read, or does not hold a sound EfficientNet-B0.
    """
    if layout is not None and layout not in get_args(Layout):
        raise CheckpointError(f"unknown layout {layout!r}: wanted one of {', '.join(get_args(Layout))}")
    sha256 = _check_file(path)
    weights = _read_weights(path)
    found, num_classes = _recognise(path, weights.tensors)
    dtype = Counter(str(tensor.dtype) for tensor in weights.tensors.values()).most_common(1)[0][0]
    state = _to_float32(path, weights.tensors, torchvision_keys(found))
    found, source, note = _decide_layout(path, found, layout, weights, state, crops_nchw)
    model = _build(state, found, num_classes)
    return Checkpoint(
        path=path,
        sha256=sha256,
        layout=found,
        layout_source=source,
        layout_note=note,
        weights_key=weights.key,
        num_classes=num_classes,
        weight_dtype=dtype.removeprefix("torch."),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
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


# --- the file -------------------------------------------------------------------------------------


def _check_file(path: Path) -> str:
    """The file's sha256; raises if there is no such file or nothing in it."""
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder: give the .pt, .pth or .safetensors file in it")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, names, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else "check the path"
        raise CheckpointError(f"{path} does not exist: {hint}") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    if path.stat().st_size == 0:
        raise CheckpointError(f"{path} is empty (0 bytes): copy or download it again")
    return digest


def _read_weights(path: Path) -> _Weights:
    """Read the tensors by what the file's first bytes say it is."""
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"PK\x03\x04"):
        return _from_torch(path, _read_torch_zip(path))
    if re.match(rb"\x80[\x02-\x05]\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19", head):  # torch.save before version 1.6
        return _from_torch(path, _unpickle(path))
    if path.suffix == ".safetensors" or head[8:9] == b"{":
        return _read_safetensors(path, head)
    raise CheckpointError(
        f"{path} is {_kind_of(head)}, not a checkpoint: wanted a file that torch.save or safetensors wrote"
    )


def _kind_of(head: bytes) -> str:
    """In words, what a file that is no checkpoint seems to be."""
    kinds = {
        b"\xff\xd8\xff": "a JPEG image",
        b"\x89PNG": "a PNG image",
        b"\x89HDF": "an HDF5 file (Keras)",
        b"\x1f\x8b": "a gzip archive",
        b"version https://git-lfs": "a Git LFS pointer (`git lfs pull` fetches the real file)",
        b"<!DOCTYPE": "a web page (a download that went wrong)",
        b"<html": "a web page (a download that went wrong)",
        b"\x80": "a Python pickle that torch.save did not write",
    }
    for magic, kind in kinds.items():
        if head.startswith(magic):
            return kind
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head):
        return "a text file"
    return f"a file of unknown kind (first bytes {head[:4].hex(' ')})"


def _read_safetensors(path: Path, head: bytes) -> _Weights:
    size = path.stat().st_size
    if len(head) < 9 or head[8:9] != b"{":
        raise CheckpointError(f"{path} is named .safetensors but is {_kind_of(head)}: wanted safetensors' header")
    (header_length,) = struct.unpack("<Q", head[:8])
    if header_length + 8 > size:
        raise CheckpointError(
            f"{path} is cut off: its header alone says {header_length} bytes, the file has {size}; "
            "copy or download it again"
        )
    content = path.read_bytes()
    try:
        tensors = load_safetensors(content)
        metadata = json.loads(content[8 : 8 + header_length]).get("__metadata__") or {}
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(
            f"{path} is damaged or cut off ({size} bytes; safetensors says: {error}); copy or download it again"
        ) from error
    if not tensors:
        raise CheckpointError(f"{path} holds no tensors: wanted the state dict of an EfficientNet-B0")
    return _Weights(_bare_names(tensors), "", _architecture_in(metadata))


def _read_torch_zip(path: Path) -> object:
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        raise CheckpointError(
            f"{path} is cut off: it starts as a torch checkpoint but its end is missing ({size} bytes); "
            "copy or download it again"
        ) from None
    if any(name.endswith("/constants.pkl") for name in names):
        raise CheckpointError(
            f"{path} is a TorchScript archive, wanted a state dict. Make one with:\n"
            f'    import torch; model = torch.jit.load("{path.name}")\n'
            f'    torch.save(model.state_dict(), "{path.stem}_state_dict.pth")'
        )
    if not any(name.endswith("data.pkl") for name in names):
        raise CheckpointError(
            f"{path} is a zip archive without torch's data.pkl, not a checkpoint: "
            "wanted a file that torch.save or safetensors wrote"
        )
    return _unpickle(path)


def _unpickle(path: Path) -> object:
    """torch.load with its restricted unpickler: builds tensors and plain data, runs no code of the file's."""
    try:
        with torch.serialization.safe_globals(list(_HARMLESS)):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(_refusal(path, str(error))) from error
    except (EOFError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, struct.error) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"{path} is damaged or cut off ({path.stat().st_size} bytes; torch says: {reason}); "
            "copy or download it again"
        ) from error


def _refusal(path: Path, message: str) -> str:
    """Why the restricted unpickler gave up, and the two lines that make a file which it accepts."""
    named = re.search(r"GLOBAL `?([\w.]+)", message)
    if named is None:
        reason = message.partition("WeightsUnpickler error: ")[2].partition("\n")[0] or "not a sound pickle"
        return f"{path} is damaged (torch says: {reason}); copy or download it again"
    refused = {named[1]}
    if zipfile.is_zipfile(path):
        refused.update(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    target = f"{path.stem}_state_dict.pth"
    load = f'    import torch; loaded = torch.load("{path.name}", weights_only=False)\n'
    if any(re.match(r"torch\.nn\.modules\.|.*efficientnet\w*\.", name) for name in refused):
        return (
            f"{path} holds a whole pickled module ({named[1]}), wanted a state dict: unpickling could run any code, "
            "so it was not loaded. Only if you trust the file, make a state dict of it where its code is installed:\n"
            f'{load}    torch.save(loaded.state_dict(), "{target}")  # or loaded["model"].state_dict()'
        )
    return (
        f"{path} names Python code ({', '.join(sorted(refused)[:3])}), wanted tensors and plain data: unpickling "
        "could run any code, so it was not loaded. Only if you made the file yourself, save its weights alone:\n"
        f'{load}    torch.save(loaded["state_dict"], "{target}")  # or the entry that holds the weights'
    )


# --- what is in it --------------------------------------------------------------------------------


def _from_torch(path: Path, loaded: object) -> _Weights:
    found = _find_state_dict(loaded)
    if found is None:
        if isinstance(loaded, Mapping):
            keys = ", ".join(str(key) for key in list(loaded)[:6]) or "none"
            holds = f"a dict without tensors (its keys: {keys})"
        else:
            holds = f"a {type(loaded).__name__}"
        raise CheckpointError(f"{path} holds {holds}: wanted the state dict of an EfficientNet-B0")
    tensors, key = found
    return _Weights(_bare_names(tensors), key, _architecture_in(loaded))


def _find_state_dict(loaded: object, depth: int = 0) -> tuple[dict[str, Tensor], str] | None:
    """The tensors and the dotted key under which they lay, looking into the usual entries first."""
    if not isinstance(loaded, Mapping) or depth > 4:
        return None
    for key in _NESTS:
        found = _find_state_dict(loaded.get(key), depth + 1)
        if found is not None:
            return found[0], f"{key}.{found[1]}" if found[1] else key
    tensors = {key: value for key, value in loaded.items() if isinstance(key, str) and isinstance(value, Tensor)}
    return (tensors, "") if tensors else None


def _bare_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without wrappers' prefixes, and without the counters that only training needs."""
    return {
        _PREFIX.sub("", key): tensor
        for key, tensor in tensors.items()
        if not key.endswith("num_batches_tracked") and key != "n_averaged"  # torch.optim.swa_utils.AveragedModel
    }


def _architecture_in(stored: object) -> str:
    """The architecture's name if the file tells one (timm's training script: `arch`), else empty."""
    if isinstance(stored, argparse.Namespace):
        stored = vars(stored)
    if not isinstance(stored, Mapping):
        return ""
    for key in ("arch", "architecture", "model_name", "model"):
        if isinstance(stored.get(key), str):
            return str(stored[key])
    return next(
        filter(None, (_architecture_in(stored.get(key)) for key in ("args", "config", "hyper_parameters"))),
        "",
    )


def _recognise(path: Path, tensors: Mapping[str, Tensor]) -> tuple[Layout, int]:
    """The layout by names ("timm" also for timm_tf) and the number of classes; raises unless all tensors fit."""
    names = {layout: torchvision_keys(layout) for layout in VARIANTS if layout != "timm_tf"}
    layout = max(names, key=lambda candidate: len(names[candidate].keys() & tensors.keys()))
    with torch.device("meta"):
        own_shapes = {key: tuple(value.shape) for key, value in EfficientNetB0(num_classes=1).state_dict().items()}
    expected = {theirs: own_shapes[own] for theirs, own in names[layout].items()}
    *_, weight, bias = expected  # of the classifier
    shape = tuple(tensors[weight].shape) if weight in tensors else ()
    num_classes = shape[0] if shape else 1
    expected |= {weight: (num_classes, *expected[weight][1:]), bias: (num_classes,)}
    differences = list(_differences(expected, tensors))
    if differences:
        what = _other_architecture(tensors)
        subject = f"holds {what}" if what else f"does not fit {layout}'s EfficientNet-B0"
        more = f"; {len(differences) - 3} more" if len(differences) > 3 else ""
        raise CheckpointError(
            f"{path} {subject}, wanted an EfficientNet-B0: {'; '.join(differences[:3])}{more}. "
            "Export the B0's own state dict, classifier included"
        )
    return layout, num_classes


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
                f"{path}: {theirs} is {tensor.dtype}, wanted floating-point weights: export the model unquantised"
            )
        value = tensor.to(torch.float32)
        nans, infinities = int(value.isnan().sum()), int(value.isinf().sum())
        if nans or infinities:
            raise CheckpointError(
                f"{path}: {theirs} holds {nans} NaN and {infinities} infinite of {value.numel()} values: "
                "the training diverged or the file is damaged; use an earlier checkpoint"
            )
        state[own] = value
    return state


def _build(state: Mapping[str, Tensor], layout: Layout, num_classes: int) -> nn.Module:
    """The network of that layout with these weights, in eval mode and without gradients."""
    with torch.device("meta"):
        model = EfficientNetB0(num_classes, VARIANTS[layout])
    counters = {key: torch.tensor(0) for key in model.state_dict() if key.endswith("num_batches_tracked")}
    model.load_state_dict({**state, **counters}, assign=True)
    return model.eval().requires_grad_(requires_grad=False)


# --- timm or timm_tf ------------------------------------------------------------------------------


def _decide_layout(
    path: Path,
    found: Layout,
    wanted: Layout | None,
    weights: _Weights,
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
    named = re.search(r"(?:^|[/:])(tf_)?efficientnet_b0", weights.architecture)
    if named:
        layout: Layout = "timm_tf" if named[1] else "timm"
        return layout, "metadata", f'the file says that it is "{weights.architecture}"'
    if "tf_efficientnet" in path.name:
        return "timm_tf", "file name", "the file's name says tf_efficientnet"
    decided = None if crops_nchw is None else _layout_by_statistics(state, crops_nchw)
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


def _layout_by_statistics(state: Mapping[str, Tensor], crops_nchw: Tensor) -> Layout | None:
    """The one of timm and timm_tf whose batch norms see what they remember when real faces pass, or None if unclear.

    Each of the 49 batch norms gives a divergence of the observed from the stored means and variances. Two numbers
    decide: the share of layers in which timm diverges less, and how many times timm's mean divergence is timm_tf's.

    Measured, with faces that the statistics had not seen, at the size of training. timm is right: share 43 to 49 of
    49 and ratio 0.2 to 0.9 on varied faces (reon-demo-b0, its statistics recalculated, random weights with
    recalculated statistics); reon-demo-b0 on augmented crops of four photographs 33 to 37 and 0.9 to 1.1. timm_tf
    is right: share 0 to 2 and ratio 10 to 490 (recalculated; random; fine-tuned for 100 steps). At half, 1.4 times
    or twice that size: timm 26 to 46 and up to 1.03, timm_tf 0 to 27 and at least 4. The limits lie between; no
    case came out wrong, some came out None. Noise instead of faces does not work: it calls timm_tf timm.
    """
    with torch.inference_mode():
        num_classes = len(state["classifier.1.bias"])
        timm = _divergences(_build(state, "timm", num_classes), crops_nchw)
        timm_tf = _divergences(_build(state, "timm_tf", num_classes), crops_nchw)
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


# --- other networks -------------------------------------------------------------------------------

# (width of the stem, number of blocks, width of the head) of the EfficientNets, the same in all three
# libraries
_EFFICIENTNETS: Final = {
    (32, 16, 1280): "B0",
    (32, 23, 1280): "B1",
    (32, 23, 1408): "B2",
    (40, 26, 1536): "B3",
    (48, 32, 1792): "B4",
    (48, 39, 2048): "B5",
    (56, 45, 2304): "B6",
    (64, 55, 2560): "B7",
}
# stem, block, head and squeeze-excite gate in the three styles of naming
_STYLES: Final = (
    ("features.0.0.weight", r"(features\.\d+\.\d+)\.block\.", "features.8.0.weight", ".fc1.weight"),
    ("conv_stem.weight", r"(blocks\.\d+\.\d+)\.", "conv_head.weight", ".se.conv_reduce.weight"),
    ("_conv_stem.weight", r"(_blocks\.\d+)\.", "_conv_head.weight", "._se_reduce.weight"),
)
# The first of these patterns that any key matches names the family.
_FAMILIES: Final = (
    (r"(blocks\.0\.0\.conv|features\.1\.0\.block\.0\.0)\.weight$", "an EfficientNetV2 or a MobileNetV3"),
    (r"relative_position_bias_table$", "a Swin Transformer"),
    (r"(cls_token|class_token|pos_embed)", "a vision transformer (ViT)"),
    (r"features\.1\.conv\.0\.0\.weight$", "a MobileNetV2"),
    (r"features\.1\.block\.0\.0\.weight$", "a MobileNetV3"),
    (r"denseblock1\.", "a DenseNet"),
    (r"Mixed_5b\.", "an Inception network"),
    (r"layer_scale|stages\.0\.blocks\.0\.gamma", "a ConvNeXt"),
    (r"features\.0\.weight$", "a VGG or AlexNet"),
)


def _other_architecture(tensors: Mapping[str, Tensor]) -> str | None:
    """The network that the tensors seem to be of, with its article; None for a flawed B0, or no idea."""
    for stem, block, head, gate in _STYLES:
        if stem in tensors and head in tensors and tensors[head].ndim == 4:
            blocks = {match[1] for key in tensors if (match := re.match(block, key))}
            size = (tensors[stem].shape[0], len(blocks), tensors[head].shape[0])
            if size in _EFFICIENTNETS and any(key.endswith(gate) for key in tensors):
                return None if _EFFICIENTNETS[size] == "B0" else f"an EfficientNet-{_EFFICIENTNETS[size]}"
            return f"a relative of EfficientNet (stem {size[0]} wide, {size[1]} blocks, head {size[2]} wide)"
    if "layer1.0.conv1.weight" in tensors:
        blocks = {match[0] for key in tensors if (match := re.match(r"layer\d\.\d+", key))}
        convolutions = 3 if "layer1.0.conv3.weight" in tensors else 2
        return f"a ResNet-{convolutions * len(blocks) + 2}"
    for pattern, family in _FAMILIES:
        if any(re.search(pattern, key) for key in tensors):
            return family
    return None
