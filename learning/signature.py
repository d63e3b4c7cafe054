"""The name of a pattern: which features an alert had, and in which range each of them lay."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from learning.errors import LearningError


def signature(features: Mapping[str, float], *, edges: Mapping[str, Sequence[float]]) -> str | None:
    """The canonical text of a pattern; the same whatever order features and edges come in.

    Each feature that has ``edges`` (rising; quantiles, for instance) is said with the range between two of them that it
    lies in; a value at an edge belongs above it. A feature that is missing or NaN is left out, so that having it
    is part of the pattern; None where nothing is left. The text holds the range and not its number: where edges move,
    a pattern of the same name still means the same, so keep edges for as long as patterns are to be counted together.

    Raises:
        LearningError: edges that do not rise or are not finite, an infinite feature, or a name with "=" or "&".

    >>> signature({"rsi": 71.5, "gap": 0.01, "note": 3.0}, edges={"gap": [0.02, 0.05], "rsi": [30, 70]})
    'gap=(-inf,0.02)&rsi=[70.0,inf)'
    """
    said = []
    for name in sorted(edges):
        bounds = _bounds(name, edges[name])
        value = features.get(name, math.nan)
        if math.isinf(value):
            raise LearningError(f"feature {name!r} is {value}; leave it out where it is not known")
        if not math.isnan(value):
            place = int(np.searchsorted(bounds, value, side="right"))
            said.append(f"{name}={_range([-math.inf, *bounds, math.inf], place)}")
    return "&".join(said) or None


def _bounds(name: str, edges: Sequence[float]) -> list[float]:
    if not name or "=" in name or "&" in name:
        raise LearningError(f'a feature\'s name must not be empty, nor hold "=" or "&": {name!r}')
    bounds = [float(edge) + 0.0 for edge in edges]
    rising = all(one < other for one, other in pairwise(bounds))
    if not (bounds and rising and all(map(math.isfinite, bounds))):
        raise LearningError(f"the edges of {name!r} must be finite and rise: {bounds}")
    return bounds


def _range(bounds: list[float], place: int) -> str:
    return f"{'[' if place else '('}{bounds[place]},{bounds[place + 1]})"
