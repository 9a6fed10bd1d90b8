"""The files of a score: JSON and CSV, which `web_demo/js/score_files.js` writes alike, and the two tracks."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from reon_export.output_places import OwnFiles, has_format
from reon_export.score.definition import RATE_HZ, Alignment, Moment, Score
from reon_export.score.scale import place_on_scale
from reon_export.score.tracks.track import Track, track_to_json
from reon_export.spec import ScoreScale

FORMAT, VERSION = "reon-score", 1
JSON_NAME, CSV_NAME, FIGURE_NAME = "score.json", "score.csv", "score.png"
ACTOR_TRACK_NAME, USER_TRACK_NAME = "actor.track.json", "user.track.json"
SCORE_FILES = OwnFiles(
    "--out",
    JSON_NAME,
    (JSON_NAME, CSV_NAME, FIGURE_NAME, ACTOR_TRACK_NAME, USER_TRACK_NAME),
    partial(has_format, expected=FORMAT),
)
_DECIMALS = 6


@dataclass(frozen=True)
class ScoreResult:
    """Two tracks, their score, and how they were aligned: `method` is none, lag or dtw; `scale` is the model's."""

    actor: Track
    user: Track
    score: Score
    method: str = "none"
    alignment: Alignment | None = None
    scale: ScoreScale | None = None


def result_to_json(result: ScoreResult) -> dict[str, Any]:
    """The result as plain values; numbers to six decimals, None where there is no face."""
    score, alignment = result.score, result.alignment
    return {
        "format": FORMAT,
        "version": VERSION,
        "labels": list(score.labels),
        "rate_hz": RATE_HZ,
        "score": _number(score.total),
        "margin": _number(score.margin),
        "place": None if score.total is None or result.scale is None else place_on_scale(score.total, result.scale),
        "coverage": _number(score.coverage),
        "points_lost": {label: _number(points) for label, points in score.points_lost.items()},
        "best": _moment(score.best),
        "worst": _moment(score.worst),
        "alignment": {
            "method": result.method,
            "lag_s": _number(alignment.lag_s if alignment else None),
            "score": _number(alignment.score if alignment else None),
            "cost": _number(alignment.cost if alignment else None),
        },
        "actor": _describe(result.actor),
        "user": _describe(result.user),
        "samples": [
            {
                "time_s": _number(time_s),
                "score": _number(value),
                "actor": _row(score.actor[index]),
                "user": _row(score.user[index]),
            }
            for index, (time_s, value) in enumerate(zip(score.times_s, score.scores, strict=True))
        ],
    }


def result_to_csv(result: ScoreResult) -> str:
    """One line a cell: time_s, score, the actor's probabilities, the user's, and the whole score's margin.

    Empty where there is no face, and where there is no margin.
    """
    score = result.score
    heads = ["time_s", "score", *(f"{who}_{label}" for who in ("actor", "user") for label in score.labels), "margin"]
    lines = [",".join(heads)]
    margins = np.full(len(score.scores), np.nan if score.margin is None else score.margin)
    table = np.column_stack([score.times_s, score.scores, score.actor, score.user, margins])
    lines += [",".join("" if not np.isfinite(value) else f"{value:.{_DECIMALS}f}" for value in row) for row in table]
    return "\n".join(lines) + "\n"


def write_score(result: ScoreResult, figure_png: bytes, folder: Path) -> list[Path]:
    """Write score.json, score.csv, score.png and the two tracks into `folder`, each whole; their paths come back.

    Nothing else in the folder is touched. Raises FolderError if it cannot be written, or if a file of one of these
    names is there that no score wrote.
    """
    contents = {
        JSON_NAME: json.dumps(result_to_json(result), ensure_ascii=False, indent=1).encode() + b"\n",
        CSV_NAME: result_to_csv(result).encode(),
        FIGURE_NAME: figure_png,
        ACTOR_TRACK_NAME: track_to_json(result.actor).encode(),
        USER_TRACK_NAME: track_to_json(result.user).encode(),
    }
    return SCORE_FILES.write(folder, contents)


def _describe(track: Track) -> dict[str, Any]:
    shown = sum(frame.probabilities is not None for frame in track.frames)
    return {
        "name": track.name,
        "duration_s": _number(track.duration_s),
        "face_share": _number(shown / len(track.frames)),
        "model": track.model,
        "measurement": track.measurement.rule,
        **({"notes": list(track.notes)} if track.notes else {}),
    }


def _moment(moment: Moment | None) -> dict[str, Any] | None:
    return None if moment is None else {"time_s": _number(moment.time_s), "score": _number(moment.score)}


def _row(values: np.ndarray[Any, np.dtype[np.float64]]) -> list[float | None] | None:
    return [_number(value) for value in values] if np.isfinite(values).all() else None


def _number(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), _DECIMALS)
