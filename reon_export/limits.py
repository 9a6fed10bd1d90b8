"""How large a file may be, and what it may unpack to: a few bytes can ask for all the memory that there is.

The limits are environment variables, so that worker processes have them too. `python -m reon_export --max-pixels N` and
`--max-bytes N` set them. A program that imports OpenCV before this package has OpenCV's own limit of 2**30 pixels.
"""

import os
from typing import Final

MAX_PIXELS: Final = 2**26  # of one picture, like 8,192 x 8,192; Haar takes 4 GB for it
MAX_BYTES: Final = 2**31  # of one file, unpacked
PIXELS_VARIABLE: Final = "REON_MAX_PIXELS"
BYTES_VARIABLE: Final = "REON_MAX_BYTES"
_OPENCV_VARIABLE: Final = "OPENCV_IO_MAX_IMAGE_PIXELS"  # read when OpenCV is imported
RAISE_PIXELS: Final = "python -m reon_export --max-pixels N COMMAND raises that"
RAISE_BYTES: Final = "python -m reon_export --max-bytes N COMMAND raises that"
_TEXT_SHARE: Final = 32  # JSON becomes objects of twenty times its size


def max_pixels() -> int:
    """Of one picture, in a file or a video."""
    return _read(PIXELS_VARIABLE, MAX_PIXELS)


def max_bytes() -> int:
    """Of one file that is held in memory, unpacked."""
    return _read(BYTES_VARIABLE, MAX_BYTES)


def max_text_bytes() -> int:
    """Of one text file, JSON, or header in JSON: a 32nd of `max_bytes`, 64 MiB by default."""
    return max_bytes() // _TEXT_SHARE


def set_limits(pixels: int | None, size: int | None) -> None:
    """Set what is not None, for this process and those that it starts."""
    if pixels is not None:
        os.environ[PIXELS_VARIABLE] = str(pixels)
    if size is not None:
        os.environ[BYTES_VARIABLE] = str(size)
    limit_opencv()


def limit_opencv() -> None:
    """Tell OpenCV, which must not have been imported yet, and quieten it."""
    os.environ[_OPENCV_VARIABLE] = str(max_pixels())
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")  # what it cannot decode is an error here, and not noise as well


def _read(variable: str, default: int) -> int:
    value = os.environ.get(variable, "")
    return int(value) if value.isascii() and value.isdigit() and int(value) > 0 else default
