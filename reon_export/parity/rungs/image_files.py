"""Writes image files with whatever a case of the image rung needs: bit depths, alpha, profiles, orientation.

By hand where OpenCV writes no such file, so that no further imaging library is needed.
"""

import struct
import zlib

import cv2
import numpy as np
import numpy.typing as npt

from reon_export.errors import ParityError
from reon_export.faces.crop import Image
from reon_export.faces.decode import ORIENTATION_TAG, PNG_SIGNATURE

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
Chunk = tuple[bytes, bytes]
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> the PNG header's colour type
_PALETTE = 3
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def write_png(
    pixels: Pixels, *chunks: Chunk, palette_rgba: Image | None = None, bits: int | None = None, interlaced: bool = False
) -> bytes:
    """A PNG of uint8 or uint16 [H, W] or [H, W, C], C = 2 grey + alpha, 3 RGB, 4 RGBA; each row has another filter.

    `chunks` are (type, data), written before the pixels. With `palette_rgba` (uint8 [N, 4]), `pixels` are indices.
    `bits` 1, 2 or 4 packs [H, W] values that fit.
    """
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    depth = bits or 8 * pixels.dtype.itemsize
    colour_type = _COLOUR_TYPES[channels] if palette_rgba is None else _PALETTE
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, int(interlaced))
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    parts = (pixels[top::down, left::across] for left, top, across, down in passes)
    rows = b"".join(_filter_rows(_pack_samples(part, depth), max(1, channels * depth // 8)) for part in parts)
    if palette_rgba is not None:
        chunks = (*chunks, (b"PLTE", palette_rgba[:, :3].tobytes()), (b"tRNS", palette_rgba[:, 3].tobytes()))
    every = ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return PNG_SIGNATURE + b"".join(_pack_chunk(kind, data) for kind, data in every)


def profile_chunk(profile: bytes) -> Chunk:
    """A PNG's iCCP chunk: the profile's name, 0, the compression method 0, the compressed profile."""
    return b"iCCP", b"wide gamut\0\0" + zlib.compress(profile)


def gamma_chunk(gamma: float) -> Chunk:
    """A PNG's gAMA chunk."""
    return b"gAMA", struct.pack(">I", round(gamma * 100_000))


def exif_chunk(orientation: int) -> Chunk:
    """A PNG's eXIf chunk that holds nothing but an orientation."""
    return b"eXIf", _make_exif(orientation)


def write_jpeg(
    image_rgb: Image, quality: int, *, subsampled: bool = False, progressive: bool = False, segments: bytes = b""
) -> bytes:
    """A JPEG of uint8 [H, W, 3] RGB (or grey [H, W]), 4:2:0 if `subsampled`, else 4:4:4; `segments` go to its start."""
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if subsampled else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    settings = {
        cv2.IMWRITE_JPEG_QUALITY: quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR: sampling,
        cv2.IMWRITE_JPEG_PROGRESSIVE: int(progressive),
    }
    encoded = _encode(".jpg", image_rgb, settings)
    return encoded[:2] + segments + encoded[2:]  # behind the start-of-image marker


def exif_segment(orientation: int) -> bytes:
    """A JPEG's APP1 segment that holds nothing but an orientation."""
    return _pack_segment(0xE1, b"Exif\0\0" + _make_exif(orientation))


def profile_segment(profile: bytes) -> bytes:
    """A JPEG's APP2 segment: the whole colour profile in part 1 of 1."""
    return _pack_segment(0xE2, b"ICC_PROFILE\0\x01\x01" + profile)


def write_lossless_webp(pixels: Image, profile: bytes = b"") -> bytes:
    """A lossless WebP of uint8 [H, W, 3] RGB or [H, W, 4] RGBA; only RGB may have a colour profile."""
    encoded = _encode(".webp", pixels, {cv2.IMWRITE_WEBP_QUALITY: 101})  # above 100 means lossless
    if not profile:
        return encoded
    # The extended container (RFC 9649, section 2.7): flags (0x20: a profile), then width - 1 and height - 1 in 24 bits.
    height, width = (size - 1 for size in pixels.shape[:2])
    extended = bytes([0x20, 0, 0, 0]) + width.to_bytes(3, "little") + height.to_bytes(3, "little")
    body = b"WEBP" + _pack_riff(b"VP8X", extended) + _pack_riff(b"ICCP", profile) + encoded[12:]
    return _pack_riff(b"RIFF", body)


def make_adobe_rgb_profile() -> bytes:
    """A minimal ICC profile (version 2.1, matrix and tone curves) of Adobe RGB (1998).

    Primaries adapted to D50 and the exponent 563/256 are those of the Adobe RGB (1998) colour image encoding, annex C.
    """
    colourants = {
        b"rXYZ": (0.60974, 0.31111, 0.01947),
        b"gXYZ": (0.20528, 0.62567, 0.06087),
        b"bXYZ": (0.14919, 0.06322, 0.74457),
        b"wtpt": (0.96420, 1.00000, 0.82491),
    }
    curve = struct.pack(">4s4xIH2x", b"curv", 1, 563)  # one entry is an exponent, in 1/256
    text = b"Adobe RGB (1998)\0"
    tags = {
        b"desc": struct.pack(">4s4xI", b"desc", len(text)) + text + bytes(4 + 4 + 2 + 1 + 67),
        b"cprt": b"text" + bytes(4) + b"Public domain\0",
        **{name: struct.pack(">4s4x3i", b"XYZ ", *(round(v * 65536) for v in xyz)) for name, xyz in colourants.items()},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    position = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, position + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    date = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    d50 = struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
    size, version = position + len(body), 0x02100000
    header = struct.pack(">I4xI4s4s4s12s4s28x12s48x", size, version, b"mntr", b"RGB ", b"XYZ ", date, b"acsp", d50)
    return header + table + body


def _make_exif(orientation: int) -> bytes:
    """A little-endian TIFF header and one directory with one entry: orientation, SHORT, 1 value."""
    directory = struct.pack("<HHHIHHI", 1, ORIENTATION_TAG, 3, 1, orientation, 0, 0)
    return b"II*\0" + struct.pack("<I", 8) + directory


def _pack_samples(pixels: Pixels, depth: int) -> Image:
    """Rows of bytes, uint8 [H, bytes]: big-endian samples, several to a byte below 8 bits."""
    if depth >= 8:
        big_endian = np.ascontiguousarray(pixels.astype(f">u{depth // 8}"))
        return big_endian.view(np.uint8).reshape(pixels.shape[0], -1 if pixels.size else 0)
    bits = np.unpackbits(pixels[:, :, None].astype(np.uint8), axis=2)[:, :, 8 - depth :]
    return np.packbits(bits.reshape(pixels.shape[0], -1), axis=1)


def _filter_rows(rows: Image, pixel_bytes: int) -> bytes:
    """Rows behind the number of their filter: 0 none, 1 left, 2 up, 3 average, 4 Paeth, in turn (PNG, section 9)."""
    if not rows.size:
        return b""
    value = rows.astype(np.int16)  # holds every difference of bytes
    left, up = np.zeros_like(value), np.zeros_like(value)
    left[:, pixel_bytes:], up[1:] = value[:, :-pixel_bytes], value[:-1]
    corner = np.zeros_like(value)
    corner[1:, pixel_bytes:] = value[:-1, :-pixel_bytes]
    to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    up_or_corner = np.where(to_up <= to_corner, up, corner)
    paeth = np.where((to_left <= to_up) & (to_left <= to_corner), left, up_or_corner)
    predictions = (np.zeros_like(value), left, up, (left + up) // 2, paeth)
    kinds = np.arange(len(value)) % len(predictions)
    filtered = value - np.choose(kinds[:, None], predictions)
    return np.hstack([kinds[:, None], filtered & 0xFF]).astype(np.uint8).tobytes()


def _pack_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _pack_segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _encode(suffix: str, pixels: Image, settings: dict[int, int]) -> bytes:
    if pixels.ndim == 3:
        pixels = np.dstack([pixels[:, :, 2::-1], pixels[:, :, 3:]])  # OpenCV writes BGR(A)
    flat = [number for setting in settings.items() for number in setting]
    done, encoded = cv2.imencode(suffix, np.ascontiguousarray(pixels), flat)
    if not done:
        raise ParityError(f"this OpenCV ({cv2.__version__}) does not write {suffix}; install opencv-python-headless")
    return encoded.tobytes()


def _pack_riff(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
