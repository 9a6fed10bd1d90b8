"""Real moving faces: videos made from the shipped photographs by panning, zooming and cross-fading, with PyAV."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
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
    pixel_aspect: Fraction | None = None,
    transfer: int | None = None,
) -> Path:
    """A video whose frames have exactly these times (to a millisecond); the suffix of `path` names the container.

    `matrix` and `transfer` (ITU-T H.273, tables 4 and 3) are only written into the file: what is encoded is BT.601.
    `pixel_aspect` is the width of a pixel to its height.
    """
    height, width = frame_at(0.0).shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = width, height
        stream.pix_fmt = pix_fmt or ("yuvj420p" if codec == "mjpeg" else "yuv420p")
        if matrix is not None:
            stream.codec_context.colorspace = matrix
        if transfer is not None:
            stream.codec_context.color_trc = transfer
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        stream.bit_rate = bit_rate
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        if codec.startswith("libvpx"):
            # Without one thread, those of libvpx wait for each other in loops: 6 s of processor time for 48 frames.
            stream.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "threads": "1", "g": "30"}
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


# How a picture is stored, and a, b, c, d of the matrix (ISO/IEC 14496-12, 6.2.2) that shows it as it was meant.
STORED_AND_MATRIX: dict[str, tuple[Callable[[Frame], Frame], tuple[int, int, int, int]]] = {
    "turned clockwise": (np.rot90, (0, 1, -1, 0)),
    "turned counterclockwise": (lambda frame: np.rot90(frame, -1), (0, -1, 1, 0)),
    "upside down": (lambda frame: frame[::-1, ::-1], (-1, 0, 0, -1)),
    "mirrored": (lambda frame: frame[:, ::-1], (-1, 0, 0, 1)),
    "flipped": (lambda frame: frame[::-1], (1, 0, 0, -1)),
    "transposed": (lambda frame: frame.swapaxes(0, 1), (0, 1, 1, 0)),
    "turned and mirrored": (lambda frame: frame[::-1, ::-1].swapaxes(0, 1), (0, -1, -1, 0)),
}


def write_phone_clip(
    path: Path, frame_at: Callable[[float], Frame], times_s: Sequence[float], way: str = "turned clockwise"
) -> Path:
    """An MP4 as phones write it: the frames lie on their side or are mirrored, and the header says how to show them."""
    stored, (a, b, c, d) = STORED_AND_MATRIX[way]
    written = write_clip(path, lambda time_s: stored(frame_at(time_s)).copy(), times_s, codec="libx264")
    content = bytearray(written.read_bytes())
    at = content.index(b"tkhd") + 4 + 40  # ISO/IEC 14496-12, 8.3.2: the track header's matrix
    height, width = frame_at(0.0).shape[:2]
    x, y = (width if a + c < 0 else 0), (height if b + d < 0 else 0)
    values = (a << 16, b << 16, 0, c << 16, d << 16, 0, x << 16, y << 16, 0x40000000)
    content[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in values)
    path.write_bytes(content)
    return path


def write_trimmed_clip(path: Path, whole: Path, start_s: float) -> Path:
    """The end of a clip, cut without encoding it again: what lies before stays in it, and an edit list hides that."""
    options = {"avoid_negative_ts": "disabled"}
    with av.open(str(whole)) as old, av.open(str(path), "w", options=options) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None and packet.pts is not None and packet.time_base is not None:
                earlier = round(start_s / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - earlier, packet.dts - earlier, stream
                new.mux(packet)
    return path


def add_sound(source: Path, path: Path, seconds: float, codec: str = "libopus") -> Path:
    """The same frames beside silence of another length."""
    rate = 48000
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        picture = new.add_stream_from_template(old.streams.video[0])
        sound = new.add_stream(codec, rate=rate)
        assert isinstance(sound, AudioStream)
        sound.layout = "mono"
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None:
                packet.stream = picture
                new.mux(packet)
        size = sound.codec_context.frame_size or 960
        for index in range(round(seconds * rate / size)):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, size), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.pts, silence.time_base = rate, index * size, Fraction(1, rate)
            new.mux(sound.encode(silence))
        new.mux(sound.encode(None))
    return path


def hold_last_picture(source: Path, path: Path, seconds: float) -> Path:
    """The same frames, the last of them on show for longer: a length that WebM does not keep with the picture."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        packets = [packet for packet in old.demux(old.streams.video[0]) if packet.dts is not None]
        assert packets[-1].time_base is not None
        packets[-1].duration = round(seconds / packets[-1].time_base)
        for packet in packets:
            packet.stream = stream
            new.mux(packet)
    return path


def write_camera_file(path: Path, frame_at: Callable[[float], Frame], seconds: float) -> Path:
    """What Chromium's fake camera plays over and over: JPEG pictures one after another (.mjpeg)."""
    encoded = (
        cv2.imencode(".jpg", cv2.cvtColor(frame_at(time_s), cv2.COLOR_RGB2BGR)) for time_s in even_times(seconds)
    )
    path.write_bytes(b"".join(picture.tobytes() for _, picture in encoded))
    return path


def write_slow_camera_file(path: Path, frame_at: Callable[[float], Frame], seconds: float, fps: int) -> Path:
    """The same at another rate (.y4m): its header names the rate; JPEG pictures are always played at 30."""
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{SIZE[0]} H{SIZE[1]} F{fps}:1 Ip A1:1 C420jpeg\n".encode())
        for time_s in even_times(seconds, fps):
            file.write(b"FRAME\n" + cv2.cvtColor(frame_at(time_s), cv2.COLOR_RGB2YUV_I420).tobytes())
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
