"""The figures of an evaluation, against cases worked by hand, and against wrong input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reon_export.errors import DataError
from reon_export.evaluate.metrics import Tally, compare_paired

LABELS = ("joy", "anger", "hurt")


def spread(tops: list[int], confidence: float = 0.8) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Rows that give `confidence` to one class and share out the rest."""
    rows = np.full((len(tops), len(LABELS)), (1 - confidence) / (len(LABELS) - 1))
    rows[np.arange(len(tops)), tops] = confidence
    return rows


def test_a_case_worked_by_hand() -> None:
    tally = Tally(LABELS)
    true = np.array([0, 0, 0, 1, 1])
    tally.add(true, spread([0, 0, 1, 1, 1]), spread([0, 1, 1, 1, 1]))
    figures = tally.figures()
    assert figures.confusion == ((2, 1, 0), (0, 2, 0), (0, 0, 0))
    assert figures.accuracy == 0.8
    assert figures.balanced_accuracy == pytest.approx((2 / 3 + 1) / 2)  # nobody is hurt: that recall does not count
    joy, anger, hurt = figures.classes
    assert (joy.support, joy.precision) == (3, 1)
    assert joy.recall == pytest.approx(2 / 3)
    assert (anger.support, anger.recall) == (2, 1)
    assert anger.precision == pytest.approx(2 / 3)
    assert (hurt.support, hurt.precision, hurt.recall) == (0, None, None)
    assert figures.calibration_error == pytest.approx(0, abs=1e-12)  # 80 % sure, 80 % right
    assert figures.agreement is not None
    assert (figures.agreement.images, figures.agreement.top1) == (5, 0.8)
    assert figures.agreement.max_abs_prob == pytest.approx(0.7)
    assert figures.agreement.mean_abs_prob == pytest.approx((0.7 + 0.7) / 3 / 5)


def test_the_calibration_error_is_the_gap_between_sure_and_right() -> None:
    tally = Tally(LABELS)
    tally.add(np.array([0, 1, 1, 1]), spread([0, 0, 0, 0], 0.9))  # 90 % sure, 25 % right
    tally.add(np.array([2, 2]), spread([2, 2], 0.5))  # another bin: 50 % sure, all right
    assert tally.figures().calibration_error == pytest.approx(4 / 6 * 0.65 + 2 / 6 * 0.5)


ANSWERS = st.tuples(st.integers(0, 2), st.integers(0, 2), st.floats(0.4, 1))


@given(st.lists(ANSWERS, min_size=1, max_size=60), st.integers(1, 59))
def test_how_it_is_cut_into_batches_does_not_matter(rows: list[tuple[int, int, float]], size: int) -> None:
    true = np.array([row[0] for row in rows])
    answers = np.concatenate([spread([top], sure) for _, top, sure in rows])
    whole, parts = Tally(LABELS), Tally(LABELS)
    whole.add(true, answers, answers[::-1])
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        parts.add(true[part], answers[part], answers[::-1][part])
    one, many = whole.figures(), parts.figures()
    assert one.confusion == many.confusion
    assert one.calibration_error == pytest.approx(many.calibration_error, abs=1e-12)
    assert one.agreement is not None
    assert many.agreement is not None
    assert one.agreement.top1 == many.agreement.top1
    assert one.agreement.mean_abs_prob == pytest.approx(many.agreement.mean_abs_prob, abs=1e-12)
    assert 0 <= one.calibration_error <= 1


def test_wrong_input_is_never_counted() -> None:
    tally, true = Tally(LABELS), np.array([0, 1])
    good = spread([0, 1])
    for wrong, message in (
        (good[:1], r"probabilities are \[1, 3\], expected \[2, 3\]"),
        (good[:, :2], r"probabilities are \[2, 2\], expected \[2, 3\]"),
        (np.where(good > 0.5, np.nan, good), "a probability is not a finite number"),
        (np.array([[1.5, -0.5, 0], [0, 1, 0]]), "a probability is below 0"),
        (good * 1.1, "probabilities do not sum to 1"),
    ):
        with pytest.raises(DataError, match=message):
            tally.add(true, wrong)
        with pytest.raises(DataError, match=message):
            Tally(LABELS).add(true, good, wrong)
    with pytest.raises(DataError, match="no image was classified"):
        tally.figures()
    swapped = Tally(LABELS)
    swapped.add(true, good[:, [1, 0, 2]])
    assert swapped.figures().accuracy == 0


@pytest.mark.parametrize(
    ("first", "second", "p_value"),
    [
        (0, 0, 1.0),
        (5, 5, 1.0),
        (0, 6, 2 * 0.5**6),  # six of six: 2 * (1/2)^6
        (1, 8, 2 * (1 + 9) * 0.5**9),
    ],
)
def test_mcnemar_by_hand(first: int, second: int, p_value: float) -> None:
    assert compare_paired(first, second).p_value == pytest.approx(p_value)
    assert compare_paired(second, first).p_value == pytest.approx(p_value)
