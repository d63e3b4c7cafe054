"""Arms compared within each session, then pooled, so that a drifting market cannot pass for a better arm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from learning.errors import LearningError
from learning.rewards import SCALE, RewardSum

Floats = NDArray[np.float64]

BORROWED = 10
"""Degrees of freedom of the variance of all arms that each arm's own variance is moderated with."""

LEAST_WEIGHT = 1e-100
"""A session never weighs less, however long ago it was: its square would leave the floats."""

_NOTHING = RewardSum()


@dataclass(frozen=True, eq=False)
class ArmEffects:
    """Differences of k arms to the baseline: the analysis of variance with session fixed effects.

    ``information`` (k x k, in units) and ``scores`` (k, in reward x units) are those of the differences:
    ``information @ differences = scores`` in expectation. ``noise`` (k x k, in squared reward x units) is the
    covariance of ``scores``, or None while no arm has had two units in one session. ``sigma`` is the
    standard deviation of one unit within arm and session, over all arms.

    ``n``, ``effective`` (by arm, the baseline too) count units in sessions where arms met: as they are, and Kish's
    effective number under the weights that the comparison gives them. ``sessions`` (by arm) counts
    the sessions in which the arm met the baseline.

    With two arms this is the mean of the sessions' differences, weighted by n_a n_b / (n_a + n_b).
    """

    baseline: str
    arms: tuple[str, ...]
    information: Floats
    scores: Floats
    noise: Floats | None
    sigma: float | None
    n: Mapping[str, int]
    effective: Mapping[str, float]
    sessions: Mapping[str, int]

    @cached_property
    def estimates(self) -> dict[str, float]:
        """Difference to the baseline, in reward, of each arm that shared sessions connect to it; others are missing."""
        known = self._known
        solved = np.linalg.solve(self.information[np.ix_(known, known)], self.scores[known])
        return {self.arms[place]: float(value) for place, value in zip(known, solved, strict=True)}

    @cached_property
    def covariance(self) -> Floats | None:
        """Covariance of ``estimates``, in their order; None while ``noise`` is."""
        if self.noise is None:
            return None
        inverse = np.linalg.inv(self.information[np.ix_(self._known, self._known)])
        return np.asarray(inverse @ self.noise[np.ix_(self._known, self._known)] @ inverse)

    @cached_property
    def _known(self) -> list[int]:
        """Places of the arms that a chain of shared sessions connects to the baseline.

        A row of the Laplacian sums to what ties the arm to the baseline; other entries tie arms to each other.
        """
        reached = self.information.sum(axis=1) > 1e-9 * self.information.diagonal()
        for _ in self.arms:
            reached |= (self.information[:, reached] < 0).any(axis=1)
        return [int(place) for place in np.flatnonzero(reached)]


def faded(fading: float, days: int) -> float:
    """What so many ``days`` leave of a session's weight; positive, as ``arm_effects`` needs it.

    >>> faded(0.5, 2), faded(0.01, 300)
    (0.25, 1e-100)
    """
    return max(fading**days, LEAST_WEIGHT)


def arm_effects(
    sessions: Sequence[Mapping[str, RewardSum]],
    *,
    baseline: str,
    arms: Sequence[str],
    weights: Sequence[float] | None = None,
) -> ArmEffects:
    """Compare ``arms`` with ``baseline`` in each assignment session and pool.

    Per session, with n the units of each arm and N their sum: information diag(n) - n n' / N, score
    n (mean of the arm - mean of the session). Sessions where fewer than two of the arms have units
    contribute nothing. ``weights`` (one a session, for instance fading ** days) multiply information and score.
    Arms need not be equally noisy (White 1980): each arm's variance, pooled over sessions, is moderated
    with that of all arms (Smyth 2004).

    Args:
        arms: the arms other than the baseline; others of a session are left out.

    Raises:
        LearningError: an arm given twice, a negative count, sums that no rewards can have, or weights that do not fit.
    """
    names = (baseline, *arms)
    if len(set(names)) != len(names):
        raise LearningError(f"each arm must be named once and the baseline apart: {baseline!r}, {list(arms)!r}")
    ages = _weights(weights, count=len(sessions))
    rows, kept = [], []
    for session, age in zip(sessions, ages, strict=True):
        if sum(name in session for name in names) < 2:
            continue
        row = [session.get(name, _NOTHING) for name in names]
        if min(sums.n for sums in row) < 0:
            raise LearningError(f"a negative count of rewards: more was taken back than was ever added: {session!r}")
        if sum(sums.n > 0 for sums in row) > 1:
            rows.append(row)
            kept.append(age)
    return _pooled(names, rows, np.array(kept, dtype=np.float64))


def _weights(weights: Sequence[float] | None, *, count: int) -> Sequence[float]:
    if weights is None:
        return [1.0] * count
    if len(weights) != count or not all(weight > 0 and math.isfinite(weight) for weight in weights):
        raise LearningError(f"{count} sessions need {count} positive weights, not {list(weights)!r}")
    return weights


def _pooled(names: tuple[str, ...], rows: list[list[RewardSum]], ages: Floats) -> ArmEffects:
    """``rows``: one a session, in the order of ``names``; the first is the baseline."""
    counts = np.array([[sums.n for sums in row] for row in rows], dtype=np.float64).reshape(-1, len(names))
    units = counts.sum(axis=1)
    leverage = ages[:, None] * (1 - counts / units[:, None])
    sigma, variances = _variances(rows, counts, ages)
    return ArmEffects(
        baseline=names[0],
        arms=names[1:],
        information=_laplacian(counts, units, ages=ages, variances=None)[1:, 1:],
        scores=(ages @ _scores(rows, width=len(names)))[1:],
        noise=None if variances is None else _laplacian(counts, units, ages=ages**2, variances=variances)[1:, 1:],
        sigma=sigma,
        n=dict(zip(names, (int(n) for n in counts.sum(axis=0)), strict=True)),
        effective=dict(zip(names, _kish(counts, leverage), strict=True)),
        sessions=dict(zip(names[1:], ((counts[:, 1:] > 0) & (counts[:, :1] > 0)).sum(axis=0).tolist(), strict=True)),
    )


def _scores(rows: list[list[RewardSum]], *, width: int) -> Floats:
    """n (mean of the arm - mean of the session) in reward units; integers until the last division."""
    scores = []
    for row in rows:
        units, total = sum(sums.n for sums in row), sum(sums.total for sums in row)
        scores.append([(sums.total * units - sums.n * total) / (units * SCALE) for sums in row])
    return np.array(scores, dtype=np.float64).reshape(-1, width)


def _variances(rows: list[list[RewardSum]], counts: Floats, ages: Floats) -> tuple[float | None, Floats | None]:
    """Standard deviation of a unit over all arms, and each arm's moderated variance; None without any repeat."""
    residuals = np.array([[sums.residual for sums in row] for row in rows], dtype=np.float64).reshape(counts.shape)
    if residuals.min(initial=0.0) < 0:
        raise LearningError("no rewards have these sums and sums of squares; was too much taken back?")
    squares = ages @ residuals
    freedom = ages @ np.maximum(counts - 1, 0)
    if not freedom.sum() > 0:
        return None, None
    pooled = squares.sum() / freedom.sum()
    return math.sqrt(pooled), (squares + BORROWED * pooled) / (freedom + BORROWED)


def _laplacian(counts: Floats, units: Floats, *, ages: Floats, variances: Floats | None) -> Floats:
    """Sum over sessions of L, or with variances of L diag(variance / n) L, for L = diag(n) - n n' / N."""
    shares = counts / units[:, None]
    if variances is None:
        return np.asarray(np.diag(ages @ counts) - (ages[:, None] * counts).T @ shares)
    noise = counts * variances
    cross = (ages[:, None] * noise).T @ shares
    total = ((ages * noise.sum(axis=1))[:, None] * shares).T @ shares
    return np.asarray(np.diag(ages @ noise) - cross - cross.T + total)


def _kish(counts: Floats, leverage: Floats) -> list[float]:
    """(sum of w)^2 / (sum of w^2) over the units of each arm; 0 for an arm without any."""
    summed, squared = (counts * leverage).sum(axis=0), (counts * leverage**2).sum(axis=0)
    return [float(top**2 / bottom) if bottom > 0 else 0.0 for top, bottom in zip(summed, squared, strict=True)]
