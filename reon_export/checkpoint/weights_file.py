"""A weights file -> the tensors in it and what it says of itself, or an error that names what is wrong with the file.

Nothing in the file is ever executed: pickles are read by torch's restricted unpickler only.
"""

import argparse
import codecs
import difflib
import hashlib
import os
import pickle
import re
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from reon_export.checkpoint.hub_config import find_weights
from reon_export.checkpoint.pickle_outline import find_expression
from reon_export.checkpoint.tensor_mappings import tensor_mappings
from reon_export.errors import CheckpointError
from reon_export.file_kind import name_kind
from reon_export.limits import RAISE_BYTES, max_bytes, max_text_bytes
from reon_export.read_file import open_file


class _Ignored:
    """Stands for an object that nobody here reads: makes and calls nothing, whatever the pickle says of it.

    numpy's own classes are not taken: a crafted array of objects over bytes gives any address to the interpreter.
    """

    def __init__(self, *_arguments: object) -> None:
        pass

    def __setstate__(self, _state: object) -> None:
        pass


def _make_dict(*_arguments: object) -> dict[object, object]:
    return {}


def _make_list(*_arguments: object) -> list[object]:
    return []


# Plain data that training scripts put beside the weights: dates, paths, scores, and the states of random number
# generators. Names of one module that moved are listed under both.
_IGNORED: Final = (
    *(f"builtins.{name}" for name in ("bool", "int", "float", "str", "list", "dict", "tuple", "frozenset", "slice")),
    *(f"datetime.{name}" for name in ("datetime", "date", "time", "timedelta", "timezone")),
    *(f"{module}.{kind}Path" for module in ("pathlib", "pathlib._local") for kind in ("Posix", "Windows", "PurePosix")),
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
    *(f"numpy.{core}.numeric._frombuffer" for core in ("core", "_core")),
    *(f"numpy.dtypes.{type(np.dtype(code)).__name__}" for code in np.typecodes["All"]),
    *(f"numpy.random._pickle.__{kind}_ctor" for kind in ("randomstate", "generator", "bit_generator")),
    *("numpy.ndarray", "numpy.dtype", "numpy.random._mt19937.MT19937", "numpy.random._pcg64.PCG64"),
    *(f"numpy.random.bit_generator.{name}" for name in ("SeedSequence", "__pyx_unpickle_SeedSequence")),
    *("random.Random", "types.SimpleNamespace", "decimal.Decimal", "fractions.Fraction", "uuid.UUID"),
)
_HARMLESS: Final[list[Callable[..., object] | tuple[Callable[..., object], str]]] = [
    argparse.Namespace,  # timm's, which names the architecture
    (_make_dict, "collections.defaultdict"),
    (_make_list, "collections.deque"),
    (codecs.encode, "_codecs.encode"),  # how pickle protocol 2 spells bytes
    *((_Ignored, name) for name in _IGNORED),
]


@dataclass(frozen=True)
class StoredWeights:
    """What a file holds, as it is stored.

    Attributes:
        path: The file.
        sha256: Of the file's bytes, in hexadecimal.
        content: Tensors by name, at the top or nested in mappings and lists, with whatever lies beside them.
        architecture: The network's name if the file tells one (timm's training script: `arch`), else empty.
    """

    path: Path
    sha256: str
    content: Mapping[str, object]
    architecture: str


def hash_file(path: Path) -> str:
    """The sha256 of the file's bytes, in hexadecimal.

    Raises:
        CheckpointError: There is no such file, it cannot be read, is larger than is read, or nothing is in it.
    """
    try:
        with open_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            _check_size(path, size)
            digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # typeshed lacks readinto
            is_growing = file.tell() > size
    except FileNotFoundError:
        names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, names, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else "check the path"
        raise CheckpointError(f"{path} does not exist: {hint}") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    if is_growing:
        raise CheckpointError(f"{path} is still being written: wait until it is complete")
    if size == 0:
        raise CheckpointError(f"{path} is empty (0 bytes): copy or download it again")
    return digest


def read_weights(path: Path) -> StoredWeights:
    """Hash and read a file that torch.save or safetensors wrote; which of them, its first bytes tell.

    A folder stands for the one weights file in it.

    Raises:
        CheckpointError: There is no such file, it cannot be read, is empty, another kind of file, damaged, names
        Python code, or holds no tensors.
    """
    path = find_weights(path) if path.is_dir() else path
    sha256 = hash_file(path)
    with open_file(path) as file:
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


def _check_size(path: Path, size: int) -> None:
    """Raise CheckpointError if a file's tensors take more than may be read."""
    if size > max_bytes():
        raise CheckpointError(
            f"{path} takes {size:,} bytes unpacked, at most {max_bytes():,} are read (an EfficientNet-B0 has "
            f"16,000,000): save the weights alone, or {RAISE_BYTES}"
        )


def _kind_of(head: bytes) -> str:
    """In words, what a file that is no checkpoint seems to be."""
    if head.startswith(b"\x80"):
        return "a Python pickle that torch.save did not write"
    return name_kind(head) or f"a file of unknown kind (first bytes {head[:4].hex(' ')})"


def _read_safetensors(path: Path, sha256: str, head: bytes) -> StoredWeights:
    if len(head) < 9 or head[8:9] != b"{":
        raise CheckpointError(f"{path} is named .safetensors but is {_kind_of(head)}: expected safetensors' header")
    if (header := int.from_bytes(head[:8], "little")) > max_text_bytes():
        raise CheckpointError(
            f"{path} is damaged, or its header of {header:,} bytes is larger than the {max_text_bytes():,} that are "
            f"read; {RAISE_BYTES}"
        )
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
    return StoredWeights(path, sha256, tensors, _architecture_in(metadata))


def _read_torch_zip(path: Path) -> object:
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            unpacked = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError, OSError):
        raise CheckpointError(
            f"{path} is cut off: it starts as a torch checkpoint but its end is missing ({size} bytes); "
            "copy or download it again"
        ) from None
    _check_size(path, unpacked)
    if any(name.endswith("/constants.pkl") for name in names):
        raise CheckpointError(
            f"{path} is a TorchScript archive, expected a state dict. Make one with:",
            f"    import torch; model = torch.jit.load({str(path)!r})\n"
            f"    torch.save(model.state_dict(), {str(path.with_name(f'{path.stem}_state_dict.pth'))!r})",
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
        # The file and not its path: torch itself would go by the name, and take any `.safetensors` for one.
        with torch.serialization.safe_globals(list(_HARMLESS)), open_file(path) as file:
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _refusal(path, str(error)) from error
    except Exception as error:  # torch finds a broken file in any way
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"{path} is damaged or cut off ({path.stat().st_size} bytes; torch: {reason}); copy or download it again"
        ) from error


def _refusal(path: Path, message: str) -> CheckpointError:
    """Why the restricted unpickler gave up, and the two lines that make a file which it accepts."""
    named = re.search(r"GLOBAL `?([\w.]+)", message)
    if named is None:
        reason = message.partition("WeightsUnpickler error: ")[2].partition("\n")[0] or "not a sound pickle"
        return CheckpointError(f"{path} is damaged (torch: {reason}); copy or download it again")
    refused = {named[1]}
    if zipfile.is_zipfile(path):
        with torch.serialization.safe_globals(list(_HARMLESS)), open_file(path) as file:
            refused.update(torch.serialization.get_unsafe_globals_in_checkpoint(file))
    expression = find_expression(path)
    load = f"    import torch; loaded = torch.load({str(path)!r}, weights_only=False)\n"
    save = f"    torch.save({{}}, {str(path.with_name(f'{path.stem}_state_dict.pth'))!r})"
    if any(re.match(r"torch\.nn\.modules\.|.*efficientnet\w*\.", name) for name in refused):
        return CheckpointError(
            f"{path} holds a whole pickled module ({named[1]}), expected a state dict: unpickling could run any code, "
            "so it was not loaded. Only if you trust the file, make a state dict of it where its code is installed:",
            f"{load}{save.format(expression or 'loaded.state_dict()')}",
        )
    advice = f"{load}{save.format(expression)}" if expression else f"{load}    print(loaded)  # shows where they lie"
    return CheckpointError(
        f"{path} names Python code ({', '.join(sorted(refused)[:3])}), expected tensors and plain data: unpickling "
        "could run any code, so it was not loaded. Only if you made the file yourself, save its weights alone:",
        advice,
    )


def _from_torch(path: Path, sha256: str, loaded: object) -> StoredWeights:
    mappings = list(tensor_mappings(loaded)) if isinstance(loaded, Mapping) else []
    # A view may claim any shape over a few bytes; here it counts with what it would take once copied.
    tensors = {id(tensor): tensor for _, held in mappings for tensor in held.values()}
    _check_size(path, sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()))
    if isinstance(loaded, Mapping) and mappings:
        return StoredWeights(path, sha256, loaded, _architecture_in(loaded))
    if isinstance(loaded, Mapping):
        keys = ", ".join(str(key) for key in list(loaded)[:6]) or "none"
        holds = f"a dict without tensors (its keys: {keys})"
    else:
        holds = f"a {type(loaded).__name__}"
    raise CheckpointError(f"{path} holds {holds}: expected the state dict of an EfficientNet-B0")


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
