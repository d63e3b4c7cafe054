"""Which weights of the score would have bought better."""

from collections.abc import Mapping, Sequence

import numpy as np

from learning.search import Found
from learning.walk_forward import Fold
from learning.weight_search import ScoredHistory, search_weights
from scheduler.history import Units
from scheduler.question import NothingToAsk, Question, by_session, scores_of, threshold_in_force
from schemas.allocation import Value
from schemas.learner import Learner
from schemas.parameters import Registry
from schemas.trials import number_of


def weight_question(learner: Learner, registry: Registry, values: Mapping[str, Value], history: Units) -> Question:
    """What units would have earned under other weights, by the threshold in force; units that lack a feature are out.

    Raises:
        NothingToAsk: no unit has all features and a known return.
    """
    _, known = scores_of(learner, values, history)
    threshold = threshold_in_force(learner, registry, values)
    if not known.any() or threshold is None:
        raise NothingToAsk(
            f"no unit of {len(known):,} with a known return has all features {sorted(learner.weights.values())}"
        )
    sessions, ends, units = by_session(history.sessions[known], history.ends[known])
    rewards = learner.size * (history.returns[known] - learner.costs)
    scored = ScoredHistory(history.features[known], rewards, history.sessions[known], threshold=threshold)
    parameters = [registry.parameters[name] for name in learner.weights]

    def find(folds: Sequence[Fold], generator: np.random.Generator, error_rate: float) -> Found:
        return search_weights(
            scored,
            old=np.array([number_of(values[name]) for name in learner.weights]),
            lower=np.array([parameter.min for parameter in parameters], dtype=np.float64),
            upper=np.array([parameter.max for parameter in parameters], dtype=np.float64),
            folds=folds,
            generator=generator,
            error_rate=error_rate,
        )

    return Question(sessions, ends, units, scored.gains, find, "of equity")
