"""Photographs and the Haar cascade that RE:ON's classifier was trained behind."""

from pathlib import Path

import cv2

from reon_export.errors import FaceError, SetupError
from reon_export.faces.crop import Box, Image
from reon_export.faces.decode import decode_image_rgb

_CASCADE = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def list_images(folder: Path) -> list[Path]:
    """The image files directly in `folder`, sorted by name. Raises FaceError if there are none."""
    if not folder.is_dir():
        raise FaceError(f"{folder} is not a folder; give a folder of images ({', '.join(sorted(IMAGE_SUFFIXES))})")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise FaceError(f"no image in {folder}; wanted at least one of {', '.join(sorted(IMAGE_SUFFIXES))}")
    return paths


def read_image_rgb(path: Path) -> Image:
    """Decode a file to uint8 [H, W, 3] RGB, upright, by the rule of `reon_export.faces.decode`. Raises FaceError."""
    try:
        encoded = path.read_bytes()
    except OSError as error:
        raise FaceError(f"cannot read the image {path}: {error.strerror}") from error
    return decode_image_rgb(encoded, str(path))


class HaarDetector:
    """OpenCV's frontal-face cascade with the parameters of the training crops."""

    def __init__(self) -> None:
        """Load the cascade that ships inside the OpenCV wheel. Raises SetupError on OpenCV 5, which has none."""
        if not hasattr(cv2, "CascadeClassifier"):
            raise SetupError(f"OpenCV {cv2.__version__} has no Haar cascade; install 'opencv-python-headless>=4.10,<5'")
        self._cascade = cv2.CascadeClassifier(str(_CASCADE))

    def detect(self, image_rgb: Image) -> list[Box]:
        """Face boxes in `image_rgb` (uint8 [H, W, 3]), the largest first."""
        grey = cv2.cvtColor(image_rgb, cv2.COLOR_RGB2GRAY)
        found = self._cascade.detectMultiScale(grey, scaleFactor=1.1, minNeighbors=5)
        boxes = [Box(*map(float, box)) for box in found]
        return sorted(boxes, key=lambda box: (-box.width * box.height, box.y, box.x))
