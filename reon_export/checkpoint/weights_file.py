"""A weights file -> the tensors in it and what it says of itself, or an error that names what is wrong with the file.

Nothing in the file is ever executed: pickles are read by torch's restricted unpickler only.
"""

import argparse
import codecs
import difflib
import hashlib
import pathlib
import pickle
import re
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from reon_export.errors import CheckpointError

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
class StoredWeights:
    """What a file holds, as it is stored.

    Attributes:
        path: The file.
        sha256: Of the file's bytes, in hexadecimal.
        tensors: By name, without the prefixes of wrappers and without the counters that only training needs.
        key: Where in the file they lay, such as "state_dict_ema"; empty if at the top.
        architecture: The network's name if the file tells one (timm's training script: `arch`), else empty.
    """

    path: Path
    sha256: str
    tensors: dict[str, Tensor]
    key: str
    architecture: str


def hash_file(path: Path) -> str:
    """The sha256 of the file's bytes, in hexadecimal.

    Raises:
        CheckpointError: There is no such file, it cannot be read, or nothing is in it.
    """
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


def read_weights(path: Path) -> StoredWeights:
    """Hash and read a file that torch.save or safetensors wrote; which of them, its first bytes tell.

    Raises:
        CheckpointError: There is no such file, it cannot be read, is empty, another kind of file, damaged, names
        Python code, or holds no tensors.
    """
    sha256 = hash_file(path)
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"PK\x03\x04"):
        return _from_torch(path, sha256, _read_torch_zip(path))
    if re.match(rb"\x80[\x02-\x05]\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19", head):  # torch.save before version 1.6
        return _from_torch(path, sha256, _unpickle(path))
    if path.suffix == ".safetensors" or head[8:9] == b"{":
        return _read_safetensors(path, sha256, head)
    raise CheckpointError(
        f"{path} is {_kind_of(head)}, not a checkpoint: expected a file that torch.save or safetensors wrote"
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


def _read_safetensors(path: Path, sha256: str, head: bytes) -> StoredWeights:
    if len(head) < 9 or head[8:9] != b"{":
        raise CheckpointError(f"{path} is named .safetensors but is {_kind_of(head)}: expected safetensors' header")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # it is no mapping
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise CheckpointError(
            f"{path} is damaged or cut off ({path.stat().st_size} bytes; safetensors: {error}); "
            "copy or download it again"
        ) from error
    if not tensors:
        raise CheckpointError(f"{path} holds no tensors: expected the state dict of an EfficientNet-B0")
    return StoredWeights(path, sha256, _bare_names(tensors), "", _architecture_in(metadata))


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
            f"{path} is a TorchScript archive, expected a state dict. Make one with:\n"
            f'    import torch; model = torch.jit.load("{path.name}")\n'
            f'    torch.save(model.state_dict(), "{path.stem}_state_dict.pth")'
        )
    if not any(name.endswith("data.pkl") for name in names):
        raise CheckpointError(
            f"{path} is a zip archive without torch's data.pkl, not a checkpoint: "
            "expected a file that torch.save or safetensors wrote"
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
            f"{path} is damaged or cut off ({path.stat().st_size} bytes; torch: {reason}); copy or download it again"
        ) from error


def _refusal(path: Path, message: str) -> str:
    """Why the restricted unpickler gave up, and the two lines that make a file which it accepts."""
    named = re.search(r"GLOBAL `?([\w.]+)", message)
    if named is None:
        reason = message.partition("WeightsUnpickler error: ")[2].partition("\n")[0] or "not a sound pickle"
        return f"{path} is damaged (torch: {reason}); copy or download it again"
    refused = {named[1]}
    if zipfile.is_zipfile(path):
        refused.update(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    target = f"{path.stem}_state_dict.pth"
    load = f'    import torch; loaded = torch.load("{path.name}", weights_only=False)\n'
    if any(re.match(r"torch\.nn\.modules\.|.*efficientnet\w*\.", name) for name in refused):
        return (
            f"{path} holds a whole pickled module ({named[1]}), expected a state dict: unpickling could run any code, "
            "so it was not loaded. Only if you trust the file, make a state dict of it where its code is installed:\n"
            f'{load}    torch.save(loaded.state_dict(), "{target}")  # or loaded["model"].state_dict()'
        )
    return (
        f"{path} names Python code ({', '.join(sorted(refused)[:3])}), expected tensors and plain data: unpickling "
        "could run any code, so it was not loaded. Only if you made the file yourself, save its weights alone:\n"
        f'{load}    torch.save(loaded["state_dict"], "{target}")  # or the entry that holds the weights'
    )


def _from_torch(path: Path, sha256: str, loaded: object) -> StoredWeights:
    found = _find_state_dict(loaded)
    if found is None:
        if isinstance(loaded, Mapping):
            keys = ", ".join(str(key) for key in list(loaded)[:6]) or "none"
            holds = f"a dict without tensors (its keys: {keys})"
        else:
            holds = f"a {type(loaded).__name__}"
        raise CheckpointError(f"{path} holds {holds}: expected the state dict of an EfficientNet-B0")
    tensors, key = found
    return StoredWeights(path, sha256, _bare_names(tensors), key, _architecture_in(loaded))


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
