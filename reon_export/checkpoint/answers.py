"""Whether a network's answers depend on the face: of one that does not, parity proves nothing."""

from typing import Final

import numpy as np
import numpy.typing as npt

_LEAST_MOVEMENT: Final = 1e-3


def is_untrained(probabilities: npt.NDArray[np.float32]) -> bool:
    """True if no class's probability moves by 0.001 or more over the crops.

    Measured on 32 face crops at 112x112 and 12 at 224x224, the largest movement of any class: reon-demo-b0 0.97 and
    0.15; its trunk under a fresh `nn.Linear` head 0.016 to 0.020 and 0.006; freshly initialised torchvision, timm
    (both), efficientnet_pytorch and our network, two seeds each: 0 to 0.00004. It cannot see random weights whose
    batch-norm statistics were taken from real images (0.08 to 0.87).

    Args:
        probabilities: [N, classes], of at least two different face crops.
    """
    if len(probabilities) < 2:
        raise ValueError("is_untrained needs at least two crops")
    movement = probabilities.max(axis=0) - probabilities.min(axis=0)
    return bool(np.max(movement) < _LEAST_MOVEMENT)


def find_constant_answer(probabilities: npt.NDArray[np.float32]) -> int | None:
    """The class that every crop gets as its first, or None if they differ or there is but one crop.

    Args:
        probabilities: [N, classes].
    """
    top = probabilities.argmax(axis=1)
    return int(top[0]) if len(top) > 1 and bool((top == top[0]).all()) else None
