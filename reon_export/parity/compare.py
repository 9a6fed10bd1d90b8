"""Two sets of predictions to numbers. Pure: no judgement, no printing."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, ConfigDict

from reon_export.runtimes.predictions import PROBABILITY_SUM_TOLERANCE, Array, Predictions


def _null_is_nan(value: object) -> object:
    return math.nan if value is None else value


STRICT_KEYS = ConfigDict(extra="forbid")  # for records that are read back from JSON
# JSON has no NaN: null stands for "not measured".
Figure = Annotated[float, BeforeValidator(_null_is_nan)]


@dataclass(frozen=True)
class Flip:
    """A crop whose top label changed. `margin` is how far the expected top two probabilities were apart."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT_KEYS

    sample: int
    expected: str
    actual: str
    margin: float


@dataclass(frozen=True)
class Measurement:
    """How far `actual` is from `expected`. Where `problems` is not empty, the numbers mean nothing (they are NaN)."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT_KEYS

    samples: int
    problems: tuple[str, ...]
    max_abs_prob: Figure = math.nan
    mean_abs_prob: Figure = math.nan
    max_abs_logit: Figure = math.nan
    mean_abs_logit: Figure = math.nan
    top1_agreement: Figure = math.nan
    mean_kl: Figure = math.nan
    max_kl: Figure = math.nan
    worst_sample: int = -1
    flips: tuple[Flip, ...] = ()
    max_abs_prob_by_sample: tuple[Figure, ...] = ()


def measure(expected: Predictions, actual: Predictions) -> Measurement:
    """Compare two runtimes over the same crops.

    Names, counts, shapes and finiteness come before values. KL is sum p ln(p / q) in nats, p the softmax of the
    expected logits and q of the actual ones, in double precision. `worst_sample` is the crop with the largest
    |difference of a probability|.
    """
    samples = len(actual.logits)
    problems = _find_problems(expected, actual)
    if problems:
        return Measurement(samples, problems)
    difference_prob = np.abs(expected.probabilities.astype(np.float64) - actual.probabilities)
    difference_logit = np.abs(expected.logits.astype(np.float64) - actual.logits)
    expected_top = expected.probabilities.argmax(axis=1)
    actual_top = actual.probabilities.argmax(axis=1)
    kl = _kl_divergence(expected.logits, actual.logits)
    return Measurement(
        samples=samples,
        problems=(),
        max_abs_prob=float(difference_prob.max()),
        mean_abs_prob=float(difference_prob.mean()),
        max_abs_logit=float(difference_logit.max()),
        mean_abs_logit=float(difference_logit.mean()),
        top1_agreement=float((expected_top == actual_top).mean()),
        mean_kl=float(kl.mean()),
        max_kl=float(np.max(kl)),
        worst_sample=int(np.argmax(np.max(difference_prob, axis=1))),
        flips=_find_flips(expected, expected_top, actual_top),
        max_abs_prob_by_sample=tuple(difference_prob.max(axis=1).tolist()),
    )


def _find_problems(expected: Predictions, actual: Predictions) -> tuple[str, ...]:
    if expected.labels != actual.labels:
        return (f"labels differ: expected {', '.join(expected.labels)}, got {', '.join(actual.labels)}",)
    wanted = (len(expected.logits), len(expected.labels))
    shapes = {
        "expected logits": expected.logits.shape,
        "expected probabilities": expected.probabilities.shape,
        "logits": actual.logits.shape,
        "probabilities": actual.probabilities.shape,
    }
    wrong = tuple(f"{name} have shape {shape}, expected {wanted}" for name, shape in shapes.items() if shape != wanted)
    if wrong:
        return wrong
    if wanted[0] == 0:
        return ("nothing was compared: there are no crops",)
    broken = tuple(
        f"{name} hold {np.count_nonzero(~np.isfinite(values))} values that are not finite"
        for name, values in (
            ("expected logits", expected.logits),
            ("expected probabilities", expected.probabilities),
            ("logits", actual.logits),
            ("probabilities", actual.probabilities),
        )
        if not np.isfinite(values).all()
    )
    if broken:
        return broken
    return _find_unnormalised(actual)


def _find_unnormalised(actual: Predictions) -> tuple[str, ...]:
    worst = float(np.abs(actual.probabilities.sum(axis=1, dtype=np.float64) - 1).max())
    lowest = float(np.min(actual.probabilities))
    if worst <= PROBABILITY_SUM_TOLERANCE and lowest >= 0:
        return ()
    return (f"probabilities are not a distribution (sum off by {worst:.3g}, lowest {lowest:.3g}): softmax left out?",)


def _find_flips(
    expected: Predictions, expected_top: npt.NDArray[np.intp], actual_top: npt.NDArray[np.intp]
) -> tuple[Flip, ...]:
    top_two = np.sort(expected.probabilities, axis=1)[:, -2:]
    return tuple(
        Flip(
            sample=int(sample),
            expected=expected.labels[expected_top[sample]],
            actual=expected.labels[actual_top[sample]],
            margin=float(top_two[sample, 1] - top_two[sample, 0]),
        )
        for sample in np.flatnonzero(expected_top != actual_top)
    )


def _kl_divergence(expected_logits: Array, actual_logits: Array) -> npt.NDArray[np.float64]:
    log_p, log_q = _log_softmax(expected_logits), _log_softmax(actual_logits)
    # Rounding can leave a divergence of two equal distributions at -1e-17; it is never negative by definition.
    divergence: npt.NDArray[np.float64] = np.maximum((np.exp(log_p) * (log_p - log_q)).sum(axis=1), 0.0)
    return divergence


def _log_softmax(logits: Array) -> npt.NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    log_weights: npt.NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return log_weights
