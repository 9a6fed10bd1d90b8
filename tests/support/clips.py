"""Real moving faces: videos made from the shipped photographs by panning, zooming and cross-fading, with PyAV."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.stream import VideoStream

from reon_export.faces.haar import HaarDetector
from reon_export.faces.image_files import read_image_rgb
from reon_export.paths import SAMPLE_PHOTOS

Frame = npt.NDArray[np.uint8]
SIZE = (480, 360)  # width, height
FPS = 30
# A face that takes this share of the frame's height is found by Haar and by TinyFaceDetector alike.
FACE_SHARE = 0.45
NOBODY = "nobody"


@dataclass(frozen=True)
class Shot:
    """One photograph (or NOBODY) for a while; it drifts slowly, as a hand-held camera does."""

    photo: str
    seconds: float
    fade_s: float = 0.4


SMILE, SPEECH, ASTRONAUT, BIDEN = "obama.jpg", "obama2.jpg", "astronaut.png", "biden.jpg"
# What an actor plays; the tests know when every expression begins.
ACTOR = (Shot(SMILE, 1.5), Shot(SPEECH, 1.5), Shot(SMILE, 1.0), Shot(BIDEN, 1.5), Shot(SPEECH, 1.5))
# The same in short, and an imitation of it in which another person plays the last shot.
SHORT = (Shot(SMILE, 0.8, 0.2), Shot(SPEECH, 0.8, 0.2), Shot(BIDEN, 0.8, 0.2))
SHORT_SWAPPED = (*SHORT[:2], Shot(ASTRONAUT, 0.8, 0.2))
SHORT_LAG_S = 0.4


class _Photo:
    """One photograph, cut so that its face lies in the middle of the frame."""

    def __init__(self, name: str) -> None:
        image = read_image_rgb(SAMPLE_PHOTOS / name)
        self._image = image
        self._box = HaarDetector().detect(image)[0]
        self._backdrop = cv2.GaussianBlur(cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA), (0, 0), 30)

    def draw(self, time_s: float) -> Frame:
        """The frame at a time: the face drifts by a few percent, in circles and in and out."""
        width, height = SIZE
        zoom = FACE_SHARE * height / self._box.height * (1 + 0.06 * np.sin(2 * np.pi * time_s / 3.1))
        x = self._box.x + self._box.width / 2 + 0.08 * self._box.width * np.sin(2 * np.pi * time_s / 2.3)
        y = self._box.y + self._box.height / 2 + 0.05 * self._box.height * np.cos(2 * np.pi * time_s / 1.9)
        matrix = np.array([[zoom, 0, width / 2 - zoom * x], [0, zoom, height / 2 - zoom * y]])
        # Beyond the photograph lies a blurred copy of it: a mirrored one would hold more faces.
        return cv2.warpAffine(
            self._image, matrix, SIZE, self._backdrop.copy(), cv2.INTER_AREA, borderMode=cv2.BORDER_TRANSPARENT
        ).astype(np.uint8, copy=False)


_PHOTOS: dict[str, _Photo] = {}


def _draw(name: str, time_s: float) -> Frame:
    if name == NOBODY:
        return np.full((SIZE[1], SIZE[0], 3), 96, np.uint8)
    if name not in _PHOTOS:
        _PHOTOS[name] = _Photo(name)
    return _PHOTOS[name].draw(time_s)


def performance(shots: Sequence[Shot], delay_s: float = 0.0) -> Callable[[float], Frame]:
    """The frame at any time: the shots one after another, cross-faded; `delay_s` later, the first one being held."""
    starts = np.cumsum([0.0, *(shot.seconds for shot in shots)])

    def at(time_s: float) -> Frame:
        played = max(0.0, time_s - delay_s)
        index = min(int(np.searchsorted(starts, played, side="right")) - 1, len(shots) - 1)
        shot = shots[index]
        frame = _draw(shot.photo, played)
        since = played - starts[index]
        if index == 0 or since >= shot.fade_s:
            return frame
        share = since / shot.fade_s
        before = _draw(shots[index - 1].photo, played)
        mixed: Frame = np.round(frame * share + before * (1 - share)).astype(np.uint8)
        return mixed

    return at


def even_times(seconds: float, fps: float = FPS) -> list[float]:
    """The times of frames at a constant rate."""
    return [index / fps for index in range(round(seconds * fps))]


def write_clip(
    path: Path,
    frame_at: Callable[[float], Frame],
    times_s: Sequence[float],
    *,
    codec: str = "libvpx",
    bit_rate: int = 700_000,
    pix_fmt: str | None = None,
    matrix: int | None = None,
) -> Path:
    """A video whose frames have exactly these times (to a millisecond); the suffix of `path` names the container.

    `matrix` (ITU-T H.273, table 4) is only written into the file: what is encoded is BT.601.
    """
    height, width = frame_at(0.0).shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = width, height
        stream.pix_fmt = pix_fmt or ("yuvj420p" if codec == "mjpeg" else "yuv420p")
        if matrix is not None:
            stream.codec_context.colorspace = matrix
        stream.bit_rate = bit_rate
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        if codec.startswith("libvpx"):
            stream.options = {"deadline": "good", "cpu-used": "4", "g": "30"}
        if codec == "libx264":
            stream.options = {"bf": "0", "g": "30"}  # frames that wait for later ones upset uneven times
        for time_s in times_s:
            frame = av.VideoFrame.from_ndarray(frame_at(time_s), format="rgb24")
            frame.pts, frame.time_base = round(time_s * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def remux(source: Path, path: Path, *, later_s: float = 0.0, options: dict[str, str] | None = None) -> Path:
    """The same frames, later, in a file that is written with other options of FFmpeg's."""
    with av.open(str(source)) as old, av.open(str(path), "w", options=options or {}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None and packet.pts is not None:
                later = round(later_s / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts + later, packet.dts + later, stream
                new.mux(packet)
    return path


def write_phone_clip(path: Path, frame_at: Callable[[float], Frame], times_s: Sequence[float]) -> Path:
    """An MP4 as phones write it: the frames lie on their side, and the header says to turn them clockwise."""

    def lying(time_s: float) -> Frame:
        return np.rot90(frame_at(time_s)).copy()

    content = bytearray(write_clip(path, lying, times_s, codec="libx264").read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40  # ISO/IEC 14496-12, 8.3.2: the track header's matrix
    turn = (0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    content[matrix : matrix + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in turn)
    path.write_bytes(content)
    return path


def write_camera_file(path: Path, frame_at: Callable[[float], Frame], seconds: float) -> Path:
    """What Chromium's fake camera plays over and over: JPEG pictures one after another (.mjpeg)."""
    encoded = (
        cv2.imencode(".jpg", cv2.cvtColor(frame_at(time_s), cv2.COLOR_RGB2BGR)) for time_s in even_times(seconds)
    )
    path.write_bytes(b"".join(picture.tobytes() for _, picture in encoded))
    return path


def write_frames(folder: Path, frame_at: Callable[[float], Frame], times_s: Sequence[float]) -> Path:
    """The same as a folder of images."""
    folder.mkdir(parents=True)
    for index, time_s in enumerate(times_s):
        cv2.imwrite(str(folder / f"{index:05d}.png"), cv2.cvtColor(frame_at(time_s), cv2.COLOR_RGB2BGR))
    return folder


def length_of(shots: Sequence[Shot]) -> float:
    return sum(shot.seconds for shot in shots)


def frames_of(shots: Sequence[Shot], fps: float = FPS) -> Iterator[Frame]:
    """Every frame of a performance."""
    at = performance(shots)
    return (at(time_s) for time_s in even_times(length_of(shots), fps))
