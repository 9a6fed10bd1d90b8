"""Anything that `score` takes to a Track: a track file, a video, a folder of images."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reon_export.errors import TrackError
from reon_export.faces.correction import correct_box
from reon_export.faces.crop import Box, Image
from reon_export.faces.haar import HaarDetector
from reon_export.faces.preprocess import crop_face
from reon_export.faces.tiny_face import TinyFaceDetector
from reon_export.progress import OnProgress, ignore_progress
from reon_export.runtimes.predictions import Classify
from reon_export.score.choices import DetectorName
from reon_export.score.tracks.follow import follow_face
from reon_export.score.tracks.measure import Look, detector_view_at, look_box, looks_at, steady_boxes
from reon_export.score.tracks.track import Track, TrackFrame, is_track_file, read_track
from reon_export.score.tracks.video import DEFAULT_FPS, Video, VideoFrame
from reon_export.spec import BoxCorrection, ModelSpec

_BATCH = 16


@dataclass(frozen=True)
class TrackModel:
    """A classifier and the detector before it, with what is written into the tracks that they make.

    `facts` holds `name`, `checkpoint_sha256`, `runtime` and `detector`.
    """

    classify: Classify
    spec: ModelSpec
    facts: dict[str, str]
    detector: DetectorName

    @property
    def correction(self) -> BoxCorrection | None:
        """What is done to the detector's boxes before a face is cut out: the classifier was trained behind Haar."""
        return self.spec.crop.correction if self.detector == "tiny" else None


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
    rule = model.spec.measurement
    times_s, detections = _detect_faces(video, _open_detector(model), timing, on_progress)
    boxes = steady_boxes(
        times_s, video.duration_s, [face.box for face in follow_face(times_s, detections)], rule.box_window_s
    )
    if not any(boxes):
        raise TrackError(
            f"no face was found in any of the {len(times_s)} frames of {path}; expected one that looks at the camera, "
            "upright and at least about 30 pixels wide"
        )
    frames = tuple(_classify_frames(_second_time(video, boxes, timing, on_progress), model, timing))
    if len(frames) != len(times_s):
        raise TrackError(
            f"{path} gave {len(times_s)} frames once and {len(frames)} then: it is damaged; convert it again"
        )
    return Track(video.name, _keys(model.spec), frames, video.duration_s, model.facts, video.notes, rule)


def make_track_with_boxes(path: Path, boxes: dict[float, Box | None], model: TrackModel) -> Track:
    """The track of a video whose faces are known and steady already, by the time of their frame (to a millisecond)."""
    video = Video(path)
    known = {round(time_s, 3): box for time_s, box in boxes.items()}
    framed = ((frame, known.get(round(frame.time_s, 3))) for frame in video)
    frames = tuple(_classify_frames(framed, model, Timing()))
    return Track(
        video.name, _keys(model.spec), frames, video.duration_s, model.facts, video.notes, model.spec.measurement
    )


def _keys(spec: ModelSpec) -> tuple[str, ...]:
    return tuple(label.key for label in spec.labels)


def _open_detector(model: TrackModel) -> Callable[[VideoFrame], list[Box]]:
    """What finds the faces of a frame, the largest first."""
    if model.detector == "haar":
        haar = HaarDetector()
        return lambda frame: haar.detect(frame.image_rgb)
    tiny = TinyFaceDetector(model.correction)
    return lambda frame: tiny.detect(frame.image_rgb, detector_view_at(frame.time_s, model.spec.measurement))


def _detect_faces(
    video: Video, detect: Callable[[VideoFrame], list[Box]], timing: Timing, on_progress: OnProgress
) -> tuple[list[float], list[list[Box]]]:
    """The time of every frame, and the boxes in it."""
    times_s: list[float] = []
    detections: list[list[Box]] = []
    for frame in _timed(video, timing):
        started = time.perf_counter()
        detections.append(detect(frame))
        timing.detect_s += time.perf_counter() - started
        timing.frames += 1
        times_s.append(frame.time_s)
        on_progress(video.name, len(times_s), 2 * max(len(times_s), video.expected_frames or 0))
    return times_s, detections


def _second_time(
    video: Video, boxes: list[Box | None], timing: Timing, on_progress: OnProgress
) -> Iterator[tuple[VideoFrame, Box | None]]:
    """The frames once more, each with its box.

    A steady box needs those that come later, and a video does not fit into memory.
    """
    for index, frame in enumerate(_timed(video, timing)):
        yield frame, boxes[index] if index < len(boxes) else None
        total = max(index + 1, len(boxes))
        on_progress(video.name, total + index + 1, 2 * total)


def _classify_frames(
    frames: Iterable[tuple[VideoFrame, Box | None]], model: TrackModel, timing: Timing
) -> Iterator[TrackFrame]:
    waiting: list[tuple[float, Box | None, list[Image]]] = []
    crops = 0
    for frame, box in frames:
        looks = () if box is None else looks_at(frame.time_s, model.spec.measurement)
        face = None if box is None else correct_box(box, model.correction)
        seen = [_look(frame.image_rgb, face, look, model.spec) for look in looks if face is not None]
        waiting.append((frame.time_s, box, seen))
        crops += len(seen)
        if crops >= _BATCH:
            yield from _flush(waiting, model, timing)
            waiting, crops = [], 0
    yield from _flush(waiting, model, timing)


def _look(image_rgb: Image, box: Box, look: Look, spec: ModelSpec) -> Image:
    crop = crop_face(image_rgb, look_box(box, look), spec)
    return crop[:, ::-1] if look.is_mirrored else crop


def _flush(
    waiting: list[tuple[float, Box | None, list[Image]]], model: TrackModel, timing: Timing
) -> Iterator[TrackFrame]:
    crops = [crop for _, _, seen in waiting for crop in seen]
    started = time.perf_counter()
    rows = iter(model.classify(np.stack(crops)).probabilities if crops else ())
    timing.classify_s += time.perf_counter() - started
    for time_s, box, seen in waiting:
        values: list[npt.NDArray[np.float64]] = [np.asarray(next(rows), np.float64) for _ in seen]
        probabilities = tuple(np.mean(values, axis=0).tolist()) if values else None
        yield TrackFrame(time_s, probabilities, box)


def _timed(video: Video, timing: Timing) -> Iterator[VideoFrame]:
    frames = iter(video)
    while True:
        started = time.perf_counter()
        frame = next(frames, None)
        timing.decode_s += time.perf_counter() - started
        if frame is None:
            return
        yield frame
