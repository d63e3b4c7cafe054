"""The search of a grid, ready for its folds."""

from collections.abc import Sequence

import numpy as np

from learning.search import Found, Gains, search
from learning.walk_forward import Fold
from scheduler.question import Find, Floats


def grid_search(gains: Gains, *, axes: Sequence[Floats], incumbent: Floats, steps: Sequence[float], fine: int) -> Find:
    """``learning.search`` of these candidates, for any folds."""

    def find(folds: Sequence[Fold], generator: np.random.Generator, error_rate: float) -> Found:
        return search(
            gains,
            axes=axes,
            incumbent=incumbent,
            steps=steps,
            fine=fine,
            folds=folds,
            generator=generator,
            error_rate=error_rate,
        )

    return find
