"""Anything that `score` takes to a Track: a track file, a video, a folder of images."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reon_export.errors import TrackError
from reon_export.faces.crop import Box, Image
from reon_export.faces.haar import HaarDetector
from reon_export.faces.preprocess import crop_face
from reon_export.progress import OnProgress, ignore_progress
from reon_export.runtimes.predictions import Classify
from reon_export.score.tracks.follow import FollowedFrame, follow_face
from reon_export.score.tracks.track import Track, TrackFrame, is_track_file, read_track
from reon_export.score.tracks.video import DEFAULT_FPS, Video, VideoFrame
from reon_export.spec import ModelSpec

_BATCH = 16


@dataclass(frozen=True)
class TrackModel:
    """A classifier with what is written into the tracks that it makes.

    `facts` holds `name`, `checkpoint_sha256` and `runtime`.
    """

    classify: Classify
    spec: ModelSpec
    facts: dict[str, str]


@dataclass
class Timing:
    """Seconds that making tracks took, by part, and over how many frames."""

    decode_s: float = 0.0
    detect_s: float = 0.0
    classify_s: float = 0.0
    frames: int = 0


def make_track(
    path: Path,
    model: TrackModel | None,
    fps: float = DEFAULT_FPS,
    on_progress: OnProgress = ignore_progress,
    timing: Timing | None = None,
) -> Track:
    """The track of a video, of a folder of images (`fps` frames per second), or of a track file.

    A track file is read as it is and needs no model. Progress is in frames, under the video's name.
    Raises TrackError, also when no frame has a face.
    """
    if is_track_file(path):
        return read_track(path)
    if model is None:
        raise TrackError(f"{path} is no track file, so a model is needed to make its track")
    timing = timing if timing is not None else Timing()
    video = Video(path, fps)
    frames = tuple(_classify_frames(_with_progress(_timed(video, timing), video, on_progress), model, timing))
    track = Track(video.name, _keys(model.spec), frames, video.duration_s, model.facts, video.notes)
    if not track.has_face:
        raise TrackError(
            f"no face was found in any of the {len(frames)} frames of {path}; expected one that looks at the camera, "
            "upright and at least about 30 pixels wide"
        )
    return track


def make_track_with_boxes(path: Path, boxes: dict[float, Box | None], model: TrackModel) -> Track:
    """The track of a video whose faces are known already, by the time of their frame (to a millisecond)."""
    video = Video(path)
    known = {round(time_s, 3): box for time_s, box in boxes.items()}
    followed = (FollowedFrame(*frame, known.get(round(frame.time_s, 3)), False) for frame in video)
    frames = tuple(_classify_followed(followed, model, Timing()))
    return Track(video.name, _keys(model.spec), frames, video.duration_s, model.facts, video.notes)


def _keys(spec: ModelSpec) -> tuple[str, ...]:
    return tuple(label.key for label in spec.labels)


def _classify_frames(frames: Iterable[VideoFrame], model: TrackModel, timing: Timing) -> Iterator[TrackFrame]:
    detector = HaarDetector()

    def detect(image_rgb: Image) -> list[Box]:
        started = time.perf_counter()
        boxes = detector.detect(image_rgb)
        timing.detect_s += time.perf_counter() - started
        return boxes

    return _classify_followed(follow_face(frames, detect), model, timing)


def _classify_followed(frames: Iterable[FollowedFrame], model: TrackModel, timing: Timing) -> Iterator[TrackFrame]:
    waiting: list[tuple[float, Box | None, Image | None]] = []
    crops = 0
    for frame in frames:
        crop = None if frame.box is None else crop_face(frame.image_rgb, frame.box, model.spec)
        waiting.append((frame.time_s, frame.box, crop))
        crops += crop is not None
        if crops == _BATCH:
            yield from _flush(waiting, model, timing)
            waiting, crops = [], 0
    yield from _flush(waiting, model, timing)


def _flush(
    waiting: list[tuple[float, Box | None, Image | None]], model: TrackModel, timing: Timing
) -> Iterator[TrackFrame]:
    crops = [crop for _, _, crop in waiting if crop is not None]
    started = time.perf_counter()
    rows = iter(model.classify(np.stack(crops)).probabilities if crops else ())
    timing.classify_s += time.perf_counter() - started
    for time_s, box, crop in waiting:
        probabilities = None if crop is None else tuple(float(value) for value in next(rows))
        yield TrackFrame(time_s, probabilities, box)


def _timed(video: Video, timing: Timing) -> Iterator[VideoFrame]:
    frames = iter(video)
    while True:
        started = time.perf_counter()
        frame = next(frames, None)
        timing.decode_s += time.perf_counter() - started
        if frame is None:
            return
        timing.frames += 1
        yield frame


def _with_progress(frames: Iterable[VideoFrame], video: Video, on_progress: OnProgress) -> Iterator[VideoFrame]:
    for done, frame in enumerate(frames, start=1):
        yield frame
        on_progress(video.name, done, max(done, video.expected_frames or done))
