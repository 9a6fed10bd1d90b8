"""The image files of parity's second rung: photographs in every form that decoders are known to differ on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from reon_export.errors import FaceError
from reon_export.faces.crop import Box, Image, cut_square, square_crop
from reon_export.faces.haar import HaarDetector
from reon_export.faces.image_files import read_image_rgb
from reon_export.parity.rungs.image_files import (
    exif_chunk,
    exif_segment,
    gamma_chunk,
    make_adobe_rgb_profile,
    profile_chunk,
    profile_segment,
    write_jpeg,
    write_lossless_webp,
    write_png,
)

SEED = 20
_ORIENTATIONS = (3, 6, 8)  # what a phone writes when it is held upside down or upright
_TURNS_TO_STORE = {3: 2, 6: 1, 8: 3}  # quarter turns to the left that EXIF's orientation undoes
_LONGEST_SIDE_PX = 700  # of the lossless files: enough for down-scaling, little to send


@dataclass(frozen=True)
class ImageCase:
    """A file as a visitor could drop it on the page, and where the face is in the upright image.

    `kind` "lossless" has one right answer for each pixel; "jpeg" (any file that decoders differ on) has not.
    """

    name: str
    kind: Literal["lossless", "jpeg"]
    encoded: bytes
    box: Box


class _Photo(NamedTuple):
    name: str
    image_rgb: Image
    face: Box


def make_cases(photo_paths: Sequence[Path], seed: int = SEED) -> list[ImageCase]:
    """Every case, from photographs: the first one in every form, the others as PNG and as JPEG. The same each time.

    The box is the largest Haar face. Raises FaceError if there is no photograph, or one without a face.
    """
    if not photo_paths:
        raise FaceError("no photograph was given for the image rung; expected at least one with a frontal face")
    photos = [_read_photo(path) for path in photo_paths]
    first = _cut_around_face(photos[0])
    random = np.random.default_rng(seed)
    cases = [
        *_boxes(first),
        *_faces_at_edges(first),
        *_plain_forms(first),
        *_deep_and_transparent_forms(first, random),
        *_jpeg_forms(first),
    ]
    for path, photo in zip(photo_paths, photos, strict=True):
        if photo is not photos[0]:
            small = _cut_around_face(photo)
            cases.append(ImageCase(f"{photo.name}, PNG", "lossless", write_png(small.image_rgb), small.face))
        cases.append(ImageCase(f"{photo.name}, JPEG q95", "jpeg", write_jpeg(photo.image_rgb, 95), photo.face))
        subsampled = write_jpeg(photo.image_rgb, 75, subsampled=True)
        cases.append(ImageCase(f"{photo.name}, JPEG q75 4:2:0", "jpeg", subsampled, photo.face))
        if path.suffix.lower() in {".jpg", ".jpeg"}:
            cases.append(ImageCase(f"{photo.name}, the file itself", "jpeg", path.read_bytes(), photo.face))
    return cases


def _read_photo(path: Path) -> _Photo:
    image_rgb = read_image_rgb(path)
    boxes = HaarDetector().detect(image_rgb)
    if not boxes:
        raise FaceError(f"no face found in {path}; expected photographs with a frontal face")
    return _Photo(path.name, image_rgb, boxes[0])


def _cut_around_face(photo: _Photo) -> _Photo:
    """The photograph, or the part of it within _LONGEST_SIDE_PX around the face.

    Odd in width and height, and not square, so that a turn left out shows in the size.
    """
    height, width = photo.image_rgb.shape[:2]
    left = _start(photo.face.x + photo.face.width / 2, width)
    top = _start(photo.face.y + photo.face.height / 2, height)
    part = photo.image_rgb[top : top + _LONGEST_SIDE_PX, left : left + _LONGEST_SIDE_PX]
    rows, columns = ((size - 1) // 2 * 2 + 1 for size in part.shape[:2])
    rows -= 2 if rows == columns else 0
    moved = photo.face._replace(x=photo.face.x - left, y=photo.face.y - top)
    return _Photo(photo.name, np.ascontiguousarray(part[:rows, :columns]), moved)


def _start(centre: float, size: int) -> int:
    return max(0, min(int(centre) - _LONGEST_SIDE_PX // 2, size - _LONGEST_SIDE_PX))


def _boxes(photo: _Photo) -> Iterator[ImageCase]:
    """One PNG, and boxes at every place where a crop can go wrong."""
    encoded = write_png(photo.image_rgb)
    height, width = photo.image_rgb.shape[:2]
    x, y, side, _ = photo.face
    boxes = {
        "on the face": photo.face,
        "fractional": Box(x + 0.37, y - 0.61, side + 0.43, side - 0.29),
        "wide": Box(x - side / 4, y, side * 1.5, side),
        "tall": Box(x, y - side / 4, side, side * 1.5),
        "over the bottom right corner": Box(width - side / 3, height - side / 4, side, side),
        "at negative coordinates, outside": Box(-3 * side, -2 * side, side, side),
        "beyond the far corner": Box(width + 5, height + 7, side, side),
        "of one pixel": Box(x + side // 2, y + side // 2, 1, 1),
        "of the last pixel": Box(width - 1, height - 1, 1, 1),
        "of less than a pixel": Box(x + 0.3, y + 0.3, 0.2, 0.2),
        "of 20 pixels, scaled up": Box(x + side // 3, y + side // 4, 20, 20),
        "larger than the photograph": Box(-width / 2, -height / 3, 2 * width, 1.5 * height),
    }
    for name, box in boxes.items():
        yield ImageCase(f"{photo.name}, PNG, box {name}", "lossless", encoded, box)


def _faces_at_edges(photo: _Photo) -> Iterator[ImageCase]:
    """The photograph cut so that a third of the face is missing, at each edge in turn."""
    height, width = photo.image_rgb.shape[:2]
    x, y, side = (int(value) for value in photo.face[:3])
    third = side // 3
    windows = {  # left, top, right, bottom
        "left": (x + third, 0, width, height),
        "top": (0, y + third, width, height),
        "right": (0, 0, x + side - third, height),
        "bottom": (0, 0, width, y + side - third),
    }
    for edge, (left, top, right, bottom) in windows.items():
        moved = photo.face._replace(x=x - left, y=y - top)
        encoded = write_png(photo.image_rgb[top:bottom, left:right])
        yield ImageCase(f"{photo.name}, PNG, face cut by the {edge} edge", "lossless", encoded, moved)


def _plain_forms(photo: _Photo) -> Iterator[ImageCase]:
    """The photograph as 8-bit, opaque, lossless files whose metadata or container a decoder may heed."""
    image_rgb, face = photo.image_rgb, photo.face
    files = {
        "8-bit greyscale PNG": write_png(image_rgb[:, :, 1]),
        "PNG with an Adobe RGB profile": write_png(image_rgb, profile_chunk(make_adobe_rgb_profile())),
        "PNG with gamma 1.0": write_png(image_rgb, gamma_chunk(1.0)),
        "lossless WebP": write_lossless_webp(image_rgb),
        "lossless WebP with an Adobe RGB profile": write_lossless_webp(image_rgb, make_adobe_rgb_profile()),
    }
    for orientation in _ORIENTATIONS:
        stored = np.rot90(image_rgb, _TURNS_TO_STORE[orientation])
        files[f"PNG with EXIF orientation {orientation}"] = write_png(stored, exif_chunk(orientation))
    for name, encoded in files.items():
        yield ImageCase(f"{photo.name}, {name}", "lossless", encoded, face)
    around = square_crop(face, margin=0.2)
    cut = cut_square(image_rgb, around)[: around.side // 2 * 2 - 1, : around.side // 2 * 2 - 3]
    moved = face._replace(x=face.x - around.left, y=face.y - around.top)
    yield ImageCase(f"{photo.name}, odd cut as PNG", "lossless", write_png(cut), moved)
    yield ImageCase("a PNG of one pixel", "lossless", write_png(image_rgb[:1, :1]), Box(-4, -4, 9, 9))


def _deep_and_transparent_forms(photo: _Photo, random: np.random.Generator) -> Iterator[ImageCase]:
    """The photograph as lossless files of 16 bits, with alpha, or both."""
    image_rgb = photo.image_rgb
    height, width = image_rgb.shape[:2]
    # Every alpha, from transparent at the left to opaque at the right of the face, roughened: no two rows agree.
    ramp = (np.arange(width) - photo.face.x) * (255 / photo.face.width) + random.normal(0, 20, (height, width))
    rgba = np.dstack([image_rgb, np.clip(ramp.round(), 0, 255).astype(np.uint8)])
    # The low bytes are noise: values that are no multiple of 257 tell every rounding from every other.
    noise = random.integers(0, 256, rgba.shape, dtype=np.uint16)
    deep_rgba: npt.NDArray[np.uint16] = (rgba.astype(np.uint16) * 256 + noise).astype(np.uint16)
    # Six steps a channel, and an alpha of its own for each of the 216 colours.
    six = np.stack(np.meshgrid(*[np.arange(0, 256, 51)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    palette_rgba = np.hstack([six, random.integers(0, 256, (len(six), 1))]).astype(np.uint8)
    indices = (image_rgb.astype(np.int64) // 43 @ [36, 6, 1]).astype(np.uint8)
    four_bits = (image_rgb[:, :, 1] // 16).astype(np.uint8)
    hidden = deep_rgba[int(photo.face.y) + 9, int(photo.face.x) + 9, :3].astype(">u2")
    files = {
        "16-bit greyscale PNG": write_png(deep_rgba[:, :, 1]),
        "16-bit RGB PNG": write_png(deep_rgba[:, :, :3]),
        "16-bit PNG with an Adobe RGB profile": write_png(deep_rgba[:, :, :3], profile_chunk(make_adobe_rgb_profile())),
        "16-bit RGBA PNG": write_png(deep_rgba),
        "RGBA PNG with partial alpha": write_png(rgba),
        "interlaced RGBA PNG": write_png(rgba, interlaced=True),
        "RGBA PNG with EXIF orientation 6": write_png(np.rot90(rgba, _TURNS_TO_STORE[6]), exif_chunk(6)),
        "greyscale PNG with alpha": write_png(rgba[:, :, [1, 3]]),
        "palette PNG with transparency": write_png(indices, palette_rgba=palette_rgba),
        "16-bit PNG with one transparent colour": write_png(deep_rgba[:, :, :3], (b"tRNS", hidden.tobytes())),
        "4-bit greyscale PNG with gamma 1.0": write_png(four_bits, gamma_chunk(1.0), bits=4),
    }
    for name, encoded in files.items():
        yield ImageCase(f"{photo.name}, {name}", "lossless", encoded, photo.face)
    # Lossless, but browsers blend its alpha each with a rounding of their own: within 1 of 255, on average 0.46.
    yield ImageCase(f"{photo.name}, lossless WebP with alpha", "jpeg", write_lossless_webp(rgba), photo.face)


def _jpeg_forms(photo: _Photo) -> Iterator[ImageCase]:
    """The photograph as every kind of JPEG."""
    image_rgb = photo.image_rgb
    profile = profile_segment(make_adobe_rgb_profile())
    files = {
        "progressive JPEG 4:2:0": write_jpeg(image_rgb, 85, subsampled=True, progressive=True),
        "greyscale JPEG": write_jpeg(image_rgb[:, :, 1], 90),
        "JPEG with an Adobe RGB profile": write_jpeg(image_rgb, 95, segments=profile),
    }
    for orientation in _ORIENTATIONS:
        stored = np.rot90(image_rgb, _TURNS_TO_STORE[orientation])
        files[f"JPEG with EXIF orientation {orientation}"] = write_jpeg(stored, 95, segments=exif_segment(orientation))
    for name, encoded in files.items():
        yield ImageCase(f"{photo.name}, {name}", "jpeg", encoded, photo.face)
