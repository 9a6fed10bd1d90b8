"""An image file to pixels. Mirrored by web_demo/js/pixels/frame.js; both are held together by the image rung of parity.

What the pixels of a JPEG, PNG or WebP file are, in Python and in the page:

    colour       the numbers in the file. Colour profiles, gAMA and cICP are ignored: so did OpenCV when the training
                 crops were read.
    greyscale    three equal channels. A palette is looked up.
    16 bits      the high byte: value >> 8, of colour and of alpha.
    alpha        over opaque white: floor((colour * alpha + 255 * (255 - alpha)) / 255 + 0.5), alpha 0..255. Dropping
                 it, as OpenCV does by itself, would show colours that nobody was meant to see and that a canvas cannot
                 give back; and a page is white. The one transparent grey of a greyscale PNG is not looked at, because
                 OpenCV does not know it. Firefox and WebKit blend the alpha of a WebP with a rounding of their own.
    orientation  EXIF is obeyed in JPEG and, where it stands before the pixels, in PNG. In WebP it is ignored, because
                 Chromium does not read it there.

Other formats are whatever OpenCV makes of them. The numbers behind these rules stand beside the gates of
`reon_export.parity.rungs.image`.
"""

import struct
from typing import TYPE_CHECKING

import cv2
import numpy as np

from reon_export.errors import FaceError
from reon_export.faces.crop import Image
from reon_export.file_kind import name_kind
from reon_export.limits import RAISE_PIXELS, max_pixels

if TYPE_CHECKING:
    from cv2.typing import MatLike

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
ORIENTATION_TAG = 0x0112
_STRIP_ROWS = 64


def decode_image_rgb(encoded: bytes, name: str) -> Image:
    """A file's bytes to uint8 [H, W, 3] RGB, upright, by the rule above. `name` is for the error's sentence.

    Raises FaceError if it cannot be decoded.
    """
    is_png, is_webp = encoded.startswith(PNG_SIGNATURE), encoded[:4] == b"RIFF" and encoded[8:12] == b"WEBP"
    if not (is_png or is_webp):
        return _to_rgb(_decode(encoded, cv2.IMREAD_COLOR, name))
    stored = _decode(encoded, cv2.IMREAD_UNCHANGED, name)
    if stored.ndim == 3 and stored.shape[2] == 4:
        stored_rgb = _flatten_over_white(stored)
    else:
        stored_rgb = _to_rgb(_decode(encoded, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION, name))
    return np.ascontiguousarray(turn_upright(stored_rgb, read_png_orientation(encoded) if is_png else 1))


def turn_upright(image: Image, orientation: int) -> Image:
    """Stored pixels [H, W, ...] to upright ones by their EXIF orientation (1..8; any other is left as it is)."""
    transposed = np.swapaxes(image, 0, 1)
    turned = {
        2: image[:, ::-1],
        3: image[::-1, ::-1],
        4: image[::-1],
        5: transposed,
        6: transposed[:, ::-1],
        7: transposed[::-1, ::-1],
        8: transposed[::-1],
    }
    return turned.get(orientation, image)


def read_png_orientation(encoded: bytes) -> int:
    """The orientation in a PNG's eXIf chunk, 1 (upright) if there is none.

    OpenCV drops alpha where it applies it, and heeds a chunk behind the pixels as well, which Chromium does not.
    """
    position = len(PNG_SIGNATURE)
    while position + 8 <= len(encoded):
        size, kind = struct.unpack_from(">I4s", encoded, position)
        if kind == b"eXIf":
            return _read_tiff_orientation(encoded[position + 8 : position + 8 + size])
        if kind == b"IDAT":
            break
        position += size + 12
    return 1


def _read_tiff_orientation(exif: bytes) -> int:
    """The orientation tag of the first image file directory (TIFF 6.0, section 2)."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, directory)
        for entry in range(count):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, directory + 2 + 12 * entry)
            if tag == ORIENTATION_TAG:
                return int(value)
    except struct.error:
        return 1  # a damaged directory says nothing, and the pixels are good all the same
    return 1


def _decode(encoded: bytes, flags: int, name: str) -> "MatLike":
    try:
        decoded = cv2.imdecode(np.frombuffer(encoded, np.uint8), flags) if encoded else None
    except cv2.error as error:
        if "CV_IO_MAX_IMAGE" in str(error):
            raise FaceError(f"{name} has more than {max_pixels():,} pixels, by its header; {RAISE_PIXELS}") from error
        decoded = None
    except MemoryError as error:
        raise FaceError(f"{name} needs more memory than there is: make it smaller") from error
    if decoded is None:
        raise FaceError(f"{name} {_describe(encoded)}; expected a JPEG, PNG, BMP, WebP or TIFF file")
    return decoded


def _describe(encoded: bytes) -> str:
    """What is wrong with a file that cannot be decoded."""
    kind = name_kind(encoded[:512])
    if not encoded:
        return "is empty (0 bytes): copy or download it again"
    if kind in {"a JPEG image", "a PNG image"}:
        return f"is {kind} that is damaged or cut off: copy or download it again"
    return "is not an image that can be decoded" + (f", but {kind}" if kind else "")


def _to_rgb(image_bgr: "MatLike") -> Image:
    return np.ascontiguousarray(image_bgr[:, :, ::-1].astype(np.uint8, copy=False))


def _flatten_over_white(stored_bgra: "MatLike") -> Image:
    flat = np.empty((*stored_bgra.shape[:2], 3), np.uint8)
    for top in range(0, len(flat), _STRIP_ROWS):  # the numbers in between take ten times the memory of the result
        wide = stored_bgra[top : top + _STRIP_ROWS].astype(np.uint32) >> (8 if stored_bgra.dtype == np.uint16 else 0)
        colour_rgb, alpha = wide[:, :, 2::-1], wide[:, :, 3:]
        flat[top : top + _STRIP_ROWS] = (2 * (colour_rgb * alpha + 255 * (255 - alpha)) + 255) // 510
    return flat
