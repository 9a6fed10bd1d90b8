"""Labels and probabilities to figures. Pure; added up batch by batch, so that memory does not grow with the data.

Definitions, for n images, C classes and the confusion matrix M (rows: the true class, columns: the predicted one, that
of the largest probability, the first of equal ones):

    accuracy            sum_k M[k, k] / n
    recall of k         M[k, k] / sum_j M[k, j]         (none if k does not occur)
    precision of k      M[k, k] / sum_j M[j, k]         (none if k is never predicted)
    balanced accuracy   the mean of the recalls of those classes that occur
    calibration error   sum_b (n_b / n) * |accuracy_b - confidence_b| over 15 bins of equal width of the largest
                        probability (Guo et al., On Calibration of Modern Neural Networks, 2017)
    agreement           the share of images with the same predicted class as the reference; the mean and the largest
                        |difference| of a probability
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from reon_export.errors import DataError
from reon_export.runtimes.predictions import PROBABILITY_SUM_TOLERANCE

BINS = 15
Labels = npt.NDArray[np.intp]
Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ClassFigures:
    """One class: how many images have it, and how it is recognised; None where there is nothing to divide by."""

    label: str
    support: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class Agreement:
    """How far a runtime is from the reference over the same images."""

    images: int
    top1: float
    mean_abs_prob: float
    max_abs_prob: float


@dataclass(frozen=True)
class Figures:
    """Everything about one runtime. `confusion` has a row a true class and a column a predicted one."""

    images: int
    accuracy: float
    balanced_accuracy: float
    calibration_error: float
    classes: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...]
    agreement: Agreement | None


@dataclass
class Tally:
    """Adds up one runtime's answers."""

    labels: tuple[str, ...]
    confusion: npt.NDArray[np.int64] = field(init=False)
    _bins: npt.NDArray[np.float64] = field(init=False)
    _compared: int = 0
    _same: int = 0
    _sum_difference: float = 0.0
    _max_difference: float = 0.0

    def __post_init__(self) -> None:
        classes = len(self.labels)
        self.confusion = np.zeros((classes, classes), np.int64)
        self._bins = np.zeros((BINS, 2))  # right ones, sum of confidences

    def add(self, true: Labels, probabilities: Probabilities, reference: Probabilities | None = None) -> None:
        """Count a batch: class indices [N], float64 [N, C], and the reference's probabilities for the same images.

        Raises DataError if the shapes differ or a row is no distribution.
        """
        _check(true, probabilities, len(self.labels))
        predicted = probabilities.argmax(axis=1)
        np.add.at(self.confusion, (true, predicted), 1)
        confidence = probabilities.max(axis=1)
        bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
        np.add.at(self._bins, bins, np.stack([true == predicted, confidence], axis=1))
        if reference is not None:
            _check(true, reference, len(self.labels))
            difference = np.abs(probabilities - reference)
            self._compared += len(true)
            self._same += int((reference.argmax(axis=1) == predicted).sum())
            self._sum_difference += float(difference.mean(axis=1).sum())
            self._max_difference = max(self._max_difference, float(difference.max(initial=0)))

    def figures(self) -> Figures:
        """The figures of what was added so far. Raises DataError if that is nothing."""
        images = int(self.confusion.sum())
        if not images:
            raise DataError("no image was classified")
        classes = tuple(self._class_figures(index) for index in range(len(self.labels)))
        recalls = [figures.recall for figures in classes if figures.recall is not None]
        right, confidence = self._bins.T
        return Figures(
            images=images,
            accuracy=float(np.trace(self.confusion)) / images,
            balanced_accuracy=sum(recalls) / len(recalls),
            calibration_error=float(np.abs(right - confidence).sum()) / images,
            classes=classes,
            confusion=tuple(tuple(int(value) for value in row) for row in self.confusion),
            agreement=self._agreement(),
        )

    def _class_figures(self, index: int) -> ClassFigures:
        hits, support = int(self.confusion[index, index]), int(self.confusion[index].sum())
        predicted = int(self.confusion[:, index].sum())
        precision = hits / predicted if predicted else None
        return ClassFigures(self.labels[index], support, precision, hits / support if support else None)

    def _agreement(self) -> Agreement | None:
        if not self._compared:
            return None
        mean = self._sum_difference / self._compared
        return Agreement(self._compared, self._same / self._compared, mean, self._max_difference)


def _check(true: Labels, probabilities: Any, classes: int) -> None:
    if probabilities.shape != (len(true), classes):
        raise DataError(f"probabilities are {list(probabilities.shape)}, expected {[len(true), classes]}")
    if not np.isfinite(probabilities).all():
        raise DataError("a probability is not a finite number; check the model with 'python -m reon_export parity'")
    if (probabilities < 0).any():
        raise DataError("a probability is below 0; check the model with 'python -m reon_export parity'")
    if len(true) and float(np.abs(probabilities.sum(axis=1) - 1).max()) > PROBABILITY_SUM_TOLERANCE:
        raise DataError("probabilities do not sum to 1; check the model with 'python -m reon_export parity'")


@dataclass(frozen=True)
class McNemar:
    """Exact McNemar test: of the images that just one of two models gets right, is the split even?

    `p_value` is that of a two-sided binomial test with probability 1/2 (McNemar 1947; the exact form). Small means that
    the two differ in accuracy by more than chance would make them.
    """

    only_first_right: int
    only_second_right: int
    p_value: float


def compare_paired(only_first_right: int, only_second_right: int) -> McNemar:
    """The test from its two counts; with no image on which just one is right there is no evidence, and p is 1."""
    from scipy.stats import binomtest

    count = only_first_right + only_second_right
    p_value = float(binomtest(only_first_right, count, 0.5).pvalue) if count else 1.0
    return McNemar(only_first_right, only_second_right, p_value)
