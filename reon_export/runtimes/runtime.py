"""What every runtime does."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from reon_export.progress import OnProgress, ignore_progress
from reon_export.runtimes.predictions import Array, Crops, Predictions
from reon_export.runtimes.runtime_id import RuntimeId
from reon_export.spec import OutputSpec

OUTPUTS = [OutputSpec().logits, OutputSpec().probabilities]
BATCH = 16


class Runtime(Protocol):
    """A classifier in some runtime."""

    id: RuntimeId
    labels: tuple[str, ...]

    def __call__(self, crops_rgb: Crops, on_progress: OnProgress = ignore_progress) -> Predictions:
        """Classify uint8 [N, H, W, 3] RGB crops; progress is reported under the runtime's name."""
        ...


def classify_in_batches(
    run: Callable[[Crops], tuple[Array, Array]],
    crops_rgb: Crops,
    runtime: Runtime,
    on_progress: OnProgress,
) -> Predictions:
    """Predictions of all crops; `run` turns a batch of crops into float32 [N, C] logits and probabilities."""
    logits, probabilities = [], []
    for start in range(0, len(crops_rgb), BATCH):
        batch = crops_rgb[start : start + BATCH]
        batch_logits, batch_probabilities = run(batch)
        logits.append(batch_logits)
        probabilities.append(batch_probabilities)
        on_progress(str(runtime.id), start + len(batch), len(crops_rgb))
    empty = [np.empty((0, len(runtime.labels)), np.float32)]
    return Predictions(np.concatenate(logits or empty), np.concatenate(probabilities or empty), runtime.labels)


def as_float32(batch_nhwc: Crops) -> npt.NDArray[np.float32]:
    """What the exported graphs take: the same numbers, 0..255."""
    return batch_nhwc.astype(np.float32)
