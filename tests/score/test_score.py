"""The score: its properties on drawn tracks, known pairs, and the golden vectors in both languages."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from reon_export.errors import TrackError
from reon_export.score.definition import Score, check_coverage, find_lag, find_warp, score_tracks
from reon_export.score.files import ScoreResult, result_to_csv, result_to_json
from reon_export.score.scale import describe_place
from reon_export.score.tracks.track import Track, TrackFrame, parse_track
from reon_export.spec import ScoreScale
from tests.support.node import run_in_node

GOLDEN = Path(__file__).parents[1] / "golden" / "score.json"
_CONTENT = json.loads(GOLDEN.read_text(encoding="utf-8"))
CASES: list[dict[str, Any]] = _CONTENT["cases"]
SCALE = ScoreScale(**_CONTENT["scale"])
LABELS = ("joy", "anger", "neutral")
# Sums of a few hundred numbers of size 100 in float64: rounding stays below this.
ROUNDING = 1e-9


@st.composite
def tracks(draw: st.DrawFn) -> Track:
    """Uneven times, gaps without a face, any distribution."""
    steps = draw(st.lists(st.floats(0.005, 0.6), min_size=1, max_size=25))
    times = np.cumsum(steps)
    frames = []
    for time_s in times:
        weights = draw(st.none() | st.tuples(*[st.floats(0, 1)] * len(LABELS)))
        total = sum(weights) if weights else 0
        values = tuple(weight / total for weight in weights) if weights and total > 1e-6 else None
        frames.append(TrackFrame(float(time_s), values))
    return Track("drawn", LABELS, tuple(frames), float(times[-1]) + 0.1)


def steady(probabilities: tuple[float, ...], seconds: float = 1.0, fps: float = 30, name: str = "") -> Track:
    frames = tuple(TrackFrame(index / fps, probabilities) for index in range(round(seconds * fps)))
    return Track(name, LABELS, frames, seconds)


@settings(max_examples=60, deadline=None)
@given(tracks(), tracks())
def test_the_properties_hold(actor: Track, user: Track) -> None:
    score = score_tracks(actor, user)
    known = score.scores[np.isfinite(score.scores)]
    assert ((known >= -ROUNDING) & (known <= 100 + ROUNDING)).all()
    assert 0 <= score.coverage <= 1
    swapped = score_tracks(user, actor)
    assert np.array_equal(score.scores, swapped.scores, equal_nan=True)
    assert score.total == swapped.total
    if score.total is None:
        assert not len(known)
        return
    assert abs(sum(score.points_lost.values()) - (100 - score.total)) <= ROUNDING
    both = np.isfinite(score.scores)
    is_equal = np.array_equal(score.actor[both], score.user[both])
    assert (score.total == 100) == is_equal or abs(score.total - 100) <= ROUNDING


@settings(max_examples=30, deadline=None)
@given(tracks(), tracks(), st.permutations(range(len(LABELS))))
def test_naming_and_ordering_the_classes_otherwise_changes_nothing(actor: Track, user: Track, order: list[int]) -> None:
    def reordered(track: Track, names: tuple[str, ...]) -> Track:
        frames = tuple(
            replace(frame, probabilities=frame.probabilities and tuple(frame.probabilities[k] for k in order))
            for frame in track.frames
        )
        return replace(track, labels=tuple(names[k] for k in order), frames=frames)

    before = score_tracks(actor, user)
    renamed = score_tracks(reordered(actor, ("x", "y", "z")), reordered(user, ("x", "y", "z")))
    np.testing.assert_allclose(renamed.scores, before.scores, atol=ROUNDING)
    only_one = score_tracks(actor, reordered(user, LABELS))
    np.testing.assert_allclose(only_one.scores, before.scores, atol=ROUNDING)


@settings(max_examples=30, deadline=None)
@given(tracks(), tracks())
def test_alignments_are_symmetric_and_never_worse_than_none(actor: Track, user: Track) -> None:
    warp, back = find_warp(actor, user), find_warp(user, actor)
    assert (warp is None) == (back is None)
    if warp is not None and back is not None:
        assert warp.cost == pytest.approx(back.cost, abs=ROUNDING)
        assert -ROUNDING <= warp.score <= 100 + ROUNDING
    lag, mirrored = find_lag(actor, user), find_lag(user, actor)
    assert (lag is None) == (mirrored is None)
    if lag is not None and mirrored is not None:
        assert lag.score == pytest.approx(mirrored.score, abs=1e-8)


def test_the_worked_example() -> None:
    score = score_tracks(steady((0.6, 0.3, 0.1)), steady((0.2, 0.3, 0.5)))
    assert score.total == pytest.approx(60)  # 100 * (1 - (0.4 + 0 + 0.4) / 2)
    assert score.points_lost == pytest.approx({"joy": 20, "anger": 0, "neutral": 20})
    assert (len(score.scores), score.coverage) == (30, 1)


def test_a_known_lag_is_found_to_the_frame_with_its_sign() -> None:
    case = next(case for case in CASES if case["name"] == "0.2 s late")
    actor, late = parse_track(case["actor"]), parse_track(case["user"])
    found, early = find_lag(actor, late), find_lag(late, actor)
    assert found is not None
    assert early is not None
    assert (found.lag_s, early.lag_s) == (0.2, -0.2)
    assert found.score == pytest.approx(100)
    warp = find_warp(actor, late)
    assert warp is not None
    assert warp.lag_s == pytest.approx(0.2)


def test_a_face_that_is_absent_neither_agrees_nor_disagrees() -> None:
    actor, user = steady((1, 0, 0), 2), steady((1, 0, 0), 2)
    hidden = replace(user, frames=tuple(replace(f, probabilities=None) if f.time_s >= 1 else f for f in user.frames))
    score = score_tracks(actor, hidden)
    assert (score.total, score.coverage) == (100, 0.5)
    nobody = replace(user, frames=tuple(replace(frame, probabilities=None) for frame in user.frames))
    empty = score_tracks(actor, nobody)
    assert (empty.total, empty.coverage, empty.points_lost, empty.best) == (None, 0, {}, None)
    assert find_lag(actor, nobody) is None
    assert find_warp(actor, nobody) is None


def test_an_expression_is_held_for_half_a_second_and_no_longer() -> None:
    actor = steady((1, 0, 0), 2)
    user = Track("one frame", LABELS, (TrackFrame(0.0, (1, 0, 0)),), 2)
    assert score_tracks(actor, user).coverage == pytest.approx(15 / 60)  # cells 0 to 14: up to 0.4833 s


def test_too_little_coverage_is_an_error_with_advice() -> None:
    score = score_tracks(steady((1, 0, 0), 4), steady((1, 0, 0), 1))
    message = "both have a face in 25% of the time, expected at least 50% .actor 100%, user 25%.: film the face"
    with pytest.raises(TrackError, match=message):
        check_coverage(score)
    check_coverage(score, 0.25)


def test_tracks_of_different_classes_are_refused() -> None:
    other = replace(steady((1, 0, 0)), labels=("joy", "anger", "hurt"), name="user.mp4")
    with pytest.raises(
        TrackError, match=r"different classes: actor has joy, anger, neutral; user.mp4 has joy, anger, hurt"
    ):
        score_tracks(steady((1, 0, 0)), other)


def result_of(case: dict[str, Any]) -> ScoreResult:
    actor, user = parse_track(case["actor"]), parse_track(case["user"])
    lag = find_lag(actor, user)
    return ScoreResult(actor, user, score_tracks(actor, user), "lag" if lag else "none", lag, SCALE)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_python_gives_the_golden_vectors(case: dict[str, Any]) -> None:
    result = result_of(case)
    assert result_to_json(result) == case["json"]
    assert result_to_csv(result) == case["csv"]
    warp = find_warp(result.actor, result.user)
    assert (warp is None) == (case["warp"] is None)
    if warp is not None:
        assert (warp.lag_s, warp.score, warp.cost) == pytest.approx(tuple(case["warp"].values()), abs=ROUNDING)


SCORE_CASES = """async ({cases, scale}) => {
  const {findLag, scoreTracks} = await import('./js/score.js');
  const {resultToCsv, resultToJson} = await import('./js/score_files.js');
  return cases.map(({actor, user}) => {
    const result = {actor, user, score: scoreTracks(actor, user), lag: findLag(actor, user), scale};
    return {json: resultToJson(result), csv: resultToCsv(result)};
  });
}"""


def test_javascript_gives_the_golden_vectors() -> None:
    answers = run_in_node(SCORE_CASES, {"cases": CASES, "scale": SCALE.model_dump()})
    assert len(answers) == len(CASES)
    for case, answer in zip(CASES, answers, strict=True):
        assert answer["json"] == case["json"], case["name"]
        assert answer["csv"] == case["csv"], case["name"]


def test_every_place_on_the_scale_occurs_and_has_its_sentence() -> None:
    assert {case["json"]["place"] for case in CASES} == {"same", "closer", "similar", "unlike", None}
    sentences = {describe_place(total, SCALE) for total in (95, 94.9, 70, 69.9, 40, 39.9)}
    assert len(sentences) == 4
    assert describe_place(95, SCALE).startswith(
        "As close as one performance filmed twice: nine of ten such pairs get 95"
    )
    assert "get 40 or less" in describe_place(39.9, SCALE)


def test_a_scale_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValidationError, match="cannot be told from the same; train the classifier further"):
        ScoreScale.model_validate({**SCALE.model_dump(), "same_tenth": 60})


def test_the_comparison_of_the_two_languages_notices_one_changed_probability() -> None:
    changed = json.loads(GOLDEN.read_text(encoding="utf-8"))
    frame = changed["cases"][0]["user"]["frames"][3]
    frame["probabilities"] = [0.2, 0.2, 0.6]
    assert run_in_node(SCORE_CASES, changed)[0]["csv"] != CASES[0]["csv"]


def test_no_cell_is_lost_to_the_rounding_of_containers() -> None:
    def rounded(track: Track) -> Track:
        return replace(track, frames=tuple(replace(f, time_s=round(f.time_s, 3)) for f in track.frames))

    moving = parse_track(CASES[0]["actor"])
    score: Score = score_tracks(moving, rounded(moving))
    assert score.total == 100
