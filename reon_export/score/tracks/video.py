"""A video file or a folder of images as frames with times, decoded one at a time."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.codec.context import ThreadType
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame as DecodedFrame
from av.video.stream import VideoStream

from reon_export.errors import FaceError, TrackError
from reon_export.faces.crop import Image
from reon_export.faces.image_files import list_images, read_image_rgb
from reon_export.score.tracks.colours import ColourConverter
from reon_export.score.tracks.track import estimate_duration_s

# FFmpeg's own chatter about damaged files becomes one line of ours.
av.logging.set_level(None)

DEFAULT_FPS = 30.0
# A file that ends this much before the end that its header names was cut off. The header of a file with uneven frame
# times is off by less than one frame; nothing that matters to the score (see score.MAX_HOLD_S) is shorter than this.
_MAX_MISSING_S = 0.5


class VideoFrame(NamedTuple):
    """One frame: seconds from the first frame, and uint8 [H, W, 3] RGB, upright."""

    time_s: float
    image_rgb: Image


class Video:
    """Frames in order of time; read once, from the front. Iterating again decodes again, and gives the same.

    `expected_frames` is what the header says, or None; `duration_s` is known when all frames have been read.
    """

    def __init__(self, path: Path, fps: float = DEFAULT_FPS) -> None:
        """Open `path`. `fps` is for folders of images, whose files have no times.

        Raises TrackError if there is nothing that can be decoded.
        """
        self.path = path
        self.name = path.name
        self.duration_s = 0.0
        self._images: list[Path] | None = None
        self._fps = fps
        if path.is_dir():
            self._images = _list_frames(path)
            self.expected_frames: int | None = len(self._images)
        else:
            _check_file(path)
            with _open_video(path) as container:
                stream = _find_stream(path, container)
                self._stated_s = _read_length(container, stream)
                count = stream.frames or round((self._stated_s or 0.0) * _read_rate(stream))
                self.expected_frames = count or None

    def __iter__(self) -> Iterator[VideoFrame]:
        """Decode. Raises TrackError when the file ends before its header states, or holds no frame."""
        times: list[float] = []
        for frame in self._read_images() if self._images is not None else self._read_video():
            times.append(frame.time_s)
            yield frame
        if not times:
            raise TrackError(f"{self.path} holds no frame (0 s); give a video with a face in it")
        self.duration_s = len(times) / self._fps if self._images is not None else estimate_duration_s(times)
        if self._images is None and self._stated_s is not None and self._stated_s - self.duration_s > _MAX_MISSING_S:
            raise TrackError(
                f"{self.path} is cut off: its header states {self._stated_s:.1f} s, its frames end at "
                f"{self.duration_s:.1f} s; copy or download it again, or remux what is left of it"
            )

    def _read_images(self) -> Iterator[VideoFrame]:
        for index, path in enumerate(self._images or ()):
            yield VideoFrame(index / self._fps, read_image_rgb(path))

    def _read_video(self) -> Iterator[VideoFrame]:
        with _open_video(self.path) as container:
            stream = _find_stream(self.path, container)
            # Not frames in parallel: from a damaged file they come out otherwise every time.
            stream.thread_type = ThreadType.SLICE
            colours = ColourConverter(stream)
            step_s = 1 / _read_rate(stream)
            start_s, last_s = None, -step_s
            for frame in _decode(container, stream):
                stamp_s = _read_stamp(frame)
                start_s = stamp_s if start_s is None else start_s
                time_s = -1.0 if stamp_s is None or start_s is None else round(stamp_s - start_s, 6)
                # Raw streams (.h264) have no stamps: then frames are a nominal step apart.
                last_s = time_s if time_s > last_s else round(last_s + step_s, 6)
                try:
                    image_rgb = colours.to_rgb(frame)
                except av.FFmpegError as error:
                    raise _undecodable(self.path) from error
                yield VideoFrame(last_s, _turn(image_rgb, frame.rotation))


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
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(4096)
    except FileNotFoundError as error:
        raise TrackError(f"{path} does not exist; give a video, a folder of images or a track file (.json)") from error
    except OSError as error:
        raise TrackError(f"cannot read {path}: {error.strerror}; give yourself the right to read it") from error
    if size == 0:
        raise TrackError(f"{path} is empty (0 bytes): copy or download it again")
    if _is_text(head):
        raise TrackError(
            f"{path} is a text file, not a video; give a video, a folder of images or a track file (.json)"
        )


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
        return av.open(f"file:{path}", metadata_errors="ignore")
    except av.FFmpegError as error:
        raise _undecodable(path) from error


def _find_stream(path: Path, container: InputContainer) -> VideoStream:
    stream = container.streams.best("video")
    # A stream in a format that FFmpeg lacks has no codec context.
    if stream is None or not isinstance(stream.codec_context, VideoCodecContext) or not isinstance(stream, VideoStream):
        raise _undecodable(path)
    return stream


def _read_rate(stream: VideoStream) -> float:
    """Frames per second as the header says, or guessed."""
    rate = float(stream.guessed_rate or stream.average_rate or 0)
    return rate if 0 < rate <= 1000 else DEFAULT_FPS


def _read_length(container: InputContainer, stream: VideoStream) -> float | None:
    """Seconds from the first frame to the end as the header says; None where, as in a browser's recording, it does not.

    MP4 names the length of every stream. WebM names the time at which the whole ends, and streams may begin late.
    """
    time_base = stream.time_base or Fraction(0)
    if stream.duration is not None:
        return float(stream.duration * time_base)
    if container.duration is None:
        return None
    return float(Fraction(container.duration, av.time_base) - (stream.start_time or 0) * time_base)


def _decode(container: InputContainer, stream: VideoStream) -> Iterator[DecodedFrame]:
    """Every frame that can be decoded, up to where the file ends or can be read no further; others are left out."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            packet = None
        with contextlib.suppress(av.FFmpegError):
            yield from stream.decode(packet)  # None, like the last packet, which is empty, asks for what is left
        if packet is None:
            return


def _read_stamp(frame: DecodedFrame) -> float | None:
    stamp = frame.pts if frame.pts is not None else frame.dts
    return None if stamp is None or frame.time_base is None else float(stamp * frame.time_base)


def _turn(image_rgb: Image, degrees: int) -> Image:
    """The image upright: the container says by how much to turn it, counterclockwise."""
    return image_rgb if degrees % 90 else np.ascontiguousarray(np.rot90(image_rgb, degrees // 90))
