"""Decoded frames as RGB: the colours that the page shows for the same file."""

import numpy as np
from av.video.frame import VideoFrame as DecodedFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from reon_export.faces.crop import Image

# The nearest colour sample, in full precision and with exact rounding: at most 1 of 255 from what Chromium makes of the
# same frame, 0.1 on average. FFmpeg's fast path, which OpenCV takes, is 1.2 too dark on average.
_EXACT = Interpolation.POINT | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
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
_HIGH_DEFINITION_LINES = 720


class ColourConverter:
    """Converts the frames of one stream, which must be fresh: its decoder overwrites what the container says.

    What the file says of its colours; where it says nothing, what browsers' players take: BT.601, and for high
    definition (720 lines, as in Chromium's player) BT.709. As `completeColorSpace` in web_demo/js/clip.js.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._stated = (stream.codec_context.colorspace, stream.codec_context.color_range)
        # A VP8 stream cannot name its colours, and FFmpeg's decoder calls all of them BT.601 with a limited range.
        self._is_named_by_decoder = stream.codec_context.name != "vp8"
        self._reformatter = VideoReformatter()

    def to_rgb(self, frame: DecodedFrame) -> Image:
        """The frame as uint8 [H, W, 3] RGB, as it lies in the file. Raises av.FFmpegError."""
        matrix, colour_range = self._stated
        if self._is_named_by_decoder:
            matrix = frame.colorspace if frame.colorspace in _MATRICES else matrix
            colour_range = frame.color_range or colour_range
        guess = Colorspace.ITU601 if frame.height < _HIGH_DEFINITION_LINES else Colorspace.ITU709
        rgb = self._reformatter.reformat(
            _without_place_of_chroma(frame),
            format="rgb24",
            interpolation=_EXACT,
            src_colorspace=_MATRICES.get(matrix, guess),
            src_color_range=colour_range or ColorRange.MPEG,  # full range has pixel formats of its own, like yuvj420p
            dst_color_range=ColorRange.JPEG,
        )
        return rgb.to_ndarray().astype(np.uint8, copy=False)


def _without_place_of_chroma(frame: DecodedFrame) -> DecodedFrame:
    """The same planes in a new frame, which does not say where a colour sample lies among its 2 or 4 pixels.

    Decoders of H.264 say "at the left", and FFmpeg would shift the colours by that half pixel. Browsers do not.
    """
    kind = frame.format
    if kind.is_rgb or len(frame.planes) < 3:
        return frame
    same = DecodedFrame(frame.width, frame.height, kind.name)
    for source, target in zip(frame.planes, same.planes, strict=True):
        used = min(source.line_size, target.line_size)
        rows = np.frombuffer(memoryview(source), np.uint8).reshape(source.height, source.line_size)
        np.frombuffer(memoryview(target), np.uint8).reshape(target.height, target.line_size)[:, :used] = rows[:, :used]
    return same
