"""Track: what a classifier said of one person over time, and the file that holds it."""

import json
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from reon_export.errors import TrackError
from reon_export.faces.crop import Box
from reon_export.limits import max_text_bytes
from reon_export.read_file import read_bytes
from reon_export.runtimes.predictions import PROBABILITY_SUM_TOLERANCE
from reon_export.spec import SINGLE_LOOK, Measurement

FORMAT, VERSION = "reon-track", 1
MAX_DURATION_S = 86_400


@dataclass(frozen=True)
class TrackFrame:
    """One frame: its time in seconds, and the face's box (pixels) and probabilities, or None where there is no face."""

    time_s: float
    probabilities: tuple[float, ...] | None
    box: Box | None = None


@dataclass(frozen=True)
class Track:
    """The frames of one video, in order of time. `labels` are in the order of the probabilities.

    `model` says what the probabilities come from (name, sha256, runtime), where that is known, and `notes` what was
    assumed of the video and what may be off, a sentence each. `measurement` is the rule that it was made by.
    """

    name: str
    labels: tuple[str, ...]
    frames: tuple[TrackFrame, ...]
    duration_s: float
    model: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    measurement: Measurement = SINGLE_LOOK

    @property
    def has_face(self) -> bool:
        """Whether any frame has one."""
        return any(frame.probabilities is not None for frame in self.frames)


def estimate_duration_s(times_s: list[float]) -> float:
    """When the last frame ends: it is taken to last as long as the frames before it did (their median)."""
    if len(times_s) < 2:
        return times_s[0] + 1 / 30 if times_s else 0.0
    return times_s[-1] + median(later - earlier for earlier, later in pairwise(times_s))


def is_track_file(path: Path) -> bool:
    """Whether the path looks like a track file (by its name; `read_track` looks inside)."""
    return path.suffix.lower() == ".json"


def track_to_json(track: Track) -> str:
    """The content of a track file."""
    frames = [
        {
            "time_s": frame.time_s,
            "probabilities": None if frame.probabilities is None else list(frame.probabilities),
            "box": None if frame.box is None else frame.box._asdict(),
        }
        for frame in track.frames
    ]
    content = {
        "format": FORMAT,
        "version": VERSION,
        "name": track.name,
        "labels": list(track.labels),
        "duration_s": track.duration_s,
        "model": track.model,
        "measurement": track.measurement.model_dump(),
        **({"notes": list(track.notes)} if track.notes else {}),
        "frames": frames,
    }
    return json.dumps(content, ensure_ascii=False) + "\n"


def read_track(path: Path) -> Track:
    """Read a track file that `score` or the page wrote. Raises TrackError that names the first wrong value."""
    try:
        value = json.loads(read_bytes(path, max_text_bytes()))
    except OSError as error:
        raise TrackError(f"cannot read the track {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, or not JSON
        raise TrackError(f"{path} is not a track file: it is no JSON; give a video or a track file") from error
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise TrackError(
            f'{path} is not a track file: expected "format": "{FORMAT}"; '
            "'python -m reon_export score' writes them as actor.track.json and user.track.json"
        )
    if value.get("version") != VERSION:
        raise TrackError(f"{path} is a track of version {value.get('version')}, expected {VERSION}; make it again")
    try:
        return parse_track(value)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise TrackError(f"the track {path} is damaged: {reason}; make it again from its video") from error


def parse_track(value: dict[str, Any]) -> Track:
    """A track from its JSON object. Raises KeyError, TypeError, ValueError or ArithmeticError."""
    labels = tuple(str(label) for label in value["labels"])
    if len(labels) < 2 or len(set(labels)) != len(labels):
        raise ValueError(f"labels are {list(labels)}, expected two or more, all different")
    frames = tuple(_parse_frame(index, frame, len(labels)) for index, frame in enumerate(value["frames"]))
    if not frames:
        raise ValueError("it has no frames")
    times = [frame.time_s for frame in frames]
    for index, (earlier, later) in enumerate(pairwise(times)):
        if not later > earlier:
            raise ValueError(f"frame {index + 1} is at {later} s, which is not after {earlier} s")
    given = value.get("duration_s")
    duration_s = estimate_duration_s(times) if given is None else float(given)
    if not 0 < duration_s <= MAX_DURATION_S:
        raise ValueError(f"duration_s is {duration_s}, expected more than 0 and at most {MAX_DURATION_S} (a day)")
    facts = value.get("model") or {}
    if not isinstance(facts, dict):
        raise TypeError(f"model is {facts!r:.60}, expected an object")
    model = {str(key): str(entry) for key, entry in facts.items()}
    notes = tuple(str(note) for note in value.get("notes") or ())
    # Tracks of before there was a choice do not say so.
    measurement = SINGLE_LOOK if value.get("measurement") is None else Measurement(**value["measurement"])
    return Track(str(value.get("name", "")), labels, frames, duration_s, model, notes, measurement)


def _parse_frame(index: int, frame: dict[str, Any], classes: int) -> TrackFrame:
    time_s = float(frame["time_s"])
    if not 0 <= time_s <= MAX_DURATION_S:
        raise ValueError(f"frame {index} has time_s {time_s}, expected 0 to {MAX_DURATION_S} (a day)")
    box = (
        None if frame.get("box") is None else Box(*(float(frame["box"][key]) for key in ("x", "y", "width", "height")))
    )
    if frame["probabilities"] is None:
        return TrackFrame(time_s, None, box)
    probabilities = tuple(float(value) for value in frame["probabilities"])
    if len(probabilities) != classes:
        raise ValueError(f"frame {index} has {len(probabilities)} probabilities for {classes} labels")
    adds_up = abs(sum(probabilities) - 1) <= PROBABILITY_SUM_TOLERANCE
    is_distribution = adds_up and all(0 <= value <= 1 for value in probabilities)
    if not is_distribution:
        raise ValueError(f"frame {index}'s probabilities are no distribution: {list(probabilities)}")
    return TrackFrame(time_s, probabilities, box)
