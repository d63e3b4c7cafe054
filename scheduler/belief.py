"""What is believed about the arms of each allocation, in each regime."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learning.aged import Cells, aged
from learning.cohorts import Cohorts, cohorts_of
from learning.differences import Differences, within_sessions
from learning.effects import LEAST_WEIGHT
from learning.levels import from_levels
from learning.shares import probabilities_best
from scheduler.mature import Rows
from schemas.allocation import Allocation
from schemas.parameters import Comparing, LearningRules, Registry
from schemas.version import Version

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Belief(NamedTuple):
    """Normal belief about the differences of ``arms`` to the baseline, in reward.

    ``arms`` are the keys of the other arms, in the allocation's order. ``means`` (regimes, k) and ``covariances``
    (regimes, k, k) are in the order of ``regimes``; ``regime`` is the one that the market is said to be in, which
    shares follow. ``tau`` is the standard deviation of an arm's value between regimes, 0 where there is one. ``best``
    (k + 1) are the probabilities of being best in ``regime``, the baseline's last.
    """

    arms: tuple[str, ...]
    baseline: str
    regimes: tuple[str, ...]
    regime: str
    tau: float
    means: Floats
    covariances: Floats
    best: Floats

    @property
    def now(self) -> tuple[Floats, Floats]:
        """Mean (k) and covariance (k, k) in ``regime``."""
        place = self.regimes.index(self.regime)
        return self.means[place], self.covariances[place]

    def told(self) -> list[str]:
        """A sentence for each regime: mean and standard deviation of each arm; in ``regime`` how probably best."""
        spreads = np.sqrt(self.covariances.diagonal(axis1=1, axis2=2))
        lines = []
        for row, regime in enumerate(self.regimes):
            parts = [
                f"{arm} {mean:+.6f} ± {spread:.6f}"
                for arm, mean, spread in zip(self.arms, self.means[row], spreads[row], strict=True)
            ]
            if regime == self.regime:
                parts = [f"{part}, best with {best:.3f}" for part, best in zip(parts, self.best, strict=False)]
                parts.append(f"baseline best with {self.best[-1]:.3f}")
            lines.append(f"in regime {regime}: {'; '.join(parts)}")
        return lines


def believe(
    registry: Registry, session: str, version: Version | None, mature: Rows, regime: str
) -> tuple[dict[str, Belief], str]:
    """The belief about every allocation in force, by its id, from its mature cohorts as of ``session``.

    Arms are compared within each session and regime, or by their levels where the registry says so. Sessions fade by
    the calendar day, regimes share strength as far as they have been alike, and what is left is shrunk toward no
    difference. Allocations with equally many arms are computed together, and none changes a bit of another.
    """
    if version is None:
        return {}, "no version is in force"
    together: dict[int, list[Allocation]] = {}
    for allocation in version.allocations:
        together.setdefault(len(allocation.arms), []).append(allocation)
    found: dict[str, Belief] = {}
    for allocations in together.values():
        found |= _believed(registry.learning, session, version, allocations, mature, regime)
    return found, f"{len(found)} allocations believed in regime {regime}"


def _believed(
    rules: LearningRules, session: str, version: Version, allocations: Sequence[Allocation], mature: Rows, regime: str
) -> dict[str, Belief]:
    keys = [_arms(allocation, version) for allocation in allocations]
    rows = [row for allocation in allocations for row in mature[allocation.id]]
    regimes = tuple(sorted({row.regime for row in rows} | {regime}))
    sessions = sorted({row.session for row in rows})
    cohorts = _cohorts(allocations, keys, mature, regimes=regimes, sessions=sessions)
    ages = np.array([days_between(cohort, session) for cohort in sessions], dtype=np.int64)
    if rules.comparison is Comparing.LEVELS:
        means, covariances, tau = _by_levels(cohorts, ages, rules, regimes=len(regimes))
    else:
        weights = np.maximum(np.power(rules.fading, ages, dtype=np.float64), LEAST_WEIGHT)
        means, covariances, tau = within_sessions(
            cohorts, regimes=len(regimes), prior_sd=rules.prior_sd, weights=weights
        )
    now = regimes.index(regime)
    best = probabilities_best(means[:, now], covariances[:, now], seed=version.number)
    return {
        allocation.id: Belief(
            arms=tuple(names[:-1]),
            baseline=names[-1],
            regimes=regimes,
            regime=regime,
            tau=float(tau[place]),
            means=means[place],
            covariances=covariances[place],
            best=best[place],
        )
        for place, (allocation, names) in enumerate(zip(allocations, keys, strict=True))
    }


def _by_levels(cohorts: Cohorts, ages: Integers, rules: LearningRules, *, regimes: int) -> Differences:
    tables, days, arms = np.nonzero(cohorts.n)
    there = (tables, days, arms)
    width = cohorts.n.shape[2]
    cells = Cells(tables * width + arms, ages[days], cohorts.n[there], cohorts.totals[there], cohorts.squares[there])
    sums = aged(cells, groups=len(cohorts.n) * width, fading=rules.fading)
    n, s1, s2 = (each.reshape(-1, regimes, width) for each in (sums.n, sums.s1, sums.s2))
    return from_levels(n, s1, s2, prior_sd=rules.prior_sd)


def _arms(allocation: Allocation, version: Version) -> list[str]:
    """The keys of the arms, the baseline's last."""
    baseline = allocation.baseline(version.values)
    assert baseline is not None
    return [*(arm.key for arm in allocation.arms if arm.key != baseline.key), baseline.key]


def _cohorts(
    allocations: Sequence[Allocation],
    keys: Sequence[Sequence[str]],
    mature: Rows,
    *,
    regimes: Sequence[str],
    sessions: Sequence[str],
) -> Cohorts:
    """One table for each allocation and regime; what belongs to an arm that is gone is left out."""
    place_of_regime = _places(regimes)
    place_of_session = _places(sessions)
    cells = [
        (number * len(regimes) + place_of_regime[row.regime], place_of_session[row.session], places[row.arm], *row[7:])
        for number, (allocation, names) in enumerate(zip(allocations, keys, strict=True))
        for places in (_places(names),)
        for row in mature[allocation.id]
        if row.arm in places
    ]
    table, at, arm, n, totals, squares = np.array(cells, dtype=np.int64).reshape(-1, 6).T
    shape = (len(allocations) * len(regimes), len(sessions), len(keys[0]))
    return cohorts_of((table, at, arm), (n, totals, squares), shape=shape)


def _places(names: Sequence[str]) -> Mapping[str, int]:
    return {name: place for place, name in enumerate(names)}


def days_between(earlier: str, later: str) -> int:
    """How many calendar days lie between two sessions."""
    return (date.fromisoformat(later) - date.fromisoformat(earlier)).days
