"""Writes score.json: pairs of tracks, and what reon_export/score/definition.py makes of them.

For when the definition changes.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from reon_export.score.definition import find_lag, find_warp, score_tracks
from reon_export.score.files import ScoreResult, result_to_csv, result_to_json
from reon_export.score.tracks.track import parse_track
from reon_export.spec import Measurement, ScoreScale

TARGET = Path(__file__).with_name("score.json")
LABELS = ["joy", "anger", "neutral"]


def make_track(
    seed: int,
    times_s: list[float],
    *,
    labels: list[str] | None = None,
    gone: tuple[int, ...] = (),
    end_s: float | None = None,
) -> dict[str, Any]:
    """Probabilities that drift, so that neighbouring frames are alike and a lag can be found."""
    labels = labels or LABELS
    random = np.random.default_rng(seed)
    phase = random.uniform(0, 6, len(labels))
    speed = random.uniform(1, 4, len(labels))
    frames = []
    for index, time_s in enumerate(times_s):
        weights = np.exp(1.5 * np.sin(speed * time_s + phase))
        probabilities = None if index in gone else (weights / weights.sum()).tolist()
        frames.append({"time_s": time_s, "probabilities": probabilities, "box": None})
    return {
        "format": "reon-track",
        "version": 1,
        "name": f"track {seed}",
        "labels": labels,
        "duration_s": end_s if end_s is not None else times_s[-1] + 1 / 30,
        "frames": frames,
        "model": {},
    }


def shifted(track: dict[str, Any], lag_s: float) -> dict[str, Any]:
    """The same performance, later: its first frame is held meanwhile (a frame every 1/30 s of it)."""
    held = [{**track["frames"][0], "time_s": k / 30} for k in range(round(lag_s * 30))]
    frames = held + [{**frame, "time_s": frame["time_s"] + lag_s} for frame in track["frames"]]
    return {**track, "frames": frames, "duration_s": track["duration_s"] + lag_s, "name": "late"}


def steady(track: dict[str, Any]) -> dict[str, Any]:
    """The same, as if it had been measured steadily."""
    return {**track, "measurement": Measurement().model_dump()}


def even(seconds: float, fps: float) -> list[float]:
    """Times at a constant rate."""
    return [index / fps for index in range(round(seconds * fps))]


def make_cases() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name, actor, user."""
    plain = make_track(1, even(1.5, 30))
    uneven = np.unique(np.random.default_rng(5).uniform(0, 1.5, 30).round(3)).tolist()
    reordered = make_track(2, even(1.5, 30), labels=["neutral", "joy", "anger"])
    flat = {**plain, "frames": [{**frame, "probabilities": [0.5, 0.25, 0.25]} for frame in plain["frames"]]}
    return [
        ("two people", plain, make_track(2, even(1.5, 30))),
        ("the same track", plain, plain),
        ("classes in another order", plain, reordered),
        ("25 and 60 frames per second", make_track(3, even(1.2, 25)), make_track(4, even(1.2, 60))),
        ("uneven times, rounded to milliseconds", plain, make_track(4, uneven)),
        ("10 frames per second against 30", make_track(3, even(1.2, 10)), plain),
        (
            "faces come and go",
            make_track(1, even(1.5, 30), gone=(0, 1, 7, 8, 9, 44)),
            make_track(6, even(1.5, 30), gone=(9, 10, 20)),
        ),
        ("a gap longer than a frame is held", make_track(1, [0.0, 0.1, 0.9, 1.0]), plain),
        ("one ends early", plain, make_track(2, even(0.8, 30))),
        (
            "never together",
            make_track(1, even(0.5, 30), gone=tuple(range(8, 15))),
            make_track(2, even(0.5, 30), gone=tuple(range(8))),
        ),
        ("measured steadily", steady(plain), steady(make_track(4, uneven, gone=(3, 4, 17)))),
        (
            "steadily, 10 frames a second, a long gap",
            steady(make_track(3, even(1.2, 10))),
            steady(make_track(1, [0.0, 0.1, 0.9, 1.0])),
        ),
        ("0.2 s late", plain, shifted(plain, 0.2)),
        ("0.2 s early", shifted(plain, 0.2), plain),
        ("every lag is as good", flat, flat),
        (
            "opposite certainties",
            {**flat, "frames": [{**frame, "probabilities": [1, 0, 0]} for frame in flat["frames"]]},
            {**flat, "frames": [{**frame, "probabilities": [0, 0, 1]} for frame in flat["frames"]]},
        ),
    ]


# Every place occurs among the cases.
SCALE = ScoreScale(same_tenth=95, different_ninetieth=70, different_median=40, videos=3, measured_on="made up")


def main() -> None:
    """Write the file."""
    cases = []
    for name, actor_json, user_json in make_cases():
        actor, user = parse_track(actor_json), parse_track(user_json)
        score, lag, warp = score_tracks(actor, user), find_lag(actor, user), find_warp(actor, user)
        result = ScoreResult(actor, user, score, "lag" if lag else "none", lag, SCALE)
        cases.append(
            {
                "name": name,
                "actor": actor_json,
                "user": user_json,
                "json": result_to_json(result),
                "csv": result_to_csv(result),
                "warp": None if warp is None else {"lag_s": warp.lag_s, "score": warp.score, "cost": warp.cost},
            }
        )
    content = {"scale": SCALE.model_dump(), "cases": cases}
    TARGET.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
