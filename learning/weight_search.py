"""The weights of a score that would have bought better, searched along the way that a regression points."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from learning.errors import LearningError
from learning.improvement import improvement
from learning.moments import Floats, Moments, moments
from learning.regression import ridge
from learning.rewards import SCALE
from learning.scoring import next_weights
from learning.search import Candidate, Found, search
from learning.walk_forward import Fold, Integers

REACHES = np.linspace(0.0, 1.0, 5)
"""The coarse candidates: so much of the way from the weights in force to those that the regression wants."""

CLOSE = 5e-10
"""A score that lies no further below the threshold passes it: that much is rounding."""


class ScoredHistory:
    """What units would have earned under any weights of their score.

    Args:
        features: (units, d), all known. rewards: (units,), size x net return, had the unit been bought.
        sessions: (units,), numbers. threshold: the least score that is bought.

    Raises:
        LearningError: shapes that differ, no unit at all, or a number that is missing.
    """

    def __init__(self, features: Floats, rewards: Floats, sessions: Integers, *, threshold: float) -> None:
        if features.ndim != 2 or not rewards.shape == sessions.shape == features.shape[:1]:
            raise LearningError(f"one reward and session a unit: {features.shape}, {rewards.shape}, {sessions.shape}")
        if not len(features):
            raise LearningError("there is no unit that weights could be chosen by")
        if not (np.isfinite(features).all() and np.isfinite(rewards).all()):
            raise LearningError("a feature or reward is not a finite number: leave out units whose are unknown")
        order = np.argsort(sessions, kind="stable")
        self.features = features[order]
        self.rewards = rewards[order]
        self.numbers, self._starts = np.unique(sessions[order], return_index=True)
        self._ends = np.append(self._starts[1:], len(order))
        self._quantised = np.rint(self.rewards * SCALE)
        self._passes = threshold - CLOSE

    def gains(self, weights: Floats, *, first: int | None = None) -> Floats:
        """What each session, or each of the ``first`` so many, would have earned under each row of ``weights``
        (candidates, d): (sessions, candidates). In whole 1e-6, so the order of the units changes no bit."""
        starts = self._starts[:first]
        units = slice(0, self._ends[len(starts) - 1] if len(starts) else 0)
        features, quantised = self.features[units], self._quantised[units]
        earned = np.empty((len(weights), len(starts)))
        for row, candidate in zip(earned, weights, strict=True):
            row[:] = np.add.reduceat(quantised * (features @ candidate >= self._passes), starts) if len(starts) else 0
        return earned.T / SCALE

    def summed(self) -> list[Moments]:
        """The moments of each session's features and rewards, which add up to those of any fold."""
        origin = self.features.mean(axis=0)
        return [
            moments(self.features[first:last], self.rewards[first:last], origin=origin)
            for first, last in zip(self._starts, self._ends, strict=True)
        ]


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    """The weights that some sessions chose, those of the coarse search, and those on its plateau."""

    weights: Floats
    coarse: Floats
    plateau: tuple[Candidate, ...]
    tried: int


def search_weights(
    history: ScoredHistory,
    *,
    old: Floats,
    lower: Floats,
    upper: Floats,
    folds: Sequence[Fold],
    generator: np.random.Generator,
    error_rate: float,
) -> Found:
    """Fit, then search the way from ``old`` to the fitted weights, in the past of each fold and once in all sessions.

    A regression of rewards on features says where weights should go (``next_weights``, within bounds, sum kept); how
    far is searched by what units would have earned, coarse first, then finely on the plateau. What is judged is the
    difference to ``old`` on the sessions of the folds, which neither fit nor search has seen.

    Args:
        old: (d,), the weights in force. lower, upper: bounds of each.
        folds: over the rows of ``history.gains``.

    Raises:
        LearningError: a fold has fewer than two units, or bounds that the sum of ``old`` cannot meet.
    """
    summed, before = history.summed(), history.gains(old[None])[:, 0]

    def choose(rows: Integers) -> _Choice:
        fit = ridge(reduce(add, (summed[row] for row in rows)))
        wanted = next_weights(fit, old=old, lower=lower, upper=upper, cap=1.0 + float(np.abs(old).sum()))
        return _chosen(history, rows, old=old, wanted=wanted, generator=generator)

    parts = [choose(fold.train) for fold in folds]
    differences = [
        (history.gains(part.weights[None])[:, 0] - before)[fold.test] for part, fold in zip(parts, folds, strict=True)
    ]
    whole = choose(np.arange(len(before)))
    return Found(
        chosen=_named(whole.weights),
        incumbent=_named(old),
        coarse=_named(whole.coarse),
        plateau=whole.plateau,
        choices=tuple(_named(part.weights) for part in parts),
        tried=sum(part.tried for part in (*parts, whole)),
        improvement=improvement(
            np.concatenate(differences) if differences else np.empty(0),
            generator=generator,
            error_rate=error_rate,
            overlap=max((fold.overlap for fold in folds), default=0),
        ),
    )


def _chosen(
    history: ScoredHistory, rows: Integers, *, old: Floats, wanted: Floats, generator: np.random.Generator
) -> _Choice:
    """What of the way from ``old`` to ``wanted`` would have earned most in the sessions of ``rows``; draws nothing."""

    def weights(reaches: Floats) -> Floats:
        return old + reaches * (wanted - old)

    found = search(
        lambda reaches: history.gains(weights(reaches), first=int(rows[-1]) + 1)[rows],
        axes=[REACHES],
        incumbent=np.zeros(1),
        folds=[],
        generator=generator,
    )
    plateau = weights(np.array(found.plateau))
    chosen, coarse = weights(np.array([found.chosen, found.coarse]))
    return _Choice(chosen, coarse, tuple(_named(row) for row in plateau), found.tried)


def _named(weights: Floats) -> Candidate:
    return tuple(float(weight) for weight in weights)
