"""Sets of face crops for parity: cut from the shipped photographs, or taken from a folder of crops."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from reon_export.errors import FaceError
from reon_export.faces.crop import Box, Image, cut_square, square_crop
from reon_export.faces.haar import HaarDetector
from reon_export.faces.image_files import find_images, list_images, read_image_rgb
from reon_export.faces.preprocess import crop_face, resize_bilinear
from reon_export.spec import ModelSpec

DEFAULT_SAMPLES = 64
DEFAULT_SEED = 20


@dataclass(frozen=True)
class CropSet:
    """Face crops in the network's input size, each with the name that records where it comes from.

    `crops_rgb` is uint8 [N, H, W, 3], RGB.
    """

    crops_rgb: npt.NDArray[np.uint8]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Augmentation:
    """One seeded change of a face crop. Its text is the record: it is part of the crop's name."""

    angle_deg: float
    zoom: float
    shift_x: float
    shift_y: float
    gain: float
    blur_px: float
    flip: bool

    def __str__(self) -> str:
        """The parameters, as they appear in reports and manifests."""
        return (
            f"turn {self.angle_deg:+.1f} deg, zoom {self.zoom:.2f}, shift {self.shift_x:+.2f} {self.shift_y:+.2f}, "
            f"gain {self.gain:.2f}, blur {self.blur_px:.1f} px{', flip' if self.flip else ''}"
        )


def crops_from_photos(folder: Path, spec: ModelSpec, count: int = DEFAULT_SAMPLES, seed: int = DEFAULT_SEED) -> CropSet:
    """`count` distinct crops of the largest Haar face of each photograph in `folder`.

    The first crop of each photograph is the plain one; the others are augmented, seeded by `seed`.
    Raises FaceError if a photograph has no face.
    """
    photos = [(path.name, *_read_face(path, path.stat().st_mtime_ns)) for path in list_images(folder)]
    random = np.random.default_rng(seed)
    crops, names = [], []
    for index in range(count):
        name, image_rgb, box = photos[index % len(photos)]
        if index < len(photos):
            crops.append(crop_face(image_rgb, box, spec))
            names.append(name)
        else:
            change = _draw(random)
            crops.append(_augmented_crop(image_rgb, box, change, spec))
            names.append(f"{name}: {change}")
    return CropSet(np.stack(crops), tuple(names))


@lru_cache(maxsize=8)
def _read_face(path: Path, changed_ns: int) -> tuple[Image, Box]:  # noqa: ARG001  the key: a file that changed is read anew
    """A photograph and its largest Haar face; kept, since finding it takes half a second. Raises FaceError."""
    image_rgb = read_image_rgb(path)
    boxes = HaarDetector().detect(image_rgb)
    if not boxes:
        raise FaceError(f"no face found in {path}; expected photographs with a frontal face")
    return image_rgb, boxes[0]


def crops_from_folder(folder: Path, spec: ModelSpec, limit: int | None = None) -> CropSet:
    """Every image below `folder` taken whole as one face crop, resized to the network's input.

    Class folders are searched too. With `limit`, an even choice of that many. Raises FaceError if there is none.
    """
    if not folder.is_dir():
        raise FaceError(
            f"{folder} is not a folder; --crops expects a folder of face crops (images, class folders allowed)"
        )
    paths = find_images(folder)
    if not paths:
        raise FaceError(f"no image below {folder}; --crops expects at least one face crop")
    if limit is not None:
        paths = [paths[index] for index in spread_evenly(len(paths), limit)]
    crops = [resize_bilinear(read_image_rgb(path), spec.input.height, spec.input.width) for path in paths]
    return CropSet(np.stack(crops), tuple(str(path.relative_to(folder)) for path in paths))


def spread_evenly(total: int, count: int) -> npt.NDArray[np.intp]:
    """At most `count` indices of `total` things, evenly spread, the first and the last among them."""
    return np.linspace(0, total - 1, min(count, total)).round().astype(np.intp)


def _draw(random: np.random.Generator) -> Augmentation:
    return Augmentation(
        angle_deg=float(random.uniform(-20, 20)),
        zoom=float(random.uniform(0.8, 1.3)),
        shift_x=float(random.uniform(-0.1, 0.1)),
        shift_y=float(random.uniform(-0.1, 0.1)),
        gain=float(random.uniform(0.5, 1.5)),
        blur_px=float(random.choice([0.0, 0.0, 1.0, 2.0])),
        flip=bool(random.integers(2)),
    )


def _augmented_crop(image_rgb: Image, box: Box, change: Augmentation, spec: ModelSpec) -> Image:
    # The neighbourhood of the face first: turning the whole photograph would cost a hundred times the pixels.
    side = box.width
    around = square_crop(box, margin=0.75)
    patch = cut_square(image_rgb, around)
    centre = around.side / 2
    turn = cv2.getRotationMatrix2D((centre, centre), change.angle_deg, 1.0)
    turned = cv2.warpAffine(patch, turn, (around.side, around.side), borderMode=cv2.BORDER_REPLICATE)
    width = side * change.zoom
    moved = Box(centre + change.shift_x * side - width / 2, centre + change.shift_y * side - width / 2, width, width)
    crop = crop_face(turned.astype(np.uint8, copy=False), moved, spec)
    if change.blur_px:
        crop = cv2.GaussianBlur(crop, (0, 0), change.blur_px).astype(np.uint8, copy=False)
    crop = np.clip(crop.astype(np.float64) * change.gain, 0, 255).round().astype(np.uint8)
    return np.ascontiguousarray(crop[:, ::-1]) if change.flip else crop
