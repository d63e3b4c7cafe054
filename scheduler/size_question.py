"""Which cap on the size of a position would have grown equity more."""

from collections.abc import Mapping

import numpy as np

from learning.position_size import capped_growth
from scheduler.history import Positions
from scheduler.question import COARSE, Floats, NothingToAsk, Question, axis_of, by_session, step_of, whole_of
from scheduler.searching import grid_search
from schemas.allocation import Value
from schemas.learner import Learner
from schemas.parameters import Registry
from schemas.trials import number_of


def size_question(learner: Learner, registry: Registry, values: Mapping[str, Value], history: Positions) -> Question:
    """How equity would have grown under other caps on the sizes that were taken.

    What was taken had a cap already, so history tells of lower caps, and of higher ones only what larger positions of
    other times tell; where nothing does, all are equal and the cap stays.

    Raises:
        NothingToAsk: no position has a known size and net return.
    """
    if not len(history.sizes):
        raise NothingToAsk("no position has a known size and net return")
    [name] = learner.learned
    parameter = registry.parameters[name]
    whole = whole_of(parameter)
    sessions, ends, units = by_session(history.sessions, history.ends)

    def gains(candidates: Floats) -> Floats:
        return capped_growth(history.sizes, history.returns, history.sessions, caps=candidates[:, 0] * whole)[1]

    find = grid_search(
        gains,
        axes=[axis_of(parameter, count=COARSE)],
        incumbent=np.array([number_of(values[name])]),
        steps=[step_of(parameter)],
        fine=COARSE,
    )
    return Question(sessions, ends, units, gains, find, "of logarithmic growth")
