import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning import cohorts as module
from learning.cohorts import Cohorts, cohorts_of, measured
from learning.differences import within_sessions
from learning.effects import arm_effects
from learning.errors import LearningError
from learning.rewards import RewardSum
from tests.learning.singly import canonical, posterior_of

seeds = st.integers(0, 10_000)


def drawn(seed, *, allocations=4, sessions=15, arms=4, most=5):
    """Rewards of a drifting market; some arms are missing in some sessions, the baseline too."""
    chance = np.random.default_rng(seed)
    n = chance.integers(0, most, size=(allocations, sessions, arms))
    rewards = np.rint(chance.normal(0, 0.01, size=(*n.shape, most)) * 1e6).astype(np.int64)
    rewards += np.rint(chance.normal(0, 0.05, size=(allocations, sessions, 1, 1)) * 1e6).astype(np.int64)
    rewards *= np.arange(most) < n[..., None]
    return Cohorts(n, rewards.sum(axis=-1), (rewards**2).sum(axis=-1))


def singly(cohorts, place, weights):
    """The same through ``arm_effects``, one allocation and one whole number at a time."""
    names = [str(arm) for arm in range(cohorts.n.shape[2])]
    sessions = [
        {
            name: RewardSum(
                *(int(table[place, session, arm]) for table in (cohorts.n, cohorts.totals, cohorts.squares))
            )
            for arm, name in enumerate(names)
        }
        for session in range(cohorts.n.shape[1])
    ]
    return arm_effects(sessions, baseline=names[-1], arms=names[:-1], weights=list(weights))


def beliefs(cohorts, **options):
    found = within_sessions(cohorts, regimes=1, prior_sd=0.004, **options)
    return found.means[:, 0], found.covariances[:, 0]


@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(2, 5), st.integers(1, 20), st.integers(2, 6))
def test_beliefs_are_those_of_one_allocation_at_a_time(seed, arms, sessions, most):
    cohorts = drawn(seed, arms=arms, sessions=sessions, most=most)
    weights = np.random.default_rng(seed).uniform(0.2, 1, sessions)
    means, covariances = beliefs(cohorts, weights=weights)
    for place in range(4):
        mean, covariance = posterior_of(singly(cohorts, place, weights), prior_sd=0.004)
        assert np.allclose(mean, means[place], rtol=1e-9, atol=1e-13)
        assert np.allclose(covariance, covariances[place], rtol=1e-9, atol=1e-15)


def test_what_each_regime_measured_is_that_of_one_at_a_time():
    cohorts = drawn(3, sessions=40)
    for place, made in enumerate(zip(*measured(cohorts), strict=True)):
        for one, expected in zip(made, canonical(singly(cohorts, place, np.ones(40))), strict=True):
            assert np.allclose(expected, one, rtol=1e-8, atol=1e-6)


def test_sums_whose_products_leave_64_bits_are_computed_with_whole_numbers_all_the_same():
    """Units of +1 and -1 in a session so large that counts times squares do not fit."""
    chance = np.random.default_rng(5)
    n = chance.integers(50_000, 90_000, size=(2, 6, 3))
    wins = chance.binomial(n, 0.55)
    cohorts = Cohorts(n, (2 * wins - n) * 10**6, n * 10**12)
    assert float(n.max()) * 3 * float(cohorts.squares.max()) > 2.0**63
    means, covariances = beliefs(cohorts)
    for place in range(2):
        mean, covariance = posterior_of(singly(cohorts, place, np.ones(6)), prior_sd=0.004)
        assert np.allclose(mean, means[place], rtol=1e-9)
        assert np.allclose(covariance, covariances[place], rtol=1e-9)


@pytest.mark.parametrize("limits", [("WHOLE",), ("WHOLE", "FITS")])
def test_as_which_numbers_sums_are_held_changes_no_bit(monkeypatch, limits):
    """Floats where all is exact in them; whole numbers of 64 bits and without end are what they must agree with."""
    cohorts, weights = drawn(6, allocations=7), np.linspace(0.3, 1, 15)
    there = measured(cohorts, weights=weights)
    for limit in limits:
        monkeypatch.setattr(module, limit, -1.0)
    for one, other in zip(there, measured(cohorts, weights=weights), strict=True):
        assert one.tobytes() == other.tobytes()


@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(3, 3_000))
def test_a_market_that_moves_all_arms_together_hides_no_difference(seed, size):
    """Sessions from -50 % to +50 %, units of an arm 1e-6 to 1e-5 apart: products pass what floats hold exactly."""
    chance = np.random.default_rng(seed)
    n = chance.integers(2, size, size=(4, 12, 3))
    level = chance.integers(-500_000, 500_000, size=(4, 12, 1))
    apart = chance.integers(-100, 100, size=n.shape)
    cohorts = Cohorts(n, n * (level + apart), n * ((level + apart) ** 2 + chance.integers(1, 100, size=n.shape)))
    for place, made in enumerate(zip(*measured(cohorts), strict=True)):
        for one, expected in zip(made, canonical(singly(cohorts, place, np.ones(12))), strict=True):
            assert np.allclose(expected, one, rtol=0, atol=1e-9 * abs(expected).max())


@settings(max_examples=25, deadline=None)
@given(seeds, st.sampled_from([5, 300, 5_000]))
def test_rewards_without_any_variance_within_sessions_leave_the_prior(seed, size):
    chance = np.random.default_rng(seed)
    n, rewards = chance.integers(1, size, size=(4, 12, 3)), chance.integers(-999_999, 999_999, size=(4, 12, 3))
    means, covariances = beliefs(Cohorts(n, n * rewards, n * rewards**2))
    assert np.array_equal(np.zeros((4, 2)), means)
    assert np.allclose(np.eye(2) * 0.004**2, covariances, rtol=1e-12)


def test_how_many_are_worked_on_together_changes_no_bit(monkeypatch):
    cohorts = drawn(4, allocations=7)
    there = measured(cohorts)
    monkeypatch.setattr(module, "TOGETHER", 1)
    back = measured(cohorts)
    alone = measured(Cohorts(cohorts.n[2:3], cohorts.totals[2:3], cohorts.squares[2:3]))
    for whole, part, one in zip(there, back, alone, strict=True):
        assert whole.tobytes() == part.tobytes()
        assert whole[2].tobytes() == one[0].tobytes()


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_negated_rewards_have_negated_means_and_the_same_covariance_to_the_last_bit(seed):
    cohorts = drawn(seed)
    there = beliefs(cohorts)
    back = beliefs(Cohorts(cohorts.n, -cohorts.totals, cohorts.squares))
    assert (-there[0]).tolist() == back[0].tolist()
    assert there[1].tolist() == back[1].tolist()


@settings(max_examples=25, deadline=None)
@given(seeds, st.permutations(range(3)))
def test_permuted_arms_have_permuted_beliefs(seed, order):
    cohorts = drawn(seed)
    there = beliefs(cohorts)
    back = beliefs(Cohorts(*(table[:, :, [*order, 3]] for table in tables(cohorts))))
    assert np.allclose(there[0][:, order], back[0], rtol=1e-9, atol=1e-13)
    assert np.allclose(there[1][:, order][:, :, order], back[1], rtol=1e-9, atol=1e-15)


@settings(max_examples=25, deadline=None)
@given(seeds, seeds)
def test_rows_add_up_in_any_order_and_what_is_taken_back_leaves_nothing(seed, other):
    cohorts, added = drawn(seed), drawn(other)
    shape = cohorts.n.shape
    places = tuple(each.ravel() for each in np.indices(shape))
    order = np.random.default_rng(seed).permutation(3 * cohorts.n.size)
    sums = tuple(
        np.concatenate([mine.ravel(), theirs.ravel(), -theirs.ravel()])[order]
        for mine, theirs in zip(tables(cohorts), tables(added), strict=True)
    )
    made = cohorts_of(tuple(np.tile(place, 3)[order] for place in places), sums, shape=shape)
    for mine, theirs in zip(tables(cohorts), tables(made), strict=True):
        assert mine.tobytes() == theirs.tobytes()


def tables(cohorts):
    return cohorts.n, cohorts.totals, cohorts.squares


@pytest.mark.parametrize("arms", [1, 3])
def test_nothing_measured_leaves_the_prior(arms):
    nothing = np.zeros((2, 5, arms), dtype=np.int64)
    for n in (nothing, nothing + (np.arange(arms) == 0) * 4, nothing + 1):
        means, covariances = beliefs(Cohorts(n, nothing, nothing))
        assert np.array_equal(np.zeros((2, arms - 1)), means)
        assert np.allclose(np.broadcast_to(np.eye(arms - 1) * 0.004**2, covariances.shape), covariances, rtol=1e-12)


def test_what_is_no_table_is_refused():
    good = drawn(1)
    with pytest.raises(LearningError, match="one shape"):
        Cohorts(good.n, good.totals[:1], good.squares)
    with pytest.raises(LearningError, match="whole numbers"):
        Cohorts(good.n, good.totals * 0.5, good.squares)
    with pytest.raises(LearningError, match="negative count"):
        Cohorts(good.n - 10, good.totals, good.squares)
    with pytest.raises(LearningError, match="15 positive weights"):
        measured(good, weights=np.ones(3))
    with pytest.raises(LearningError, match="positive weights"):
        measured(good, weights=np.zeros(15))
    with pytest.raises(LearningError, match="do not fit"):
        cohorts_of((np.array([0]), np.array([5]), np.array([0])), (np.array([1]),) * 3, shape=(1, 5, 2))
