"""A video file or a folder of images as frames with times, decoded one at a time."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# Before OpenCV opens its first video: FFmpeg's own chatter about damaged files, which becomes one line of ours.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2

from reon_export.errors import FaceError, TrackError
from reon_export.faces.crop import Image
from reon_export.faces.haar import list_images, read_image_rgb
from reon_export.tracks.track import estimate_duration_s

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
            capture = _open_capture(path)
            count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            rate = float(capture.get(cv2.CAP_PROP_FPS))
            capture.release()
            # A recording of a browser names no length at all, which comes out as a huge or a negative number.
            is_known = 0 < count < 10_000_000 and 0 < rate <= 1000
            self.expected_frames = count if is_known else None
            self._stated_s = count / rate if is_known else None

    def __iter__(self) -> Iterator[VideoFrame]:
        """Decode. Raises TrackError when the file ends before its header says, or holds no frame."""
        times: list[float] = []
        for frame in self._read_images() if self._images is not None else self._read_video():
            times.append(frame.time_s)
            yield frame
        if not times:
            raise TrackError(f"{self.path} holds no frame (0 s); give a video with a face in it")
        self.duration_s = len(times) / self._fps if self._images is not None else estimate_duration_s(times)
        if self._images is None and self._stated_s is not None and self._stated_s - self.duration_s > _MAX_MISSING_S:
            raise TrackError(
                f"{self.path} is cut off: its header says {self._stated_s:.1f} s, its frames end at "
                f"{self.duration_s:.1f} s; copy or download it again, or remux what is left of it"
            )

    def _read_images(self) -> Iterator[VideoFrame]:
        for index, path in enumerate(self._images or ()):
            yield VideoFrame(index / self._fps, read_image_rgb(path))

    def _read_video(self) -> Iterator[VideoFrame]:
        capture = _open_capture(self.path)
        try:
            rate = float(capture.get(cv2.CAP_PROP_FPS))
            step_s = 1 / rate if 0 < rate <= 1000 else 1 / DEFAULT_FPS
            start_s, last_s = None, -step_s
            while True:
                is_read, image_bgr = capture.read()
                if not is_read:
                    return
                # The time stamp of the frame that was just read, not its number over the frame rate: rates vary.
                stamp_s = float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
                start_s = stamp_s if start_s is None else start_s
                time_s = round(stamp_s - start_s, 6)
                # Raw streams (.mjpeg) have no stamps: then frames are a nominal step apart.
                last_s = time_s if time_s > last_s else round(last_s + step_s, 6)
                yield VideoFrame(last_s, cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB).astype("uint8", copy=False))
        finally:
            capture.release()


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


def _open_capture(path: Path) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise TrackError(
            f"{path} cannot be decoded as a video: it is damaged, cut off before its index, or in a format that OpenCV "
            "lacks; play it once to check, or convert it to MP4 (H.264) or WebM"
        )
    return capture
