"""What a classifier takes and returns, whichever runtime runs it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Crops = npt.NDArray[np.uint8]
"""Face crops, uint8 [N, H, W, 3], RGB."""

# How far probabilities may be from adding up to 1. Measured: 1e-7 in float32, 5.1e-4 with half-float textures.
# Logits in place of probabilities are off by tenths. web_demo/js/inference/classifier.js has the same number.
PROBABILITY_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Predictions:
    """The answers of a runtime for N crops: float32 [N, C] each, columns in the order of `labels` (keys)."""

    logits: Array
    probabilities: Array
    labels: tuple[str, ...]


Classify = Callable[[Crops], Predictions]
"""Any classifier: crops in, predictions out."""
