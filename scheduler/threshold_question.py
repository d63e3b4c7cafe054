"""Which score threshold would have bought better."""

from collections.abc import Mapping

import numpy as np

from learning.thresholds import threshold_sums
from scheduler.history import Units
from scheduler.question import (
    COARSE,
    DIGITS,
    Floats,
    NothingToAsk,
    Question,
    axis_of,
    by_session,
    scores_of,
    step_of,
    whole_of,
)
from scheduler.searching import grid_search
from schemas.allocation import Value
from schemas.learner import Learner
from schemas.parameters import Registry
from schemas.trials import number_of


def threshold_question(learner: Learner, registry: Registry, values: Mapping[str, Value], history: Units) -> Question:
    """What units would have earned under other thresholds: what stays below one earns a real 0.

    Raises:
        NothingToAsk: no unit has a score and a known return.
    """
    scores, known = scores_of(learner, values, history)
    if not known.any():
        raise NothingToAsk(f"no unit of {len(known):,} with a known return has a score")
    [name] = learner.learned
    parameter = registry.parameters[name]
    whole = whole_of(parameter)
    rewards = learner.size * (history.returns[known] - learner.costs)
    scores, numbers = scores[known], history.sessions[known]
    sessions, ends, units = by_session(numbers, history.ends[known])

    def gains(candidates: Floats) -> Floats:
        return threshold_sums(scores, rewards, numbers, thresholds=np.round(candidates[:, 0] * whole, DIGITS))[1]

    find = grid_search(
        gains,
        axes=[axis_of(parameter, count=COARSE)],
        incumbent=np.array([number_of(values[name])]),
        steps=[step_of(parameter)],
        fine=COARSE,
    )
    return Question(sessions, ends, units, gains, find, "of equity")
