"""Image files of a folder, and their pixels."""

from pathlib import Path, PurePath

from reon_export.errors import FaceError
from reon_export.faces.crop import Image
from reon_export.faces.decode import decode_image_rgb
from reon_export.read_file import read_bytes

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
# Folders that storage systems, archivers and recycle bins put among people's files: thumbnails and deleted images.
_SYSTEM_NAMES = frozenset({
    "@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "$recycle.bin", "recycler", "__macosx",
    "lost+found", "system volume information",
})  # fmt: skip


def is_system_name(name: str) -> bool:
    """Whether a file or folder of this name is hidden or the system's own, and so no part of anybody's images."""
    return name.startswith(".") or name.casefold() in _SYSTEM_NAMES


def is_image_name(name: str) -> bool:
    """Whether a file of this name, without its folder, is taken for an image."""
    return not is_system_name(name) and PurePath(name).suffix.lower() in IMAGE_SUFFIXES


def find_images(folder: Path) -> list[Path]:
    """The image files anywhere below `folder`, sorted by path; nothing in hidden and system folders."""
    below = (path for path in folder.rglob("*") if is_image_name(path.name))
    return sorted(path for path in below if not any(map(is_system_name, path.relative_to(folder).parts)))


def list_images(folder: Path) -> list[Path]:
    """The image files directly in `folder`, sorted by name. Raises FaceError if there are none."""
    if not folder.is_dir():
        raise FaceError(f"{folder} is not a folder; give a folder of images ({', '.join(sorted(IMAGE_SUFFIXES))})")
    paths = sorted(path for path in folder.iterdir() if is_image_name(path.name))
    if not paths:
        raise FaceError(f"no image in {folder}; expected at least one of {', '.join(sorted(IMAGE_SUFFIXES))}")
    return paths


def read_image_rgb(path: Path) -> Image:
    """Decode a file to uint8 [H, W, 3] RGB, upright, by the rule of `reon_export.faces.decode`. Raises FaceError."""
    try:
        encoded = read_bytes(path)
    except OSError as error:
        raise FaceError(f"cannot read the image {path}: {error.strerror}") from error
    return decode_image_rgb(encoded, str(path))
