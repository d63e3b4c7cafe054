"""P-values of many claims at once, adjusted so that one false claim among them all is as rare as stated."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from learning.errors import LearningError

Floats = NDArray[np.float64]


def holm(p_values: Sequence[float] | Floats) -> Floats:
    """Adjusted p-values (Holm 1979), in the same order.

    Believing those at or below alpha, the chance of even one false claim is at most alpha, whatever the claims have to
    do with each other.

    Raises:
        LearningError: a p-value outside of 0 to 1.

    >>> holm([0.01, 0.04, 0.03]).round(12).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p_values, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise LearningError(f"p-values must lie in 0 to 1: {values.tolist()}")
    order = np.argsort(values, kind="stable")
    adjusted = np.empty_like(values)
    raised = values[order] * np.arange(len(values), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(raised), 1.0)
    return adjusted
