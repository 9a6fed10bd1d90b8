"""A video file or a folder of images as frames with times, decoded one at a time."""

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import NamedTuple, cast

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame as DecodedFrame
from av.video.stream import VideoStream

from reon_export.errors import FaceError, TrackError
from reon_export.faces.crop import Image
from reon_export.faces.image_files import list_images, read_image_rgb
from reon_export.file_kind import name_kind
from reon_export.limits import RAISE_PIXELS, max_pixels
from reon_export.read_file import check_file, open_file
from reon_export.score.tracks.colours import ColourConverter
from reon_export.score.tracks.matroska import is_complete
from reon_export.score.tracks.track import estimate_duration_s

# FFmpeg's own chatter about damaged files becomes one line of ours.
av.logging.set_level(None)

DEFAULT_FPS = 30.0
_NO_VIDEO = ("a text", "a web page", "a zip", "a RAR", "a PDF", "a HEIC", "an AVIF", "an SVG", "a Git LFS", "a file of")
# Streams of pictures that are no part of the video: covers, and thumbnails for the seek bar.
_STILLS = Disposition.attached_pic | Disposition.timed_thumbnails
_NO_TIMES = 0x80  # FFmpeg's AVFMT_NOTIMESTAMPS: raw streams, whose stamps it makes up
_WIDEST_PIXEL = 8  # to one; what says more is damaged
# ITU-T H.273, table 3
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
# A file that ends this much before the end that its header names was cut off. The header of a file with uneven frame
# times is off by less than one frame; nothing that matters to the score (see score.MAX_HOLD_S) is shorter than this.
_MAX_MISSING_S = 0.5


class VideoFrame(NamedTuple):
    """One frame: seconds from the first frame, and uint8 [H, W, 3] RGB, upright."""

    time_s: float
    image_rgb: Image


class Video:
    """Frames in order of time; read once, from the front. Iterating again decodes again, and gives the same.

    `expected_frames` is what the header says, or None. `duration_s` and `notes` (what was assumed, and what may be off,
    a sentence each) are known when all frames have been read.
    """

    def __init__(self, path: Path, fps: float = DEFAULT_FPS) -> None:
        """Open `path`. `fps` is for folders of images and streams whose frames have no times.

        Raises TrackError if there is nothing that can be decoded.
        """
        self.path = path
        self.name = path.name
        self.duration_s = 0.0
        self.notes: tuple[str, ...] = ()
        self._images: list[Path] | None = None
        self._fps = fps
        self._end_s = 0.0
        self._is_refused = False
        if path.is_dir():
            self._images = _list_frames(path)
            self.expected_frames: int | None = len(self._images)
        else:
            _check_file(path)
            _check_moving(path)
            with _open_video(path) as container:
                stream = _find_stream(path, container)
                self._stated_end_s = _read_end(container, stream)
                start_s = float((stream.start_time or 0) * (stream.time_base or 0))
                count = stream.frames or round(((self._stated_end_s or start_s) - start_s) * _read_rate(stream))
                self.expected_frames = count or None

    def __iter__(self) -> Iterator[VideoFrame]:
        """Decode. Raises TrackError when the file ends before its header states, or holds no frame."""
        times: list[float] = []
        for frame in self._read_images() if self._images is not None else self._read_video():
            times.append(frame.time_s)
            yield frame
        if not times:
            if self._is_refused:
                raise TrackError(
                    f"{self.path} cannot be decoded: each of its pictures has more than {max_pixels():,} pixels, or is "
                    f"damaged; {RAISE_PIXELS}"
                )
            raise TrackError(f"{self.path} holds no frame (0 s); give a video with a face in it")
        self.duration_s = len(times) / self._fps if self._images is not None else estimate_duration_s(times)
        is_short = self._images is None and (self._stated_end_s or 0.0) - self._end_s > _MAX_MISSING_S
        if is_short and not is_complete(self.path):
            raise TrackError(
                f"{self.path} is cut off: its header states {self._stated_end_s:.1f} s, what is in it ends at "
                f"{self._end_s:.1f} s; copy or download it again, or remux what is left of it"
            )

    def _read_images(self) -> Iterator[VideoFrame]:
        for index, path in enumerate(self._images or ()):
            yield VideoFrame(index / self._fps, read_image_rgb(path))

    def _read_video(self) -> Iterator[VideoFrame]:
        with _open_video(self.path) as container:
            stream = _find_stream(self.path, container)
            # One thread: from a damaged file, frames or slices in parallel come out otherwise now and then.
            stream.codec_context.thread_count = 1
            stream.codec_context.options = _limit_options()
            colours = ColourConverter(stream)
            self.notes = tuple(_describe_colours(stream))
            has_no_times = bool(container.format.flags & _NO_TIMES) or container.format.name.endswith("_pipe")
            start_s: float | None = None
            step_s, last_s = 0.0, 0.0
            matrix, turned = _read_first_matrix(self.path)
            for index, frame in enumerate(self._decode(container, stream)):
                stamp_s = None if has_no_times else _read_stamp(frame)
                if index == 0:
                    step_s = 1 / self._fps if stamp_s is None else 1 / _read_rate(stream)
                    start_s, last_s = stamp_s, -step_s
                    self.notes += () if stamp_s is not None else (_missing_times(self._fps),)  # a raw stream (.h264)
                time_s = -1.0 if stamp_s is None or start_s is None else round(stamp_s - start_s, 6)
                last_s = time_s if time_s > last_s else round(last_s + step_s, 6)
                try:
                    image_rgb = colours.to_rgb(frame)
                except av.FFmpegError as error:
                    raise _undecodable(self.path) from error
                if frame.rotation != turned:
                    matrix, turned = _read_matrix(frame), frame.rotation
                yield VideoFrame(last_s, _show_as_meant(image_rgb, stream, matrix))

    def _decode(self, container: InputContainer, stream: VideoStream) -> Iterator[DecodedFrame]:
        """Every frame that can be decoded, up to where the file ends or can be read no further; others are left out.

        Notes where the last packet ends, of the picture or of the sound.
        """
        # MP4 states when the picture ends, the others only when the whole does.
        packets = container.demux(stream, *(container.streams.audio if stream.duration is None else ()))
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                packet = None
            if packet is not None and packet.pts is not None and packet.time_base is not None:
                self._end_s = max(self._end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet is not None and packet.stream.index != stream.index:
                continue
            try:
                for frame in stream.decode(packet):  # None, like the last packet, which is empty, asks for what is left
                    stamp_s = _read_stamp(frame)
                    self._end_s = max(self._end_s, stamp_s or 0.0)
                    yield frame
            except av.FFmpegError as error:
                self._is_refused |= isinstance(error, av.ArgumentError)  # as for pictures over the limit
            if packet is None:
                return


def read_frames_at(path: Path, times_s: tuple[float, ...], fps: float = DEFAULT_FPS) -> list[Image | None]:
    """The frames on show at some times; None where the video has not begun or has ended. Decodes once, in order."""
    shown: list[Image | None] = [None] * len(times_s)
    video = Video(path, fps)
    for frame in video:
        for index, time_s in enumerate(times_s):
            if frame.time_s <= time_s + 0.001:
                shown[index] = frame.image_rgb
        if frame.time_s > max(times_s) + 0.001:
            break
    return shown


def _list_frames(folder: Path) -> list[Path]:
    try:
        return list_images(folder)
    except PermissionError as error:
        raise TrackError(
            f"the folder {folder} may not be read ({error.strerror}); give yourself the right to"
        ) from error
    except FaceError as error:
        raise TrackError(str(error)) from error


def _check_file(path: Path) -> None:
    try:
        size = check_file(path)
        with open_file(path) as stream:
            head = stream.read(4096)
    except FileNotFoundError as error:
        raise TrackError(f"{path} does not exist; give a video, a folder of images or a track file (.json)") from error
    except OSError as error:
        raise TrackError(f"cannot read {path}: {error.strerror}; give yourself the right to read it") from error
    if size == 0:
        raise TrackError(f"{path} is empty (0 bytes): copy or download it again")
    kind = "a text file" if _is_text(head) else name_kind(head)
    if kind is not None and kind.startswith(_NO_VIDEO):
        raise TrackError(f"{path} is {kind}, not a video; give a video, a folder of images or a track file (.json)")


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\t\r\n\f" for character in text)


def _undecodable(path: Path) -> TrackError:
    return TrackError(
        f"{path} cannot be decoded as a video: it is damaged, cut off before its index, or in a format that FFmpeg "
        "lacks; play it once to check, or convert it to MP4 (H.264) or WebM"
    )


def _open_video(path: Path) -> InputContainer:
    try:
        # "file:", since a name with a colon in it would be an address; titles and the like may be in any encoding.
        # The limit is for the decoder that looks at the first pictures; the one that reads them all has its own.
        return av.open(f"file:{path}", metadata_errors="ignore", options=_limit_options())
    except av.FFmpegError as error:
        raise _undecodable(path) from error


def _limit_options() -> dict[str, str]:
    """For FFmpeg's decoders, which allocate what a picture's header asks for."""
    return {"max_pixels": str(max_pixels())}


def _find_stream(path: Path, container: InputContainer) -> VideoStream:
    """The stream with the moving picture; raises TrackError if there is none."""
    pictures = [stream for stream in container.streams.video if not stream.disposition & _STILLS]
    if not pictures and container.streams.audio:
        raise TrackError(f"{path} has no picture, only sound: give a video with a face in it")
    best = container.streams.best("video")
    stream = best if best in pictures else next(iter(pictures), None)
    # A stream in a format that FFmpeg lacks has no codec context.
    if stream is None or not isinstance(stream.codec_context, VideoCodecContext):
        raise _undecodable(path)
    return stream


def _check_moving(path: Path) -> None:
    """Raise TrackError for a single picture. Pictures one after another in a file (MJPEG) are a video."""
    with _open_video(path) as container:
        name = container.format.name
        if name != "image2" and not name.endswith("_pipe"):
            return
        if sum(packet.size > 0 for packet in islice(container.demux(video=0), 2)) == 2:
            return
    if _is_animated_webp(path):
        raise TrackError(f"{path} is an animated WebP, which FFmpeg does not read: convert it to MP4")
    raise TrackError(f"{path} is an image: give a video, or a folder of images")


def _is_animated_webp(path: Path) -> bool:
    """By the animation flag of the extended header (WebP container specification)."""
    with open_file(path) as stream:
        head = stream.read(21)
    return head[8:16] == b"WEBPVP8X" and bool(head[20] & 2)


def _read_rate(stream: VideoStream) -> float:
    """Frames per second as the header says, or guessed."""
    rate = float(stream.guessed_rate or stream.average_rate or 0)
    return rate if 0 < rate <= 1000 else DEFAULT_FPS


def _read_end(container: InputContainer, stream: VideoStream) -> float | None:
    """When the file ends in its own time, as the header says; None where, as in a browser's recording, it does not.

    MP4 names the length of every stream; of WebM only the end of the whole is known, sound included.
    """
    if stream.duration is not None and stream.time_base is not None:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    return None if container.duration is None else float(Fraction(container.duration, av.time_base))


def _read_stamp(frame: DecodedFrame) -> float | None:
    stamp = frame.pts if frame.pts is not None else frame.dts
    return None if stamp is None or frame.time_base is None else float(stamp * frame.time_base)


def _missing_times(fps: float) -> str:
    return f"its frames have no times: {fps:g} frames a second were assumed, --fps changes it"


def _describe_colours(stream: VideoStream) -> Iterator[str]:
    """What is off with the colours of a stream that are not those of standard dynamic range."""
    name = _HDR_TRANSFERS.get(int(stream.codec_context.color_trc or 0))
    if name is not None:
        yield (
            f"its colours are HDR ({name}) and were read as if they were standard ones, which moves the probabilities; "
            "convert it to SDR, or record without HDR"
        )


def _read_first_matrix(path: Path) -> tuple[npt.NDArray[np.int32] | None, int]:
    """The display matrix of the first frame, and the degrees that it turns by, from a decoder of its own.

    A frame whose side data was read is part of a reference cycle, and lives until the garbage collector comes.
    Meanwhile the decoder takes other buffers, and what it makes of damaged data depends on what they happen to hold.
    """
    with _open_video(path) as container:
        try:
            stream = _find_stream(path, container)
            stream.codec_context.options = _limit_options()
            frame = next(container.decode(stream), None)
        except av.FFmpegError:
            frame = None
        return (None, 0) if frame is None else (_read_matrix(frame), frame.rotation)


def _read_matrix(frame: DecodedFrame) -> npt.NDArray[np.int32] | None:
    matrix = cast("SideData | None", frame.side_data.get("DISPLAYMATRIX"))
    return None if matrix is None else np.frombuffer(bytes(matrix), np.int32)


def _show_as_meant(image_rgb: Image, stream: VideoStream, matrix: npt.NDArray[np.int32] | None) -> Image:
    """A stored picture as a player shows it: with square pixels, then turned and mirrored as the container says."""
    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or Fraction(1)
    height, width = image_rgb.shape[:2]
    if aspect != 1 and 1 / _WIDEST_PIXEL <= aspect <= _WIDEST_PIXEL:  # the shorter side grows, as in Chromium
        size = (_round(width * aspect), height) if aspect > 1 else (width, _round(height / aspect))
        image_rgb = cv2.resize(image_rgb, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
    return image_rgb if matrix is None else _apply_display_matrix(image_rgb, matrix)


def _round(value: Fraction) -> int:
    """Half up, as JavaScript rounds."""
    return math.floor(value + Fraction(1, 2))


def _apply_display_matrix(image_rgb: Image, matrix: npt.NDArray[np.int32]) -> Image:
    """The picture turned by quarters and mirrored; other matrices leave it as it is.

    Args:
        image_rgb: uint8 [H, W, 3] RGB, as it is stored.
        matrix: [a, b, u, c, d, v, x, y, w]: a stored point (p, q) is shown at (a p + c q + x, b p + d q + y), by
            ISO/IEC 14496-12, 6.2.2.
    """
    a, b, c, d = (int(np.sign(matrix[index])) for index in (0, 1, 3, 4))
    if (a and d and not b and not c) or (b and c and not a and not d):
        upright = image_rgb if a else image_rgb.swapaxes(0, 1)
        return np.ascontiguousarray(upright[:: b + d, :: a + c])
    return image_rgb
