"""How a face is measured over time: the golden vectors in both languages, and what must move nothing."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reon_export.errors import TrackError
from reon_export.faces.crop import Box
from reon_export.faces.detector_input import PLAIN_VIEW
from reon_export.score.definition import find_lag, score_tracks
from reon_export.score.tracks.follow import follow_face
from reon_export.score.tracks.measure import DETECTOR_VIEWS, detector_view_at, look_box, looks_at, steady_boxes
from reon_export.score.tracks.track import Track, TrackFrame
from reon_export.spec import SINGLE_LOOK, Measurement
from tests.support.node import run_in_node

GOLDEN = Path(__file__).parents[1] / "golden" / "measure.json"
CASES: list[dict[str, Any]] = json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]
RULE = Measurement()
LABELS = ("joy", "anger", "neutral")
# exp and log of the two languages may differ in their last digit, of boxes at a few hundred pixels.
ROUNDING = 1e-9

MEASURE_CASES = """async ({cases}) => {
  const {STEADY, detectorViewAt, followFace, lookBox, looksAt, steadyBoxes} = await import('./js/pixels/measure.js');
  return cases.map(({times_s: times, end_s: endS, detections}) => {
    const followed = followFace(times, detections);
    const steady = steadyBoxes(times, endS, followed, STEADY.box_window_s);
    const looks = steady.map((box, i) => (box === null ? [] : looksAt(times[i], STEADY).map(
      (look) => ({...lookBox(box, look), is_mirrored: look.isMirrored}))));
    const views = times.map((timeS) => {
      const {share, atX, atY, isMirrored} = detectorViewAt(timeS, STEADY);
      return {share, at_x: atX, at_y: atY, is_mirrored: isMirrored};
    });
    return {followed, steady, looks, views};
  });
}"""


def to_box(value: dict[str, float] | None) -> Box | None:
    return None if value is None else Box(*(value[key] for key in ("x", "y", "width", "height")))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_python_gives_the_golden_vectors(case: dict[str, Any]) -> None:
    detections = [[box for value in found if (box := to_box(value))] for found in case["detections"]]
    followed = [face.box for face in follow_face(case["times_s"], detections)]
    assert followed == [to_box(value) for value in case["followed"]]
    check_boxes(steady_boxes(case["times_s"], case["end_s"], followed, RULE.box_window_s), case["steady"])
    assert [detector_view_at(time_s, RULE)._asdict() for time_s in case["times_s"]] == case["views"]
    for time_s, value, expected in zip(case["times_s"], case["steady"], case["looks"], strict=True):
        box = to_box(value)
        looks = [] if box is None else [(look_box(box, look), look.is_mirrored) for look in looks_at(time_s, RULE)]
        assert [is_mirrored for _, is_mirrored in looks] == [look["is_mirrored"] for look in expected]
        check_boxes([look for look, _ in looks], expected)


def test_javascript_gives_the_golden_vectors() -> None:
    for case, answer in zip(CASES, run_in_node(MEASURE_CASES, {"cases": CASES}), strict=True):
        for part in ("followed", "steady"):
            check_boxes([to_box(value) for value in answer[part]], case[part])
        assert answer["views"] == case["views"]
        for own, expected in zip(answer["looks"], case["looks"], strict=True):
            assert [look["is_mirrored"] for look in own] == [look["is_mirrored"] for look in expected]
            check_boxes([to_box(look) for look in own], expected)


def check_boxes(boxes: list[Box | None], expected: list[dict[str, float] | None]) -> None:
    assert [box is None for box in boxes] == [value is None for value in expected]
    for box, value in zip(boxes, map(to_box, expected), strict=True):
        if box is not None:
            assert box == pytest.approx(value, abs=ROUNDING)


def test_a_trembling_box_becomes_steady_and_an_outlier_moves_nothing() -> None:
    random = np.random.default_rng(1)
    times = [index / 30 for index in range(60)]
    boxes: list[Box | None] = [
        Box(100 + x, 80 + y, 90 + s, 90 + s) for x, y, s in random.normal(0, 2, (60, 3)).tolist()
    ]
    steady = np.array(steady_boxes(times, 2.0, boxes, RULE.box_window_s))
    assert np.std(steady, axis=0).max() < 0.4 * np.std(np.array(boxes), axis=0).min()
    without = steady_boxes(times, 2.0, [*boxes[:30], None, *boxes[31:]], RULE.box_window_s)
    outlier = steady_boxes(times, 2.0, [*boxes[:30], Box(0, 0, 300, 300), *boxes[31:]], RULE.box_window_s)
    assert np.array(outlier[:30] + outlier[31:]) == pytest.approx(np.array(without[:30] + without[31:]))


def test_the_six_looks_are_their_own_mirror_images() -> None:
    looks = {look for index in range(3) for look in looks_at(index / 30, RULE)}
    assert len(looks) == 6
    assert looks == {look._replace(offset_x=-look.offset_x, is_mirrored=not look.is_mirrored) for look in looks}


def test_the_six_views_are_their_own_mirror_images() -> None:
    views = {detector_view_at(index / 30, RULE) for index in range(6)}
    assert views == set(DETECTOR_VIEWS)
    assert views == {view._replace(is_mirrored=not view.is_mirrored) for view in views}
    assert {detector_view_at(index / 30, SINGLE_LOOK) for index in range(6)} == {PLAIN_VIEW}


def drawn(seed: int, fps: float = 30, seconds: float = 3.0) -> Track:
    """A performance that changes slowly, measured with noise."""
    random = np.random.default_rng(seed)
    frames = []
    for index in range(round(seconds * fps)):
        weights = np.exp(2 * np.sin(index / fps * (1 + np.arange(3)) + seed) + random.normal(0, 0.3, 3))
        frames.append(TrackFrame(index / fps, tuple((weights / weights.sum()).tolist())))
    return Track(f"drawn {seed}", LABELS, tuple(frames), seconds, measurement=RULE)


def total_of(actor: Track, user: Track) -> float:
    total = score_tracks(actor, user).total
    assert total is not None
    return total


def test_a_score_is_symmetric_and_100_for_equal_tracks() -> None:
    actor, user = drawn(1), drawn(2)
    there, back = score_tracks(actor, user), score_tracks(user, actor)
    assert there.total == back.total
    assert there.margin == pytest.approx(back.margin)
    assert total_of(actor, actor) == 100


def test_repeated_frames_move_nothing() -> None:
    actor, user = drawn(1), drawn(2)
    frames = tuple(replace(f, time_s=f.time_s + later) for f in user.frames for later in (0.0, 1 / 60))
    assert total_of(actor, replace(user, frames=frames)) == pytest.approx(total_of(actor, user), abs=1e-9)


def test_a_second_of_nothing_at_the_end_moves_nothing() -> None:
    actor, user = drawn(1), drawn(2)
    nothing = tuple(TrackFrame(3 + index / 30, None) for index in range(30))
    padded = replace(user, frames=(*user.frames, *nothing), duration_s=4.0)
    score = score_tracks(actor, padded)
    assert score.total == pytest.approx(total_of(actor, user), abs=1e-9)
    assert score.coverage == 0.75


def test_half_the_frames_move_little() -> None:
    slow = drawn(1)
    half = replace(slow, frames=slow.frames[::2])
    assert total_of(slow, half) > total_of(as_single(slow), as_single(half)) + 1


def as_single(track: Track) -> Track:
    return replace(track, measurement=SINGLE_LOOK)


def test_noise_is_averaged_out_and_the_margin_grows_with_it() -> None:
    actor = drawn(1)
    random = np.random.default_rng(7)
    frames = []
    for frame in actor.frames:
        weights = np.array(frame.probabilities) * np.exp(random.normal(0, 0.6, 3))
        frames.append(replace(frame, probabilities=tuple((weights / weights.sum()).tolist())))
    trembling = replace(actor, frames=tuple(frames))
    steady, single = score_tracks(actor, trembling), score_tracks(as_single(actor), as_single(trembling))
    assert steady.total is not None
    assert single.total is not None
    assert 100 - steady.total < 0.5 * (100 - single.total)
    calm = score_tracks(actor, actor).margin
    assert steady.margin is not None
    assert calm is not None
    assert steady.margin > calm
    assert single.margin is None


def test_tracks_of_different_rules_are_not_compared() -> None:
    message = r"measured by different rules \(drawn 1 by steady \(0.4 s, 0.4 s\), drawn 2 by single\): .* --measure"
    with pytest.raises(TrackError, match=message):
        score_tracks(drawn(1), as_single(drawn(2)))
    with pytest.raises(TrackError, match="different rules"):
        find_lag(drawn(1), replace(drawn(2), measurement=Measurement(window_s=0.2)))
