from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from learning.confidence import tightest_at
from learning.conservative import Record, conservative_cap, earned_at_least, gained_at_least, within_cap
from learning.errors import LearningError
from learning.rewards import RewardSum
from tests import lengths

ALPHA = DELTA = 0.05
SESSIONS, UNITS, ARMS = 120, 50, 3
SD, BOUND = 0.02, 0.1
WORST = -2 * BOUND
"""What nobody doubts: rewards are winsorised at the bound."""


@given(
    st.integers(0, 10_000),
    st.floats(-5, 5),
    st.floats(0, 0.05),
    st.integers(1, 500),
    st.floats(-0.2, -0.001),
    st.floats(0, 1),
)
def test_the_cap_is_the_largest_share_that_keeps_the_line_if_the_bounds_are_the_truth(
    units, gained, baseline, ahead, worst, alpha
):
    cap = conservative_cap(Record(units=units, gained=gained, baseline=baseline), ahead=ahead, worst=worst, alpha=alpha)
    line = -alpha * (units + ahead) * baseline
    assert 0 <= cap <= 1
    if cap > 0:
        assert gained + cap * ahead * worst >= line - 1e-9
    if cap < 1:
        assert gained + (cap + 1e-6) * ahead * worst < line + 1e-9


@pytest.mark.parametrize(("gained", "worst", "cap"), [(-1.0, -0.1, 0.0), (2.5, -0.1, 0.5), (0.0, 0.0, 1.0)])
def test_a_baseline_that_may_earn_nothing_allows_only_what_was_gained(gained, worst, cap):
    for baseline in (0.0, -0.01):
        record = Record(units=1_000, gained=gained, baseline=baseline)
        assert cap == conservative_cap(record, ahead=50, worst=worst, alpha=ALPHA)


def test_what_was_gained_adds_up_over_arms_and_unused_arms_need_no_bound():
    assert -0.7 == pytest.approx(gained_at_least(np.array([10, 20, 0]), np.array([-0.03, -0.02, -np.inf])))
    assert 0 == gained_at_least(np.zeros(0), np.zeros(0))


@given(st.permutations(range(4)))
def test_the_order_of_arms_changes_no_bit(order):
    units, lower = np.array([3, 700, 41, 5]), np.array([-0.1, -0.013, 0.7, -0.0001])
    assert gained_at_least(units, lower) == gained_at_least(units[order], lower[order])


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=6), st.floats(0, 1))
def test_capped_shares_are_within_the_cap_sum_to_the_same_and_are_untouched_below_it(parts, cap):
    shares = [*parts, 10_000 - sum(parts)]
    made = within_cap(shares, baseline_index=len(parts), cap=cap)
    assert 10_000 == sum(made)
    assert sum(made[:-1]) <= cap * 10_000 + 1e-6
    assert all(type(new) is int and 0 <= new <= old for new, old in zip(made[:-1], parts, strict=True))
    assert (made == shares) or sum(parts) > cap * 10_000 - 1
    if made != shares:
        assert sum(made[:-1]) > cap * 10_000 - 1 - len(parts)


def rule(variance, alpha, rho):
    """The boundary of ``learning.confidence``, for many variances at once; its own tests say what it guarantees."""
    return np.sqrt((variance + rho) * np.log((variance + rho) / (rho * alpha**2)))


def played(worlds, *, guarded, seed=1):
    """An allocator that always wants half of all units for the others, kept back by the cap or not.

    Every other arm is worse. Bounds hold at every look: of each arm's within-session difference with
    DELTA / (ARMS + 1) on the bad side, and of the baseline's own mean. sd is known.
    """
    chance = np.random.default_rng(seed)
    baseline = chance.uniform(0.003, 0.02, worlds)
    differences = -chance.uniform(0.0, 0.03, (worlds, ARMS))
    means = np.column_stack([baseline, baseline[:, None] + differences])
    alpha = 2 * DELTA / (ARMS + 1)
    rhos = tightest_at(50.0, alpha=alpha), tightest_at(500.0, alpha=alpha)
    information, scores, counts, totals = np.zeros((4, worlds, ARMS + 1))
    ever_below, shares_tried = np.zeros(worlds, dtype=bool), np.zeros(worlds)
    for session in range(SESSIONS):
        caps = np.full(worlds, 0.5)
        if guarded:
            info = np.maximum(information[:, 1:], 1e-12)
            lower = scores[:, 1:] / info - SD * rule(info, alpha, rhos[0]) / info
            lower = np.maximum(lower, WORST)
            seen = np.maximum(counts[:, 0], 1e-12)
            floor = np.maximum(totals[:, 0] / seen - SD * rule(seen, alpha, rhos[1]) / seen, 0.0)
            for world in range(worlds):
                gained = gained_at_least(counts[world, 1:], lower[world])
                record = Record(units=session * UNITS, gained=gained, baseline=floor[world])
                cap = conservative_cap(record, ahead=UNITS, worst=lower[world].min(), alpha=ALPHA)
                shares = within_cap([1667, 1667, 1666, 5000], baseline_index=3, cap=cap)
                caps[world] = 1 - shares[3] / 10_000
        shares = np.column_stack([1 - caps, *[caps / ARMS] * ARMS])
        n = chance.multinomial(UNITS, shares).astype(float)
        total = n * means + np.sqrt(n) * SD * chance.normal(size=n.shape)
        mean = total / np.maximum(n, 1)
        weight = n * n[:, :1] / np.maximum(n + n[:, :1], 1)
        information += weight
        scores += weight * (mean - mean[:, :1])
        counts += n
        totals += total
        lost = (counts[:, 1:] * differences).sum(axis=1)
        ever_below |= lost < -ALPHA * (session + 1) * UNITS * baseline
        shares_tried += caps / SESSIONS
    return ever_below, shares_tried


@lengths.runs(200, at_length=1_000)
def test_where_every_other_arm_is_worse_the_guard_keeps_the_line_and_without_it_it_is_lost(runs):
    """Of 1,000 worlds at most 67 ever pass under the line at any session's end: the 99 % bound of a chance of .05."""
    assert 67 == binom.ppf(0.99, 1_000, DELTA)
    below, tried = played(runs, guarded=True)
    unguarded, _ = played(runs, guarded=False)
    print(
        f"{below.sum()} of {runs} guarded worlds were ever under the line, {unguarded.sum()} unguarded; "
        f"the guard let {tried.mean():.1%} be tried on average, wanted were 50 %"
    )
    assert below.sum() <= binom.ppf(0.99, runs, DELTA)
    assert unguarded.sum() > 0.9 * runs
    assert tried.mean() > 0.01


@pytest.mark.parametrize(
    "wrong",
    [
        {"ahead": 0},
        {"alpha": -0.1},
        {"alpha": 1.1},
        {"worst": -np.inf},
        {"record": Record(units=-1, gained=0.0, baseline=0.01)},
        {"record": Record(units=1, gained=-np.inf, baseline=0.01)},
        {"record": Record(units=1, gained=0.0, baseline=np.nan)},
    ],
)
def test_what_no_cap_can_be_had_from_is_refused(wrong):
    good = {"record": Record(units=1, gained=0.0, baseline=0.01), "ahead": 1, "worst": -0.1, "alpha": ALPHA}
    with pytest.raises(LearningError):
        conservative_cap(**good | wrong)


def test_counts_bounds_and_caps_that_are_none_are_refused():
    for units, lower in (([1.0], [np.nan]), ([-1.0], [0.0]), ([1.0, 2.0], [0.0])):
        with pytest.raises(LearningError, match="bound"):
            gained_at_least(np.array(units), np.array(lower))
    with pytest.raises(LearningError, match="fraction"):
        within_cap([1, 1], baseline_index=0, cap=1.1)
    with pytest.raises(LearningError, match="no arm"):
        within_cap([1, 1], baseline_index=2, cap=0.5)


@lengths.runs(200, at_length=1_000)
@pytest.mark.parametrize("horizon", [1, 5, 10])
def test_the_bound_of_what_is_earned_holds_at_every_look_though_units_and_neighbouring_sessions_move_together(
    horizon, runs
):
    """Of 1,000 worlds at most 67 are ever wrong in 250 sessions: the 99 % bound of a chance of .05."""
    chance = np.random.default_rng(horizon)
    wrong = 0
    for _ in range(runs):
        counts = chance.integers(1, 60, 250)
        market = np.convolve(0.01 * chance.normal(size=250 + horizon - 1), np.ones(horizon), mode="valid")
        means = 0.001 + market + 0.02 * chance.normal(size=250) / np.sqrt(counts)
        sessions = [RewardSum(int(n), round(n * mean * 1e6), 0) for n, mean in zip(counts, means, strict=True)]
        looks = range(20, 251, 10)
        bounds = (earned_at_least(sessions[:look], error_rate=0.05, overlap=horizon) for look in looks)
        wrong += any(bound is not None and bound > 0.001 for bound in bounds)
    print(f"horizon {horizon}: {wrong} of {runs} worlds were ever wrong")
    assert wrong <= binom.ppf(0.99, runs, 0.05)


def test_the_bound_comes_near_the_mean_and_nothing_is_said_below_twenty_sessions():
    sessions = [RewardSum(10, 10_000 + 200 * (-1) ** day, 0) for day in range(1_000)]
    bound = partial(earned_at_least, error_rate=0.05, overlap=1)
    assert bound(sessions[:19]) is None
    assert bound([]) is None
    assert 0.00098 < bound(sessions) < 0.001
    assert bound([*sessions[:19], RewardSum(0, 0, 0)]) is None


@pytest.mark.parametrize("rate", [0.0, 0.5, -1.0])
def test_an_error_rate_that_is_none_is_refused(rate):
    with pytest.raises(LearningError, match=r"between 0 and 0\.5"):
        earned_at_least([], error_rate=rate, overlap=1)
