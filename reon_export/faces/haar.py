"""The Haar cascade that RE:ON's classifier was trained behind."""

from pathlib import Path

import cv2

from reon_export.errors import SetupError
from reon_export.faces.crop import Box, Image

_CASCADE = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"


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
