"""Which target, stop and holding time would have left better."""

from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from learning.excursions import Bars
from learning.exits import ExitPlans, exits, session_sums
from scheduler.history import Entries
from scheduler.question import (
    Floats,
    NothingToAsk,
    Question,
    axis_of,
    by_session,
    scores_of,
    step_of,
    threshold_in_force,
    whole_of,
)
from scheduler.searching import grid_search
from schemas.allocation import Value
from schemas.learner import Learner
from schemas.parameters import Registry
from schemas.trials import number_of

COARSE, FINE = 5, 4
"""Values a parameter of the coarse and of the fine grid, of three parameters together."""


def exit_question(learner: Learner, registry: Registry, values: Mapping[str, Value], history: Entries) -> Question:
    """What entries would have earned under other exits: all of them, or those whose score the threshold lets in.

    Raises:
        NothingToAsk: no entry has all bars of the longest hold.
    """
    scores, known = scores_of(learner, values, history)
    threshold = threshold_in_force(learner, registry, values)
    if threshold is not None:
        known &= scores >= threshold
    if not known.any():
        raise NothingToAsk(f"of {len(known):,} units with all bars of the longest hold none was let in")
    parameters = [registry.parameters[name] for name in learner.learned]
    target, stop, _ = (whole_of(parameter) for parameter in parameters)
    bars = Bars(*(getattr(history.bars, field.name)[known] for field in fields(Bars)))
    signs, numbers = history.signs[known], history.sessions[known]
    sessions, ends, units = by_session(numbers, history.ends[known])

    def gains(candidates: Floats) -> Floats:
        plans = ExitPlans(
            stops=candidates[:, 1] * stop,
            targets=candidates[:, 0] * target,
            holds=np.rint(candidates[:, 2]).astype(np.int64),
        )
        made = exits(bars, signs=signs, plans=plans, costs=learner.costs)
        return session_sums(made, numbers, sizes=learner.size)[1]

    find = grid_search(
        gains,
        axes=[axis_of(parameter, count=COARSE) for parameter in parameters],
        incumbent=np.array([number_of(values[parameter.name]) for parameter in parameters]),
        steps=[step_of(parameter) for parameter in parameters],
        fine=FINE,
    )
    return Question(sessions, ends, units, gains, find, "of equity")
