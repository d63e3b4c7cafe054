"""What a learner asks of history: what each session would have earned under other values."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learning.search import Found, Gains
from learning.walk_forward import Fold
from scheduler.history import Scored
from schemas.allocation import Value
from schemas.errors import EngineError
from schemas.learner import Learner
from schemas.parameters import Parameter, ParameterType, ParameterUnit, Registry, Scale
from schemas.trials import number_of

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

COARSE = 9
"""Coarse values of a parameter that is searched alone."""

DIGITS = 9
"""Scores and thresholds are rounded, so that what is equal but for rounding's sake is equal."""

Find = Callable[[Sequence[Fold], np.random.Generator, float], Found]
"""Searches history in these folds, at this error rate; values are in the units of the parameters."""


class NothingToAsk(EngineError):
    """Too little is in the store to learn anything of; the sentence says what is missing."""


class Question(NamedTuple):
    """What a search of one learner needs, one row a session in order of time.

    ``sessions`` and ``ends`` (sessions,) are places of the assignment session and of the last session of its
    outcomes, ``units`` how many were assigned. ``gains`` says what candidates, in the units of the parameters, would
    have earned: (sessions, candidates), in ``measure``.
    """

    sessions: Integers
    ends: Integers
    units: Integers
    gains: Gains
    find: Find
    measure: str


def by_session(sessions: Integers, ends: Integers) -> tuple[Integers, Integers, Integers]:
    """The sessions, rising; the last end of each; and how many rows each has."""
    numbers, places, counts = np.unique(sessions, return_inverse=True, return_counts=True)
    latest = np.full(len(numbers), np.iinfo(np.int64).min)
    np.maximum.at(latest, places, ends)
    return numbers, latest, counts


def whole_of(parameter: Parameter) -> float:
    """By what a value is multiplied to be a fraction."""
    return 0.01 if parameter.unit in (ParameterUnit.PERCENT, ParameterUnit.POINTS) else 1.0


def step_of(parameter: Parameter) -> float:
    """The step of its values, 0 for none."""
    if parameter.step is None:
        return 1.0 if parameter.type is ParameterType.INTEGER else 0.0
    return parameter.step


def axis_of(parameter: Parameter, *, count: int) -> Floats:
    """So many values between its bounds at the most, evenly spread as it is scaled, each one that it may have."""
    assert parameter.min is not None, "a learnable number has bounds"
    assert parameter.max is not None, "a learnable number has bounds"
    spread = np.geomspace if parameter.scale is Scale.LOG else np.linspace
    return np.unique([parameter.settled(float(value)) for value in spread(parameter.min, parameter.max, count)])


def scores_of(learner: Learner, values: Mapping[str, Value], history: Scored) -> tuple[Floats, Flags]:
    """The score of each unit by the weights in force, and whether it is known; as it was told where it has none."""
    if not learner.weights:
        return history.scores, np.ones(len(history.scores), dtype=np.bool_)
    weights = np.array([number_of(values[name]) for name in learner.weights])
    known: Flags = np.isfinite(history.features.sum(axis=1))
    scores: Floats = np.round(np.where(known[:, None], history.features, 0.0) @ weights, DIGITS)
    return scores, known


def threshold_in_force(learner: Learner, registry: Registry, values: Mapping[str, Value]) -> float | None:
    """The least score that is bought, 0 to 1; None where the learner names none."""
    if learner.threshold is None:
        return None
    return round(number_of(values[learner.threshold]) * whole_of(registry.parameters[learner.threshold]), DIGITS)
