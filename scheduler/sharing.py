"""From beliefs to the shares of explorations: who takes part, how much, and whether it is worth a change."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learning.conservative import within_cap
from learning.dwell import Dwell, out_of_shadow, settled, shares_of_those, worse_than_baseline
from learning.shares import probabilities_best, top_two
from scheduler.belief import Belief
from scheduler.comparison import Comparison
from scheduler.guard import guarded_cap
from scheduler.mature import Rows
from scheduler.standing import Standing
from scheduler.windows import Window
from schemas.allocation import WHOLE, Purpose
from schemas.parameters import Registry, Trial
from schemas.version import Version

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

TOP_TWO = 0.5
"""How often the better of the two best arms is played (Russo 2016)."""


class _Explored(NamedTuple):
    comparison: Comparison
    trial: Trial
    belief: Belief
    taking_part: Flags


def share(
    registry: Registry,
    version: Version | None,
    mature: Rows,
    windows: Mapping[str, Sequence[Window]],
    comparisons: Sequence[Comparison],
    beliefs: Mapping[str, Belief],
    standing: Mapping[str, Standing],
) -> tuple[dict[str, dict[str, int]], str]:
    """Shares by arm key for every exploration, in 1/10,000; within the budget all together.

    An arm takes part unless it is in shadow, or surely worse on as many units as the gate asks for. Each that does gets
    the probability with which top-two Thompson sampling plays it, scaled down into the share of its trial, at least
    the floor. The guard may allow less. Unless something is to be stopped, shares stay until they have dwelt and the
    change is large enough.
    """
    explored = [
        _explored(registry, comparison, beliefs[comparison.allocation.id], standing[comparison.allocation.id])
        for comparison in comparisons
        if comparison.allocation.purpose is Purpose.EXPLORE
    ]
    wanted = _wanted(explored, seed=version.number if version else 0)
    shares, told = {}, []
    for one in explored:
        allocation, belief = one.comparison.allocation, one.belief
        cap = guarded_cap(registry, one.comparison, mature[allocation.id], windows.get(allocation.id, []))
        names = [*belief.arms, belief.baseline]
        present = {arm.key: arm.share for arm in allocation.arms}
        split = shares_of_those(
            one.taking_part,
            wanted[allocation.id],
            baseline_index=len(belief.arms),
            budget=one.trial.share,
            floor=registry.learning.floor,
        )
        made = settled(
            within_cap(split, baseline_index=len(belief.arms), cap=cap),
            [present[name] for name in names],
            baseline_index=len(belief.arms),
            sessions=standing[allocation.id].sessions,
            cap=math.floor(min(cap, one.trial.share) * WHOLE + 1e-9),
            dwell=Dwell(
                minimum_sessions=registry.learning.dwell, least_change=round(registry.learning.least_change * WHOLE)
            ),
        )
        shares[allocation.id] = dict(zip(names, made, strict=True))
        told.append(_told(one, made, cap=cap))
    return shares, "; ".join(told) or "no exploration is in force"


def _explored(registry: Registry, comparison: Comparison, belief: Belief, standing: Standing) -> _Explored:
    rules, allocation = registry.learning, comparison.allocation
    mean, covariance = belief.now
    worse = worse_than_baseline(
        mean, covariance.diagonal(), margin=rules.drop_margin, probability=rules.drop_probability
    )
    shown = np.array([comparison.evidence[arm].units >= registry.gate.minimum_units for arm in belief.arms], bool)
    # Whoever has a share is out of shadow, however young: the registry's own arms begin with one.
    present = {arm.key: arm.share for arm in allocation.arms}
    lit = out_of_shadow([standing.known[arm] for arm in belief.arms], minimum=rules.shadow)
    lit |= np.array([present[arm] > 0 for arm in belief.arms], bool)
    trial = next(trial for trial in registry.trials if trial.layer == allocation.layer)
    return _Explored(comparison, trial, belief, np.append(lit & ~(worse & shown), True))


def _wanted(explored: Sequence[_Explored], *, seed: int) -> dict[str, Floats]:
    """The probabilities with which the arms that take part are played, of equally many at once.

    Beside the baseline alone an arm is played with its probability of being best: top-two would play both equally
    often for ever, whatever was learned.
    """
    together: dict[int, list[_Explored]] = {}
    for one in explored:
        together.setdefault(int(one.taking_part.sum()), []).append(one)
    found: dict[str, Floats] = {}
    for arms, members in together.items():
        means = np.array([one.belief.now[0][one.taking_part[:-1]] for one in members])
        covariances = np.array(
            [one.belief.now[1][np.ix_(one.taking_part[:-1], one.taking_part[:-1])] for one in members]
        )
        if arms <= 2:
            played = probabilities_best(means, covariances, seed=seed) if arms == 2 else np.ones((len(members), 1))
        else:
            played = top_two(means, covariances, seed=seed, beta=TOP_TWO)
        found |= {one.comparison.allocation.id: row for one, row in zip(members, played, strict=True)}
    return found


def _told(one: _Explored, shares: Sequence[int], *, cap: float) -> str:
    left_out = [arm for arm, part in zip(one.belief.arms, one.taking_part, strict=False) if not part]
    told = f"{one.comparison.allocation.id} gives {(WHOLE - shares[-1]) / WHOLE:.2%} away"
    if cap < one.trial.share:
        told += f", the guard allows {cap:.2%}"
    return told + (f", without {', '.join(left_out)}" if left_out else "")
