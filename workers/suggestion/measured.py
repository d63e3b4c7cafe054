"""What an allocation's arms measured, also those of earlier generations of its trial."""

import math
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from learning.effects import ArmEffects, arm_effects, faded
from learning.recommendation import Observation
from learning.rewards import RewardSum
from schemas.allocation import Allocation, Value
from schemas.parameters import Registry, Reward
from store.statistics import StatisticsRow

Floats = NDArray[np.float64]


class Measured(NamedTuple):
    """Figures of one arm in one regime: its difference to the baseline, in reward, and the error of that.

    ``effective`` is Kish's number of its ``units`` in sessions where arms met, ``sessions`` those in which it met the
    baseline itself. Difference and error are None where nothing connects the arm to the baseline.
    """

    arm: str
    regime: str
    units: int
    effective: float
    sessions: int
    difference: float | None
    variance: float | None


class Measurements(NamedTuple):
    """What was measured, and the covariance of the differences: they share the noise of whom they were compared with.

    ``covariance`` (rows x rows) is not a number where a difference is not known.
    """

    rows: list[Measured]
    covariance: Floats


class Cohort(NamedTuple):
    """The units of one session that one split assigned."""

    session: str
    allocation: str
    version: str


Cohorts = Mapping[str, Mapping[Cohort, Mapping[str, RewardSum]]]
"""Rewards by regime, by cohort and by arm."""


def cohorts_of(
    rows: Iterable[StatisticsRow],
    *,
    trial: str,
    allocation: Allocation,
    reward: Reward,
    until: str,
    immature: Collection[str],
) -> Cohorts:
    """The mature cohorts of every generation of a trial in which its arms set what those of ``allocation`` set."""
    found: dict[str, dict[Cohort, dict[str, RewardSum]]] = {}
    for row in rows:
        ours = row.allocation.rpartition(".")[0] == trial and row.reward == str(reward)
        if not ours or row.session > until or row.session in immature:
            continue
        if sorted(values_of(row.arm)) != sorted(allocation.parameters):
            continue
        cohort = found.setdefault(row.regime, {}).setdefault(Cohort(row.session, row.allocation, row.version), {})
        cohort[row.arm] = cohort.get(row.arm, RewardSum()) + RewardSum(row.n, row.total, row.squares)
    return found


def measure(
    cohorts: Cohorts, allocation: Allocation, *, baseline: str, registry: Registry, session: str
) -> Measurements:
    """The difference of each arm to the baseline in force, by regime.

    Arms are compared within a cohort, and chains of cohorts connect those of earlier generations: what was measured
    against an earlier baseline counts if that baseline, or another arm of its time, ever met the one in force. Their
    order is that of their keys.
    """
    found: list[Measured] = []
    blocks: list[Floats] = []
    for regime, by_cohort in sorted(cohorts.items()):
        keys = sorted(by_cohort)
        running = {arm.key for arm in allocation.arms}
        arms = sorted({arm for key in keys for arm in by_cohort[key]} | running)
        fading = registry.learning.fading
        effects = arm_effects(
            [by_cohort[key] for key in keys],
            baseline=baseline,
            arms=[arm for arm in arms if arm != baseline],
            weights=None if fading == 1 else [faded(fading, _days(key.session, session)) for key in keys],
        )
        blocks.append(_covariance(effects))
        found += [*_rows(effects, regime), _baseline(effects, regime)]
    return Measurements(found, np.asarray(block_diag(*blocks)))


def observations(
    measured: Measurements, allocation: Allocation, *, regimes_apart: bool
) -> tuple[list[Observation], Floats]:
    """What the optimiser takes of them, and its covariance. The baseline differs from itself by exactly 0."""
    running = {arm.key for arm in allocation.arms}
    found: list[Observation] = []
    places: list[int] = []
    for place, one in enumerate(measured.rows):
        if one.difference is None or one.variance is None or not one.effective > 0:
            continue
        places.append(place)
        found.append(
            Observation(
                values=numbers_of(one.arm),
                mean=one.difference,
                variance=one.variance,
                units=one.effective,
                regime=one.regime if regimes_apart else None,
                running=one.arm in running,
            )
        )
    return found, measured.covariance[np.ix_(places, places)]


def values_of(arm: str) -> dict[str, Value]:
    """The values that an arm's key is the canonical text of."""
    return msgspec.json.decode(arm, type=dict[str, Value])


def numbers_of(arm: str) -> dict[str, float]:
    """The values of an arm that sets only numbers, as arms of a trial do."""
    return msgspec.json.decode(arm, type=dict[str, float])


def _days(earlier: str, later: str) -> int:
    """How many calendar days lie between two sessions."""
    return (date.fromisoformat(later) - date.fromisoformat(earlier)).days


def _covariance(effects: ArmEffects) -> Floats:
    """Of the differences of all arms, and of the baseline to itself, which comes last."""
    table = np.full((len(effects.arms) + 1, len(effects.arms) + 1), np.nan)
    table[-1] = table[:, -1] = 0.0
    if effects.covariance is not None:
        known = [effects.arms.index(arm) for arm in effects.estimates]
        table[np.ix_(known, known)] = effects.covariance
    return table


def _rows(effects: ArmEffects, regime: str) -> list[Measured]:
    variances = dict(zip(effects.arms, _covariance(effects).diagonal().tolist(), strict=False))
    return [
        Measured(
            arm=arm,
            regime=regime,
            units=effects.n[arm],
            effective=effects.effective[arm],
            sessions=effects.sessions[arm],
            difference=effects.estimates.get(arm),
            variance=variances[arm] if math.isfinite(variances[arm]) else None,
        )
        for arm in effects.arms
    ]


def _baseline(effects: ArmEffects, regime: str) -> Measured:
    name, met = effects.baseline, max(effects.sessions.values(), default=0)
    return Measured(name, regime, effects.n[name], effects.effective[name], met, 0.0, 0.0)
