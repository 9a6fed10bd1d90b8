"""Decoded frames as RGB: the very colours that the page (Chromium) shows for the same file."""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame as DecodedFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from reon_export.faces.crop import Image

_HIGH_DEFINITION_LINES = 720
# ITU-T H.273, table 4 (the numbers that files hold): to what FFmpeg can convert. Others are guessed like those of files
# that say nothing.
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
}
# For what Chromium's conversion is not known: the nearest colour sample, in full precision and with exact rounding.
_EXACT = Interpolation.POINT | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


class _Weights(NamedTuple):
    """libyuv's fixed-point weights, in 1/64 (row_common.cc); `luma` is in 1/64 of 256 * 256 / 257."""

    luma: int
    offset: int
    blue_of_u: int
    green_of_u: int
    green_of_v: int
    red_of_v: int


# Chromium converts with libyuv. On x86-64 its weight of U for blue is 128 where 129 (BT.601) and 135 (BT.709) would be
# right. The weights are taken as they are: with exact ones the scores of short clips are up to 0.09 off the page's, and
# with these less than 0.0001.
_LIBYUV = {
    (Colorspace.ITU601, ColorRange.MPEG): _Weights(18997, -1160, 128, 25, 52, 102),
    (Colorspace.ITU601, ColorRange.JPEG): _Weights(16320, 32, 113, 22, 46, 90),
    (Colorspace.ITU709, ColorRange.MPEG): _Weights(18997, -1160, 128, 14, 34, 115),
    (Colorspace.ITU709, ColorRange.JPEG): _Weights(16320, 32, 119, 12, 30, 101),
}


class ColourConverter:
    """Converts the frames of one stream, which must be fresh: its decoder overwrites what the container says.

    What the file says of its colours; where it says nothing, what browsers' players take: BT.601, and for high
    definition (720 lines, as in Chromium's player) BT.709. As `completeColorSpace` in web_demo/js/clips/decoded.js.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._stated = (stream.codec_context.colorspace, stream.codec_context.color_range)
        # A VP8 stream cannot name its colours, and FFmpeg's decoder calls all of them BT.601 with a limited range.
        self._is_named_by_decoder = stream.codec_context.name != "vp8"
        self._reformatter = VideoReformatter()

    def to_rgb(self, frame: DecodedFrame) -> Image:
        """The frame as uint8 [H, W, 3] RGB, as it lies in the file. Raises av.FFmpegError."""
        matrix, colour_range = self._find_colours(frame)
        weights = _LIBYUV.get((matrix, colour_range))
        if frame.format.name in ("yuv420p", "yuvj420p") and weights is not None:
            return _convert_as_libyuv(frame, weights)
        rgb = self._reformatter.reformat(
            frame,
            format="rgb24",
            interpolation=_EXACT,
            src_colorspace=matrix,
            src_color_range=colour_range,
            dst_color_range=ColorRange.JPEG,
        )
        return rgb.to_ndarray().astype(np.uint8, copy=False)

    def _find_colours(self, frame: DecodedFrame) -> tuple[Colorspace, ColorRange]:
        matrix, colour_range = self._stated
        if self._is_named_by_decoder:
            matrix = frame.colorspace if frame.colorspace in _MATRICES else matrix
            colour_range = frame.color_range or colour_range
        if frame.format.name.startswith("yuvj"):
            colour_range = ColorRange.JPEG
        guess = Colorspace.ITU601 if frame.height < _HIGH_DEFINITION_LINES else Colorspace.ITU709
        return _MATRICES.get(matrix, guess), ColorRange.JPEG if colour_range == ColorRange.JPEG else ColorRange.MPEG


def _convert_as_libyuv(frame: DecodedFrame, weights: _Weights) -> Image:
    """8-bit 4:2:0 planes to RGB as libyuv's I420ToARGB does: the nearest colour sample, 16 bits, no rounding."""
    luma, u, v = (_read_plane(plane) for plane in frame.planes)
    steps = np.arange(256)
    centred = steps - 128
    bright = _look_up(luma, (steps * 0x0101 * weights.luma >> 16) + weights.offset)
    red = _look_up(v, centred * weights.red_of_v)
    green = _look_up(u, centred * -weights.green_of_u) + _look_up(v, centred * -weights.green_of_v)
    blue = _look_up(u, centred * weights.blue_of_u)
    height, width = luma.shape
    channels = [
        # The sum over 64, rounded down: OpenCV rounds to the nearest, so just under a half is taken off.
        cv2.addWeighted(bright, 1 / 64, _double(part)[:height, :width], 1 / 64, -31.5 / 64, dtype=cv2.CV_8U)
        for part in (red, green, blue)
    ]
    return cv2.merge(channels).astype(np.uint8, copy=False)


def _double(part: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    height, width = part.shape
    return cv2.resize(part, (2 * width, 2 * height), interpolation=cv2.INTER_NEAREST).astype(np.int16, copy=False)


def _read_plane(plane: VideoPlane) -> Image:
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


def _look_up(plane: Image, table: npt.NDArray[np.int64]) -> npt.NDArray[np.int16]:
    return cv2.LUT(plane, table.astype(np.int16)).astype(np.int16, copy=False)
