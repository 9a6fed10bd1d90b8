"""A folder as a model hub has it: one weights file, and a config.json of timm or transformers that describes it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reon_export.checkpoint.label_file import labels_in, to_labels
from reon_export.errors import CheckpointError, SpecError
from reon_export.spec import Label
from reon_export.text_file import read_text

CONFIG_NAME: Final = "config.json"
_PREPROCESSOR_NAME: Final = "preprocessor_config.json"
_SUFFIXES: Final = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".tar")
# A hub offers the same weights in both; the first holds no code.
_HUB_NAMES: Final = ("model.safetensors", "pytorch_model.bin")
# What transformers writes where nobody named the classes.
_PLACEHOLDER: Final = re.compile(r"LABEL_\d+")


@dataclass(frozen=True)
class HubConfig:
    """What a config.json says of the weights beside it. None and empty: nothing."""

    labels: tuple[Label, ...] | None = None
    input_size: int | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    architecture: str = ""


def find_weights(folder: Path) -> Path:
    """The one weights file in a folder. Raises CheckpointError that lists what there is."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix in _SUFFIXES)
    files = [path for path in files if not path.name.startswith(".")]
    for name in _HUB_NAMES:
        if folder / name in files:
            return folder / name
    if len(files) != 1:
        held = f"{len(files)} ({', '.join(path.name for path in files[:4])})" if files else "none"
        raise CheckpointError(f"{folder} is a folder, expected one .pt, .pth or .safetensors file in it, got {held}")
    return files[0]


def read_hub_config(weights: Path) -> HubConfig:
    """What the config.json beside a weights file says; nothing if there is none or it is another program's.

    Raises:
        SpecError: A config.json of timm or transformers has a value that cannot be used.
    """
    config = _read_json(weights.parent / CONFIG_NAME)
    if config is None or not ({"architecture", "architectures"} & config.keys()):
        return HubConfig()
    beside = _read_json(weights.parent / _PREPROCESSOR_NAME) or {}
    inner = config.get("pretrained_cfg")
    values = {**beside, **config, **(inner if isinstance(inner, Mapping) else {})}
    where = str(weights.parent / CONFIG_NAME)
    try:
        return HubConfig(
            labels=_labels(values, where),
            input_size=_input_size(values),
            mean=_triple(values.get("mean", values.get("image_mean"))),
            std=_triple(values.get("std", values.get("image_std"))),
            architecture=_architecture(values),
        )
    except (TypeError, ValueError) as error:
        raise SpecError(f"{where} cannot be used: {error}") from error


def _read_json(path: Path) -> Mapping[str, object] | None:
    if not path.is_file():
        return None
    try:
        value = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, Mapping) else None


def _labels(values: Mapping[str, object], where: str) -> tuple[Label, ...] | None:
    for key in ("label_names", "labels", "classes", "id2label"):
        if isinstance(values.get(key), list | Mapping):
            labels = to_labels(labels_in({key: values[key]}, where), where)
            return None if labels and all(_PLACEHOLDER.fullmatch(label.key) for label in labels) else labels
    return None


def _input_size(values: Mapping[str, object]) -> int | None:
    """timm: "input_size": [3, H, W]; transformers: "image_size" or the preprocessor's "crop_size" or "size"."""
    for key in ("input_size", "crop_size", "size", "image_size"):
        value = values.get(key)
        if isinstance(value, Mapping):
            value = [value.get("height"), value.get("width")]
        numbers = value if isinstance(value, list) else [value]
        sides = [side for side in numbers[-2:] if isinstance(side, int) and not isinstance(side, bool)]
        if sides and len(sides) == len(numbers[-2:]):
            if len(set(sides)) > 1:
                raise ValueError(f"{key} {sides} is not square; pass --input-size")
            return sides[0]
    return None


def _triple(value: object) -> tuple[float, float, float] | None:
    if value is None:
        return None
    if not isinstance(value, Sequence) or len(value) != 3:
        raise ValueError(f"expected three numbers for R,G,B, got {value!r}")
    red, green, blue = (float(item) for item in value)
    return red, green, blue


def _architecture(values: Mapping[str, object]) -> str:
    value = values.get("architecture", "")
    return value if isinstance(value, str) else ""
