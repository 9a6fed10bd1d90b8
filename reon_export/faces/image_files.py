"""Image files of a folder, and their pixels."""

from pathlib import Path

from reon_export.errors import FaceError
from reon_export.faces.crop import Image
from reon_export.faces.decode import decode_image_rgb

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def list_images(folder: Path) -> list[Path]:
    """The image files directly in `folder`, sorted by name. Raises FaceError if there are none."""
    if not folder.is_dir():
        raise FaceError(f"{folder} is not a folder; give a folder of images ({', '.join(sorted(IMAGE_SUFFIXES))})")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise FaceError(f"no image in {folder}; expected at least one of {', '.join(sorted(IMAGE_SUFFIXES))}")
    return paths


def read_image_rgb(path: Path) -> Image:
    """Decode a file to uint8 [H, W, 3] RGB, upright, by the rule of `reon_export.faces.decode`. Raises FaceError."""
    try:
        encoded = path.read_bytes()
    except OSError as error:
        raise FaceError(f"cannot read the image {path}: {error.strerror}") from error
    return decode_image_rgb(encoded, str(path))
