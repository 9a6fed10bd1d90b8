"""The comparer, and above all: that it fails on known-wrong models."""

from dataclasses import replace

import numpy as np
import pytest

from reon_export.parity.compare import measure
from reon_export.parity.gates import Gate, gate_for, judge
from reon_export.runtimes.predictions import Array, Predictions

LABELS = ("anger", "joy", "neutral")
FLOAT32 = gate_for("float32")


def softmax(logits: Array) -> Array:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Array = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities


@pytest.fixture
def expected() -> Predictions:
    logits = np.random.default_rng(1).normal(0, 3, (20, 3)).astype(np.float32)
    return Predictions(logits, softmax(logits), LABELS)


def test_equal_predictions_pass_with_zero_difference(expected: Predictions) -> None:
    measurement = measure(expected, expected)
    assert (measurement.max_abs_prob, measurement.max_abs_logit, measurement.mean_kl) == (0, 0, 0)
    assert measurement.top1_agreement == 1
    assert measurement.flips == ()
    assert judge(measurement, FLOAT32) == ("passed", ())


def test_differences_are_the_largest_and_the_sample_is_named(expected: Predictions) -> None:
    logits = expected.logits.copy()
    logits[7, 1] += 0.5
    measurement = measure(expected, Predictions(logits, softmax(logits), LABELS))
    assert measurement.worst_sample == 7
    assert measurement.max_abs_logit == pytest.approx(0.5, abs=1e-6)
    assert measurement.max_abs_prob == pytest.approx(
        float(np.abs(softmax(logits)[7] - expected.probabilities[7]).max()), abs=1e-7
    )
    verdict, reasons = judge(measurement, FLOAT32)
    assert verdict == "failed"
    assert "is over 1e-05" in reasons[0]


def test_kl_divergence_against_a_value_by_hand() -> None:
    p, q = np.array([[0.5, 0.5]]), np.array([[0.9, 0.1]])
    expected = Predictions(np.log(p).astype(np.float32), p.astype(np.float32), ("a", "b"))
    actual = Predictions(np.log(q).astype(np.float32), q.astype(np.float32), ("a", "b"))
    by_hand = 0.5 * np.log(0.5 / 0.9) + 0.5 * np.log(0.5 / 0.1)
    assert measure(expected, actual).mean_kl == pytest.approx(by_hand, rel=1e-6)


def test_a_flip_is_listed_with_the_margin_of_the_reference() -> None:
    p = np.array([[0.48, 0.50, 0.02], [0.1, 0.1, 0.8]], np.float32)
    q = np.array([[0.50, 0.48, 0.02], [0.1, 0.1, 0.8]], np.float32)
    measurement = measure(Predictions(np.log(p), p, LABELS), Predictions(np.log(q), q, LABELS))
    (flip,) = measurement.flips
    assert (flip.sample, flip.expected, flip.actual) == (0, "joy", "anger")
    assert flip.margin == pytest.approx(0.02, abs=1e-6)
    assert measurement.top1_agreement == 0.5


@pytest.mark.parametrize("field", ["logits", "probabilities"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_fails_before_it_is_compared(
    expected: Predictions, field: str, value: float
) -> None:
    broken = getattr(expected, field).copy()
    broken[3, 1] = value
    for sides in (
        (expected, replace(expected, **{field: broken})),
        (replace(expected, **{field: broken}), expected),
    ):
        measurement = measure(*sides)
        assert "1 values that are not finite" in measurement.problems[0]
        assert judge(measurement, Gate(float("inf"), 0.0)) == ("failed", measurement.problems)


def test_swapped_labels_fail_by_name(expected: Predictions) -> None:
    swapped = replace(expected, labels=("joy", "anger", "neutral"))
    assert measure(expected, swapped).problems == (
        "labels differ: expected anger, joy, neutral, got joy, anger, neutral",
    )


def test_nothing_compared_is_a_failure() -> None:
    empty = np.empty((0, 3), np.float32)
    none = Predictions(empty, empty, LABELS)
    assert measure(none, none).problems == ("nothing was compared: there are no crops",)
    assert judge(measure(none, none), FLOAT32)[0] == "failed"


def test_a_missing_row_or_column_is_a_failure(expected: Predictions) -> None:
    short = Predictions(expected.logits[:-1], expected.probabilities[:-1], LABELS)
    assert measure(expected, short).problems[0] == "logits have shape (19, 3), expected (20, 3)"
    narrow = replace(expected, probabilities=expected.probabilities[:, :2])
    assert measure(expected, narrow).problems == ("probabilities have shape (20, 2), expected (20, 3)",)


def test_softmax_left_out_is_recognised(expected: Predictions) -> None:
    raw = replace(expected, probabilities=expected.logits)
    (problem,) = measure(expected, raw).problems
    assert problem.startswith("probabilities are not a distribution")
    assert problem.endswith("softmax left out?")


def test_swapped_outputs_fail(expected: Predictions) -> None:
    swapped = Predictions(expected.probabilities, expected.logits, LABELS)
    assert judge(measure(expected, swapped), gate_for("uint8"))[0] == "failed"


def test_a_difference_that_equals_the_gate_passes_and_the_next_float_does_not(expected: Predictions) -> None:
    measurement = replace(measure(expected, expected), max_abs_prob=1e-5)
    assert judge(measurement, FLOAT32)[0] == "passed"
    over = replace(measurement, max_abs_prob=float(np.nextafter(1e-5, 1)))
    assert judge(over, FLOAT32)[0] == "failed"


def test_a_nan_that_slips_into_the_numbers_never_passes(expected: Predictions) -> None:
    clean = measure(expected, expected)
    nan = float("nan")
    assert judge(replace(clean, max_abs_prob=nan), FLOAT32)[0] == "failed"
    assert judge(replace(clean, max_abs_logit=nan), FLOAT32)[0] == "failed"
    assert judge(replace(clean, top1_agreement=nan), FLOAT32)[0] == "failed"
