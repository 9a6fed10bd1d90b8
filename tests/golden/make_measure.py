"""Writes measure.json: faces over time, and what reon_export/score/tracks/measure.py and follow.py make of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from reon_export.faces.crop import Box
from reon_export.score.tracks.follow import follow_face
from reon_export.score.tracks.measure import detector_view_at, look_box, looks_at, steady_boxes
from reon_export.spec import Measurement

TARGET = Path(__file__).with_name("measure.json")


def make_cases() -> list[tuple[str, list[float], list[list[Box]]]]:
    """Name, times, and the boxes that were found in each frame, the largest first."""
    random = np.random.default_rng(3)

    def walk(index: int) -> Box:
        jitter = random.normal(0, 1.5, 3)
        side = 90 * 1.1 ** round(float(random.normal(0, 0.6))) + float(jitter[2])
        return Box(float(100 + 2 * index + jitter[0]), float(80 - index + jitter[1]), side, side * 1.02)

    even = [index / 30 for index in range(40)]
    uneven = np.unique(random.uniform(0, 1.5, 25).round(3)).tolist()
    far = Box(400.0, 20.0, 150.0, 150.0)
    seen = [[walk(index)] for index in range(40)]
    lost = [[] if index in {0, 7, 8, 20, 21, 22, 23, 24, 25, 26, 27, 39} else found for index, found in enumerate(seen)]
    return [
        ("one face, trembling", even, seen),
        ("uneven times", uneven, seen[: len(uneven)]),
        ("lost for a moment, and for long", even, lost),
        ("somebody larger behind", even, [[far, *found] if index > 2 else found for index, found in enumerate(lost)]),
        (
            "an outlier",
            even,
            [[Box(90.0, 60.0, 200.0, 200.0)] if index == 11 else found for index, found in enumerate(seen)],
        ),
        ("nobody", even[:5], [[]] * 5),
        ("one frame", [0.0], [[far]]),
    ]


def main() -> None:
    """Write the file."""
    rule = Measurement()
    cases: list[dict[str, Any]] = []
    for name, times_s, detections in make_cases():
        followed = [face.box for face in follow_face(times_s, detections)]
        end_s = times_s[-1] + 1 / 30
        steady = steady_boxes(times_s, end_s, followed, rule.box_window_s)
        looks = [looks_at(time_s, rule) for time_s in times_s]
        cases.append(
            {
                "name": name,
                "times_s": times_s,
                "end_s": end_s,
                "detections": [[box._asdict() for box in found] for found in detections],
                "followed": [box and box._asdict() for box in followed],
                "steady": [box and box._asdict() for box in steady],
                "views": [detector_view_at(time_s, rule)._asdict() for time_s in times_s],
                "looks": [
                    [look_box(box, look)._asdict() | {"is_mirrored": look.is_mirrored} for look in pair] if box else []
                    for box, pair in zip(steady, looks, strict=True)
                ],
            }
        )
    TARGET.write_text(json.dumps({"cases": cases}, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
