"""Where to look first: values spread over what may be changed, before anything is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from learning.domain import Domain, Region
from learning.errors import LearningError

Floats = NDArray[np.float64]

LOOKED_AT = 512
"""Feasible values that the design is chosen from."""


def spread(
    domain: Domain, incumbent: Mapping[str, float], *, count: int, seed: int, tried: Sequence[Mapping[str, float]] = ()
) -> list[dict[str, float]]:
    """``count`` values within the change budget of the incumbent, as far from it, from each other and from ``tried`` as
    can be; fewer where there are no more.

    The maximin design (Johnson 1990), chosen one by one among Sobol points, each the farthest from all before it
    (Gonzalez 1985). Distances are in parts of what each parameter may move.

    Raises:
        LearningError: an incumbent or an arm lacks a value, or ``count`` is negative.
        NoRoom: the change budget leaves no value.
    """
    if count < 0:
        raise LearningError(f"a design counts its values, and cannot have {count}")
    region = Region.of(domain, incumbent)
    width = np.where(region.high > region.low, region.high - region.low, 1.0)
    drawn = qmc.Sobol(len(width), scramble=True, seed=seed).random(LOOKED_AT)
    corners = np.vstack([region.low, region.high, region.low + drawn * (region.high - region.low)])
    steps = np.unique(region.snap(region.project(corners)), axis=0)
    points = region.points(steps) / width
    known = np.array([domain.point(values) for values in (incumbent, *tried)]) / width
    nearest = np.sqrt(((points[:, None] - known) ** 2).sum(axis=2)).min(axis=1)
    chosen = []
    for _ in range(count):
        best = int(np.argmax(nearest))
        if not nearest[best] > 1e-9:
            break
        chosen.append(region.values(steps[best]))
        nearest = np.minimum(nearest, np.sqrt(((points - points[best]) ** 2).sum(axis=1)))
    return chosen
