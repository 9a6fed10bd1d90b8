"""Broken input by the thousand: every reader of files from outside must answer with a result or a ReonExportError.

`python tests/fuzz.py` runs it for as long as one likes; tests/test_fuzz.py runs a little of it.
"""

import copy
import io
import json
import math
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors.torch import save as save_safetensors
from torch import Tensor

from reon_export.checkpoint.label_file import read_labels
from reon_export.checkpoint.load import LoadOptions, load_checkpoint
from reon_export.evaluate.datasets import open_dataset
from reon_export.evaluate.datasets.annotations import AnnotationIndex, read_annotations
from reon_export.faces.decode import decode_image_rgb
from reon_export.manifest import MANIFEST_NAME, describe_files, read_manifest
from reon_export.parity.report import read_report
from reon_export.paths import DEFAULT_SPEC, SAMPLE_PHOTOS
from reon_export.score.definition import find_lag, find_warp, score_tracks
from reon_export.score.files import ScoreResult, result_to_csv, result_to_json
from reon_export.score.tracks.track import read_track
from reon_export.score.tracks.video import Video
from reon_export.spec import read_spec
from tests.support.model_folders import tiny_manifest

Random = random.Random
_NASTY: tuple[Any, ...] = (
    None, True, 0, -1, 1e308, -1e308, 10**400, 2**63, 0.1, math.nan, math.inf, -math.inf,
    "", "x", "\x00", "\ud800", "0", "null", "기쁨", "a" * 5000, "\x1b[2J", "1e999",
    [], {}, [[]], [None], {"": None}, {"a": {"a": {}}}, [1e400], ["x"] * 3,
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A reader: `make` gives the content of its files by name, `read` reads them from a folder."""

    name: str
    make: Callable[[Random], dict[str, bytes]]
    read: Callable[[Path], object]


# Bytes


def damage(content: bytes, rng: Random) -> bytes:
    """A few changes to bytes: flipped, set, cut, doubled, moved, numbers made large."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if not data:
            break
        at, length = rng.randrange(len(data)), rng.choice((1, 2, 4, 8, 64))
        match rng.randrange(8):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at : at + length] = bytes(rng.randrange(256) for _ in range(length))
            case 2:
                del data[at : at + length]
            case 3:
                data[at:at] = data[at : at + length]
            case 4:
                del data[at:]
            case 5:
                data[at : at + length] = b"\xff" * length
            case 6:
                data[at : at + length] = bytes(length)
            case _:
                other = rng.randrange(len(data))
                data[at : at + length] = data[other : other + length]
    return bytes(data)


# JSON


def twist(value: Any, rng: Random) -> Any:
    """A few values of a JSON document replaced, removed, doubled or renamed."""
    holder = {"": json.loads(json.dumps(value))}
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = list(_places(holder))
        container, key = rng.choice(places)
        match rng.randrange(6):
            case 0 | 1 | 2:
                container[key] = copy.deepcopy(rng.choice(_NASTY))
            case 3 if key != "":
                del container[key]
            case 4 if isinstance(container, list):
                container.insert(key, container[key])
            case 5 if isinstance(container, dict) and key != "":
                container[str(rng.choice(_NASTY))] = container.pop(key)
            case _:
                container[key] = [container[key]]
    return holder[""]


def _places(value: Any) -> Any:
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def json_of(value: Any, rng: Random) -> bytes:
    """A twisted document as bytes, sometimes damaged as such."""
    content = json.dumps(twist(value, rng)).encode()
    return damage(content, rng) if rng.random() < 0.2 else content


# Readers


def _tracks(rng: Random) -> dict[str, bytes]:
    def track() -> Any:
        frames = []
        for index in range(rng.randrange(1, 12)):
            values = np.random.default_rng(rng.randrange(2**32)).dirichlet([1.0] * 3).tolist()
            frames.append({"time_s": index / 30, "probabilities": rng.choice((values, None)), "box": None})
        return {
            "format": "reon-track", "version": 1, "name": "a", "labels": ["x", "y", "z"],
            "duration_s": len(frames) / 30, "model": {"name": "m"}, "notes": ["n"], "frames": frames,
        }  # fmt: skip

    second = track()
    return {"a.json": json_of(track(), rng), "b.json": json_of(second, rng) if rng.random() < 0.3 else _dump(second)}


def _dump(value: Any) -> bytes:
    return json.dumps(value).encode()


def _score(folder: Path) -> None:
    actor, user = read_track(folder / "a.json"), read_track(folder / "b.json")
    score = score_tracks(actor, user)
    find_warp(actor, user)
    result = ScoreResult(actor, user, score, "lag", find_lag(actor, user))
    json.dumps(result_to_json(result), allow_nan=False)
    result_to_csv(result)


def _annotations(rng: Random) -> dict[str, bytes]:
    corners = {"minX": 1, "minY": "2", "maxX": 30.5, "maxY": 40}
    annotator = {"boxes": corners, "faceExp": "기쁨"}
    records = [{"filename": f"a/b&{index}.jpg", "annot_A": annotator, "faceBB_B": annotator} for index in range(3)]
    content = json_of(records, rng)
    return {"a.json": content.decode("latin-1").encode("utf-16") if rng.random() < 0.1 else content}


def _read_annotations(folder: Path) -> None:
    index = AnnotationIndex()
    for annotation in read_annotations((folder / "a.json").read_bytes(), "a.json"):
        index.add(annotation)
    index.find("b_1.jpeg")


def _labels(rng: Random) -> dict[str, bytes]:
    documents: list[Any] = [
        ["a", "b"], {"0": "a", "1": "b"}, {"a": 0, "b": 1}, {"labels": ["a", "b"]}, {"id2label": {"0": "a", "1": "b"}},
        [{"key": "a", "ko": "기쁨", "en": "Joy"}, {"key": "b"}],
    ]  # fmt: skip
    return {"labels.json": json_of(rng.choice(documents), rng), "labels.txt": damage("0 기쁨\n1 슬픔\n".encode(), rng)}


def _read_labels(folder: Path) -> None:
    for name in ("labels.json", "labels.txt"):
        read_labels(str(folder / name))


def _records(rng: Random) -> dict[str, bytes]:
    spec = json.loads(DEFAULT_SPEC.read_text(encoding="utf-8"))
    return {"spec.json": json_of(spec, rng)}


def _read_spec_file(folder: Path) -> None:
    read_spec(folder / "spec.json")


def _manifests(rng: Random) -> dict[str, bytes]:
    spec = read_spec(DEFAULT_SPEC)
    artefact = describe_files(SAMPLE_PHOTOS, [SAMPLE_PHOTOS / "samples.json"], "tfjs", "float32")
    manifest = json.loads(tiny_manifest(spec, artefact).model_dump_json())
    return {MANIFEST_NAME: json_of(manifest, rng), "parity.json": json_of({"schema": 1, "verdict": "passed"}, rng)}


def _read_manifests(folder: Path) -> None:
    read_manifest(folder)
    read_report(folder / "parity.json")


def _images(rng: Random) -> dict[str, bytes]:
    size = rng.choice(((1, 1), (7, 3), (64, 48), (1, 300)))
    channels = rng.choice((1, 3, 4))
    pixels: Any = np.random.default_rng(rng.randrange(2**32)).integers(0, 256, (*size, channels), np.uint8)
    suffix = rng.choice((".png", ".jpg", ".webp", ".bmp", ".tiff"))
    if suffix == ".png" and rng.random() < 0.3:
        pixels = pixels.astype(np.uint16) * 257
    encoded = cv2.imencode(suffix, pixels if channels > 1 else pixels[:, :, 0])[1].tobytes()
    return {"image": damage(encoded, rng)}


def _read_image(folder: Path) -> None:
    decode_image_rgb((folder / "image").read_bytes(), "image")


def _videos(rng: Random) -> dict[str, bytes]:
    content = (SAMPLE_PHOTOS / "actor.webm").read_bytes()[:30_000]
    return {"video.webm": damage(content, rng)}


def _read_video(folder: Path) -> None:
    for index, _ in enumerate(Video(folder / "video.webm")):
        if index > 3:
            return


def _archives(rng: Random) -> dict[str, bytes]:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        archive.writestr("happiness/a.png", cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes())
        archive.writestr(f"sadness/{rng.choice(('b', '기쁨', '..', 'x' * 300))}.png", b"no image")
        archive.writestr("happiness/a.json", b"[]")
    return {"set.zip": damage(held.getvalue(), rng)}


def _read_archive(folder: Path) -> None:
    from reon_export.evaluate.read_entry import EntryReader

    labels = read_spec(DEFAULT_SPEC).labels
    data = open_dataset(f"zip://::{folder / 'set.zip'}", labels)
    reader = EntryReader(data, None, needs_box=False, margin=0)
    for entry in data.entries():
        reader.read(entry)


# Checkpoints

_DTYPES = (
    torch.float16, torch.bfloat16, torch.float64, torch.complex64, torch.bool, torch.int8, torch.int64, torch.uint8,
    torch.float8_e4m3fn,
)  # fmt: skip


def _odd_tensor(rng: Random, like: Tensor) -> Any:  # noqa: PLR0911  # a case each
    match rng.randrange(9):
        case 0:
            return like.to(rng.choice(_DTYPES))
        case 1:
            return torch.zeros(()).expand(rng.choice(((10**6, 10**6), tuple(like.shape), (2**40,))))
        case 2:
            return torch.zeros(rng.choice(((0,), (), (1, 2, 3, 4, 5), (7,))))
        case 3:
            return torch.full(like.shape, rng.choice((math.nan, math.inf, 1e38)))
        case 4:
            return like.to_sparse() if like.dim() else like
        case 5:
            return torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.qint8)
        case 6:
            return like.transpose(0, -1) if like.dim() > 1 else like.flip(0) if like.dim() else like
        case 7:
            return torch.nn.Parameter(like.float())
        case _:
            return copy.deepcopy(rng.choice(_NASTY[:-3]))


def _checkpoints(blank: dict[str, Tensor]) -> Callable[[Random], dict[str, bytes]]:
    def make(rng: Random) -> dict[str, bytes]:
        state: dict[Any, Any] = dict(blank)
        for _ in range(rng.choice((0, 1, 2, 5))):
            key = rng.choice(list(state))
            match rng.randrange(4):
                case 0:
                    del state[key]
                case 1:
                    state[rng.choice(("", ".", "ema", "model.ema", 3, None, ("a",), f"{key}.{key}", "\x1b[2J"))] = (
                        state.pop(key)
                    )
                case _:
                    state[key] = _odd_tensor(rng, state[key] if isinstance(state[key], Tensor) else torch.zeros(3))
        content: Any = state
        for _ in range(rng.choice((0, 0, 1, 2, 9))):
            name = rng.choice(("model", "state_dict", "ema", "", "model_ema_state_dict", 1, "a.b"))
            content = rng.choice(
                ({name: content}, {name: content, "epoch": 3, "ema": {}}, [content], (content, content))
            )
        if rng.random() < 0.05 and isinstance(content, dict):
            content["self"] = content
        held = io.BytesIO()
        try:
            if rng.random() < 0.25:
                tensors = {str(key): value.contiguous() for key, value in state.items() if isinstance(value, Tensor)}
                held.write(
                    save_safetensors({key: value.clone() for key, value in tensors.items() if value.numel() < 10**7})
                )
                name = "w.safetensors"
            else:
                torch.save(content, held, _use_new_zipfile_serialization=rng.random() < 0.7)
                name = "w.pt"
        except Exception:  # noqa: BLE001  # what cannot be written is no input
            held.write(b"nothing")
            name = "w.pt"
        written = held.getvalue()
        if rng.random() < 0.5:
            head = rng.choice((len(written), 4096, 100_000))  # in the pickle or header as often as in the weights
            written = damage(written[:head], rng) + written[head:]
        return {name: written}

    return make


def _read_checkpoint(folder: Path) -> None:
    (path,) = folder.iterdir()
    load_checkpoint(path, LoadOptions())


def make_targets(blank: dict[str, Tensor]) -> dict[str, Target]:
    """Every reader, by name. `blank` is a checkpoint of an EfficientNet-B0 that takes little room."""
    targets = (
        Target("score", _tracks, _score),
        Target("annotations", _annotations, _read_annotations),
        Target("labels", _labels, _read_labels),
        Target("spec", _records, _read_spec_file),
        Target("manifest", _manifests, _read_manifests),
        Target("image", _images, _read_image),
        Target("video", _videos, _read_video),
        Target("archive", _archives, _read_archive),
        Target("checkpoint", _checkpoints(blank), _read_checkpoint),
    )
    return {target.name: target for target in targets}
