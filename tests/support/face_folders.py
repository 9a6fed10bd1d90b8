"""Small labelled data sets made from the shipped photographs."""

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from reon_export.faces.crop import Box
from reon_export.faces.haar import HaarDetector
from reon_export.faces.image_files import read_image_rgb
from reon_export.faces.samples import crops_from_photos
from reon_export.paths import SAMPLE_PHOTOS
from reon_export.spec import ModelSpec

PHOTOS = ("astronaut.png", "biden.jpg", "obama.jpg", "obama2.jpg")


def write_rgb(path: Path, image_rgb: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR))[1].tobytes())
    return path


def write_crops(folder: Path, crops_rgb: npt.NDArray[np.uint8]) -> Path:
    """Crops as PNG files, in their order."""
    for index, crop_rgb in enumerate(crops_rgb):
        write_rgb(folder / f"{index:04d}.png", crop_rgb)
    return folder


def make_crop_folders(folder: Path, spec: ModelSpec, count: int, labels: Sequence[str]) -> Path:
    """`count` real face crops, dealt out to class folders in turn."""
    crops = crops_from_photos(SAMPLE_PHOTOS, spec, count)
    for index, crop_rgb in enumerate(crops.crops_rgb):
        write_rgb(folder / labels[index % len(labels)] / f"{index:04d}.png", crop_rgb)
    return folder


def make_photo_folders(folder: Path, labels: Sequence[str]) -> Path:
    """The four photographs, shrunk to a quarter for speed, one after another into class folders."""
    for index, name in enumerate(PHOTOS):
        write_rgb(folder / labels[index % len(labels)] / f"{name.partition('.')[0]}.png", small_photo(name))
    return folder


def small_photo(name: str) -> Any:
    image = read_image_rgb(SAMPLE_PHOTOS / name)
    scale = 400 / max(image.shape[:2])
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def make_aihub(folder: Path, *, encoding: str = "utf-8", decomposed: bool = False) -> dict[str, Box]:
    """The layout of AI-Hub's Korean emotion data, as far as it is public; the boxes, by file name, come back.

    Names are Korean; `decomposed` writes them as macOS does.
    """
    boxes: dict[str, Box] = {}
    form: Any = "NFD" if decomposed else "NFC"
    for label, photos in (("기쁨", PHOTOS[:2]), ("상처", PHOTOS[2:])):
        records = []
        images = folder / "Training" / unicodedata.normalize(form, f"[원천]EMOIMG_{label}_TRAIN_01")
        for index, photo in enumerate(photos):
            name = f"faç e_여_20_{label}&{index}.jpg"
            image = small_photo(photo)
            write_rgb(images / unicodedata.normalize(form, name), image)
            box = HaarDetector().detect(image)[0]
            boxes[name] = box
            corners = {"minX": box.x, "minY": box.y, "maxX": box.x + box.width, "maxY": box.y + box.height}
            records.append({
                "filename": name, "gender": "여", "age": 20, "isProf": "일반인", "faceExp_uploader": label,
                "annot_A": {"boxes": corners if index == 0 else None, "faceExp": label},
                "annot_B": {"boxes": corners, "faceExp": label},
            })  # fmt: skip
        target = folder / "Training" / f"[라벨]EMOIMG_{label}_TRAIN" / f"img_emotion_training_data({label}).json"
        target.parent.mkdir(parents=True)
        target.write_bytes(json.dumps(records, ensure_ascii=False, indent=2).encode(encoding, "replace"))
    return boxes
