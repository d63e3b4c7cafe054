"""The threshold of one feature that would have been best, and what choosing so was worth on sessions not yet seen."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from learning.errors import LearningError
from learning.rewards import SCALE

LEAST_RUNS = 4
"""Fewer runs than this are no test."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

MOST_SELECTIVE = 10
"""A threshold keeps at least one example in so many."""

LARGEST = 10**6
"""Outcomes beyond this (in reward) are refused: nine million of them would leave 64 bits."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Keep what is at least ``value``, or, where ``at_most``, what is at most ``value``."""

    value: float
    at_most: bool = False

    def keeps(self, feature: Floats) -> Flags:
        """Which of these are kept."""
        return feature <= self.value if self.at_most else feature >= self.value

    def __str__(self) -> str:
        return f"{'at most' if self.at_most else 'at least'} {self.value:g}"


@dataclass(frozen=True, slots=True)
class Fold:
    """Sessions ``first`` to ``last``, judged by the ``threshold`` that ``trained`` examples before them chose.

    None keeps all. ``gain`` is None where none of the ``n`` examples was kept.
    """

    first: int
    last: int
    trained: int
    n: int
    kept: int
    threshold: Threshold | None
    gain: float | None


@dataclass(frozen=True, slots=True)
class BestThreshold:
    """The best threshold on all ``n`` examples, of which it keeps ``kept``; None where keeping all was best.

    ``in_sample`` is its gain on the examples it was chosen on: too good by construction, and the better the more of the
    ``candidates`` there were. ``out_of_fold`` is the gain of choosing so, on sessions that came after, and
    ``standard_error`` its error; both are None for the ``reason`` given. Gains are in reward.
    """

    n: int
    kept: int
    candidates: int
    threshold: Threshold | None
    in_sample: float
    folds: tuple[Fold, ...]
    out_of_fold: float | None
    standard_error: float | None
    reason: str | None

    @property
    def p_value(self) -> float | None:
        """The one-sided p-value of choosing so having gained nothing: t over the gains of the runs in which a threshold
        had been chosen, each run one number (Ibragimov & Müller 2010); None with fewer than 4 such runs.

        Of few runs this is the honest one: the error above is that of sessions, and too small for them.
        """
        gains = np.array([fold.gain for fold in self.folds if fold.threshold is not None and fold.gain is not None])
        if len(gains) < LEAST_RUNS:
            return None
        spread = float(gains.std(ddof=1))
        if not spread > 0:
            return 1.0
        return float(stdtr(len(gains) - 1, -float(gains.mean()) / spread * math.sqrt(len(gains))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How a threshold is chosen and judged.

    It is judged by the mean outcome of what is kept, which grows with selection and so needs ``least`` examples kept in
    training, and a tenth of them: with fewer the gain on later sessions swings so much that more examples find no more.
    ``folds`` are judged one after the other, each by all that was over before it.
    """

    folds: int = 5
    least: int = 30


PLAIN = Choice()


def best_threshold(
    feature: Floats, outcomes: Floats, *, sessions: Integers, ends: Integers, choice: Choice = PLAIN
) -> BestThreshold:
    """Try every threshold between two values, from both sides, and judge the choice walking forward.

    Sessions are cut into ``folds`` + 1 runs of equal number. Each run but the first is judged by the threshold that
    is best on examples whose outcome was over before it began (purged); a run with fewer than 2 x ``least``
    such examples is not judged. The gain is that over keeping all, within the run, so that a drifting market is no
    gain. Runs are pooled by what they keep. If outcomes have nothing to do with the feature, the mean gain of
    ``out_of_fold`` is 0. Its error is that of sessions, with Bartlett weights up to twice the longest outcome window
    (Newey & West 1987); over fewer than some twenty such windows it is still too small. Outcomes count in 1e-6, so the
    order of examples changes no bit of what is chosen.

    Args:
        feature: of shape (examples); NaN is missing, and leaves the example out of what is kept and of all.
        outcomes: of shape (examples), in reward; NaN is missing.
        sessions, ends: of shape (examples), the numbers of the session of the example and of its last outcome.

    Raises:
        LearningError: shapes that differ, an infinite number, a window that ends before it starts, or a choice without
            folds or examples.
    """
    _check(feature, outcomes, sessions, ends, choice)
    known = ~(np.isnan(feature) | np.isnan(outcomes))
    examples = _Examples(feature[known], np.rint(outcomes[known] * SCALE).astype(np.int64), sessions[known])
    ends, folds, judgements = ends[known], [], []
    for first, last in _runs(examples.sessions, choice.folds):
        trained = ends < first
        if trained.sum() >= 2 * choice.least:
            threshold, *_ = _best(examples.of(trained), choice)
            judged = examples.of((examples.sessions >= first) & (examples.sessions <= last))
            judgement = _judged(judged, _kept(judged, threshold))
            gain = judgement.gain if judgement.weight else None
            folds.append(Fold(first, last, int(trained.sum()), judged.n, judgement.kept, threshold, gain))
            judgements.append(judgement)
    threshold, in_sample, candidates = _best(examples, choice)
    kept = int(_kept(examples, threshold).sum())
    pooled, error, reason = _pooled(judgements, longest=int((ends - examples.sessions).max(initial=0)), choice=choice)
    return BestThreshold(examples.n, kept, candidates, threshold, in_sample, tuple(folds), pooled, error, reason)


@dataclass(frozen=True, slots=True, eq=False)
class _Examples:
    feature: Floats
    totals: Integers
    sessions: Integers

    @property
    def n(self) -> int:
        return len(self.totals)

    def of(self, chosen: Flags) -> "_Examples":
        return _Examples(self.feature[chosen], self.totals[chosen], self.sessions[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class _Judgement:
    """One run's gain (reward), what it weighs in the pooled one, and by how much each session moves weight x gain."""

    kept: int
    gain: float
    weight: int
    influence: Floats


def _runs(sessions: Integers, folds: int) -> list[tuple[int, int]]:
    """First and last session of all runs but the first."""
    runs = np.array_split(np.unique(sessions), folds + 1)[1:]
    return [(int(run[0]), int(run[-1])) for run in runs if len(run)]


def _kept(examples: _Examples, threshold: Threshold | None) -> Flags:
    return np.ones(examples.n, dtype=bool) if threshold is None else threshold.keeps(examples.feature)


def _best(examples: _Examples, choice: Choice) -> tuple[Threshold | None, float, int]:
    """The threshold with the largest gain (of equals the one that keeps most), that gain, and how many were tried.

    All at once: sorted by feature, what is kept at each cut are cumulative sums.
    """
    order = np.argsort(examples.feature, kind="stable")
    values = examples.feature[order]
    cuts = np.flatnonzero(values[1:] != values[:-1]) + 1
    below = np.concatenate([[0], np.cumsum(examples.totals[order])])
    total, n = int(below[-1]), examples.n
    kept = np.concatenate([n - cuts, cuts])
    sums = np.concatenate([total - below[cuts], below[cuts]])
    enough = (kept >= choice.least) & (kept * MOST_SELECTIVE >= n)
    if not enough.any():
        return None, 0.0, 0
    gains = np.where(enough, sums / kept - total / n, -np.inf)
    best = int(np.lexsort((kept, gains))[-1])
    tried, gain = int(enough.sum()), float(gains[best]) / SCALE
    if not gain > 0:
        return None, 0.0, tried
    if best < len(cuts):
        return Threshold(float(values[cuts[best]])), gain, tried
    return Threshold(float(values[cuts[best - len(cuts)] - 1]), at_most=True), gain, tried


def _judged(examples: _Examples, kept: Flags) -> _Judgement:
    numbers, places = np.unique(examples.sessions, return_inverse=True)
    rewards, count = examples.totals / SCALE, int(kept.sum())
    if not count:
        return _Judgement(0, 0.0, 0, np.zeros(len(numbers)))
    chosen = int(examples.totals[kept].sum()) / count / SCALE
    every = int(examples.totals.sum()) / examples.n / SCALE
    moved = np.where(kept, rewards - chosen, 0.0) - (rewards - every) * (count / examples.n)
    return _Judgement(count, chosen - every, count, _by_session(moved, places))


def _by_session(values: Floats, places: Integers) -> Floats:
    return np.asarray(np.bincount(places, weights=values), dtype=np.float64)


def _pooled(
    judgements: list[_Judgement], *, longest: int, choice: Choice
) -> tuple[float | None, float | None, str | None]:
    """The gain over all runs and its error, or the reason why there is none."""
    if not judgements:
        return None, None, f"no run of sessions had {2 * choice.least} examples with outcomes before it"
    weight = sum(one.weight for one in judgements)
    if not weight:
        return None, None, "the thresholds chosen before kept no example of any later run"
    gain = math.fsum(one.weight * one.gain for one in judgements) / weight
    moved = np.concatenate([one.influence for one in judgements]) / weight
    n = len(moved)
    width = 2 * longest + 1
    lags = range(1, min(width, n))
    around = math.fsum((1 - lag / width) * float(moved[lag:] @ moved[:-lag]) for lag in lags)
    variance = (float(moved @ moved) + 2 * around) * n / max(n - 1, 1)
    return gain, math.sqrt(max(variance, 0.0)), None


def _check(feature: Floats, outcomes: Floats, sessions: Integers, ends: Integers, choice: Choice) -> None:
    if not (feature.ndim == 1 and feature.shape == outcomes.shape == sessions.shape == ends.shape):
        shapes = ", ".join(str(array.shape) for array in (feature, outcomes, sessions, ends))
        raise LearningError(f"feature, outcomes, sessions and ends must have one shape (examples,), not {shapes}")
    if np.isinf(feature).any() or (np.abs(outcomes) > LARGEST).any():
        raise LearningError(f"a feature is infinite or an outcome beyond {LARGEST:,}; leave what is missing NaN")
    wrong = np.flatnonzero(ends < sessions)
    if len(wrong):
        raise LearningError(f"example {wrong[0]} is of session {sessions[wrong[0]]} and over in {ends[wrong[0]]}")
    if choice.folds < 1 or choice.least < 1:
        raise LearningError(f"at least 1 fold and 1 example are needed, not {choice.folds} and {choice.least}")
