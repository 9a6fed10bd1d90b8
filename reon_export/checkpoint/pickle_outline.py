"""What a pickle that was not loaded holds, read without running anything in it: for the advice in a refusal."""

import io
import pickle
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import torch
from torch import Tensor

from reon_export.checkpoint.networks import choose_network, find_networks
from reon_export.read_file import open_file

_MAX_PICKLE_BYTES: Final = 64_000_000  # without its tensors; an EfficientNet-B0 as a whole module takes 150 kB
_MAX_DEPTH: Final = 8
_LEGACY_HEADER_PICKLES: Final = 3  # magic number, protocol and system info, before version 1.6 of torch


class _Object:
    """Stands for an object of any class. Holds what the pickle gives it; calls nothing."""

    def __new__(cls, *_arguments: object, **_named: object) -> "_Object":
        made = super().__new__(cls)
        made.state = {}
        return made

    state: object

    def __setstate__(self, state: object) -> None:
        self.state = state[0] if isinstance(state, tuple) and state else state

    def __setitem__(self, key: object, value: object) -> None:
        if isinstance(self.state, dict):
            self.state[key] = value

    def extend(self, _items: object) -> None:
        """For a subclass of list."""

    append = extend


class _Dict(dict[object, object]):
    """Stands for OrderedDict, whose attributes a pickle may set."""

    def __setstate__(self, _state: object) -> None:
        pass


def _tensor(_storage: object, _offset: object, size: Sequence[int], *_rest: object) -> Tensor:
    return torch.empty(tuple(size), device="meta")  # takes no memory, whatever the size


def _first(value: object, *_rest: object) -> object:
    return value


class _Unpickler(pickle.Unpickler):
    """Gives stand-ins for every name, so that no code of the file's, or of any library, is found or called."""

    _STANDINS: Final = {
        "collections.OrderedDict": _Dict,
        "torch._utils._rebuild_tensor_v2": _tensor,
        "torch._utils._rebuild_parameter": _first,
        "torch._utils._rebuild_parameter_with_state": _first,
    }

    def find_class(self, module_name: str, global_name: str, /) -> object:
        standin = self._STANDINS.get(f"{module_name}.{global_name}")
        return standin or type(global_name, (_Object,), {})

    def persistent_load(self, pid: object) -> object:
        # torch before version 1.6 stores a module's class this way, with its source text.
        return pid[1] if isinstance(pid, tuple) and pid[:1] == ("module",) else pid


@dataclass(frozen=True)
class _Place:
    """Where a network lies: the Python expression that leads to it, its tensors by name, and what holds these."""

    expression: str
    tensors: dict[str, Tensor]
    kind: Literal["module", "state dict", "mixed dict"]

    @property
    def state_dict(self) -> str:
        """Python for the state dict."""
        return {
            "module": f"{self.expression}.state_dict()",
            "state dict": self.expression,
            "mixed dict": f"{{k: v for k, v in {self.expression}.items() if torch.is_tensor(v)}}",
        }[self.kind]


def find_expression(path: Path) -> str | None:
    """Python for the state dict of the network in a file, where the whole is `loaded`; None if it is not found.

    The same choice as for a file that can be read: averaged weights first, then the usual entries.
    """
    try:
        places = {_entry(place.expression): place for place in _places(_read(path), "loaded", 0)}
        content = {entry: place.tensors for entry, place in places.items()}
        chosen = choose_network(find_networks(content), content).network
    # Only advice is lost: the pickle may be wrong in any way, and its refusal is already certain.
    except Exception:  # noqa: BLE001
        return None
    entry = max((entry for entry in places if f"{chosen.entry}.".startswith(f"{entry}.") or not entry), key=len)
    return places[entry].state_dict


def _entry(expression: str) -> str:
    """An expression as the name of an entry: "loaded['model'].ema" -> "model.ema"."""
    return ".".join(re.findall(r"\w+", expression)[1:])


def _read(path: Path) -> object:
    if not zipfile.is_zipfile(path):
        with open_file(path) as file:
            for _ in range(_LEGACY_HEADER_PICKLES):
                _Unpickler(file).load()
            return _Unpickler(file).load()
    with zipfile.ZipFile(path) as archive:
        entry = next(info for info in archive.infolist() if info.filename.endswith("data.pkl"))
        if entry.file_size > _MAX_PICKLE_BYTES:
            raise ValueError("the pickle is too large")
        return _Unpickler(io.BytesIO(archive.read(entry))).load()


def _places(value: object, expression: str, depth: int) -> Iterator[_Place]:
    """Every module, and every mapping that holds tensors."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, _Object) and isinstance(value.state, dict):
        if "_modules" in value.state:
            yield _Place(expression, dict(_state_dict(value, "", 0)), "module")
            return
        inner = {f".{name}": held for name, held in value.state.items() if str(name).isidentifier()}
    elif isinstance(value, dict):
        named = {key: held for key, held in value.items() if isinstance(key, str)}
        tensors = {key: held for key, held in named.items() if isinstance(held, Tensor)}
        if tensors:
            yield _Place(expression, tensors, "state dict" if len(tensors) == len(value) else "mixed dict")
        inner = {f"[{key!r}]": held for key, held in named.items()}
    else:
        return
    for step, held in inner.items():
        yield from _places(held, f"{expression}{step}", depth + 1)


def _state_dict(module: _Object, prefix: str, depth: int) -> Iterator[tuple[str, Tensor]]:
    state = module.state
    if not isinstance(state, dict) or depth > _MAX_DEPTH:
        return
    for kind in ("_parameters", "_buffers"):
        held = state.get(kind)
        for name, tensor in held.items() if isinstance(held, dict) else ():
            if isinstance(tensor, Tensor):
                yield f"{prefix}{name}", tensor
    modules = state.get("_modules")
    for name, inner in modules.items() if isinstance(modules, dict) else ():
        if isinstance(inner, _Object):
            yield from _state_dict(inner, f"{prefix}{name}.", depth + 1)
