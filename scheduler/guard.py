"""What an exploration may cost, by what its baseline has surely earned."""

from collections import Counter
from collections.abc import Sequence
from operator import attrgetter

import numpy as np

from learning.conservative import Record, conservative_cap, earned_at_least, gained_at_least
from learning.gate import evidence_for
from scheduler.comparison import Comparison, cohorts_of_rows
from scheduler.windows import Window
from schemas.parameters import Registry
from store.statistics import StatisticsRow


def guarded_cap(
    registry: Registry, comparison: Comparison, rows: Sequence[StatisticsRow], windows: Sequence[Window]
) -> float:
    """The largest fraction of the coming units that may go to other arms than the baseline; 1 without a guard.

    ``rows`` are the allocation's mature statistics, ``windows`` all of its assigned units, also those whose reward is
    not known yet. Every bound holds at every look, all together except with the gate's alpha: half of it is for what
    the baseline earns, the other for the arms. Where there is no bound yet, a difference is at least -2 times what
    rewards are winsorised at. As many units as in the fullest session so far are taken to come.
    """
    alpha = registry.learning.guard
    if alpha is None:
        return 1.0
    units = Counter(map(attrgetter("arm"), windows))
    coming = max(Counter(map(attrgetter("session"), windows)).values(), default=0)
    if not coming:
        return 0.0
    cohorts = list(cohorts_of_rows(rows).values())
    baseline, rates = comparison.baseline, comparison.rates
    others = sorted(set(units) - {baseline})
    undoubted = -2 * registry.learning.winsorise
    lower = {
        arm: max(undoubted, low)
        for arm in set(others) & set(rates)
        # Only the lower end is used, and half of the error rate: the interval's own rate is twice that.
        if (low := evidence_for(cohorts, arm=arm, baseline=baseline, alpha=rates[arm]).low) is not None
    }
    earned = earned_at_least(
        [cohort[baseline] for cohort in cohorts if baseline in cohort],
        error_rate=registry.gate.alpha / 2,
        overlap=max(window.last - window.first for window in windows) + 1,
    )
    record = Record(
        units=units.total(),
        gained=gained_at_least(
            np.array([units[arm] for arm in others]), np.array([lower.get(arm, undoubted) for arm in others])
        ),
        baseline=-registry.learning.winsorise if earned is None else earned,
    )
    worst = min((lower.get(arm, undoubted) for arm in others), default=undoubted)
    return conservative_cap(record, ahead=coming, worst=worst, alpha=alpha)
