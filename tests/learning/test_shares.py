import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm

from learning.effects import arm_effects
from learning.errors import LearningError
from learning.rewards import RewardSum
from learning.shares import integer_shares, many_shares, probabilities_best, probability_best, top_two
from tests.learning.singly import posterior_of

MEAN = np.array([0.01, 0.02, -0.01])
COVARIANCE = np.diag([1e-4, 2e-4, 3e-4]) + 1e-5


def brute(mean, covariance, draws=1_000_000):
    drawn = np.random.default_rng(5).multivariate_normal(mean, covariance, draws)
    return np.bincount(np.argmax(np.column_stack([drawn, np.zeros(draws)]), axis=1)) / draws


def test_probabilities_are_those_of_a_million_plain_draws():
    assert np.allclose(brute(MEAN, COVARIANCE), probability_best(MEAN, COVARIANCE, seed=1), atol=0.005)


def test_one_arm_beside_the_baseline_has_a_closed_form():
    expected = norm.sf(0, loc=0.003, scale=0.002)
    assert [expected, 1 - expected] == pytest.approx(list(probability_best([0.003], [[4e-6]], seed=1)), abs=1e-15)


@given(st.floats(-1, 1), st.floats(1e-6, 1))
def test_worse_by_as_much_is_as_likely_worse(mean, variance):
    better, worse = probability_best([mean], [[variance]], seed=1), probability_best([-mean], [[variance]], seed=1)
    assert list(better) == pytest.approx(list(worse[::-1]), abs=1e-15)


@given(st.permutations(range(3)), st.integers(0, 100))
def test_permuted_arms_have_permuted_probabilities(order, seed):
    there = probability_best(MEAN, COVARIANCE, seed=seed)
    back = probability_best(MEAN[order], COVARIANCE[np.ix_(order, order)], seed=seed)
    assert list(there[[*order, 3]]) == list(back)


def test_arms_that_nobody_can_tell_apart_are_best_equally_often():
    unknown = probability_best(np.zeros(4), 1e-4 * (np.eye(4) + 1), seed=3)
    assert np.allclose(0.2, unknown, atol=0.01)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    assert list(probability_best(MEAN, COVARIANCE, seed=7)) == list(probability_best(MEAN, COVARIANCE, seed=7))
    assert list(probability_best(MEAN, COVARIANCE, seed=7)) != list(probability_best(MEAN, COVARIANCE, seed=8))


def test_what_is_known_exactly_is_certain():
    assert [1, 0] == list(probability_best([0.1], [[0.0]], seed=1))
    assert [0.5, 0.5] == list(probability_best([0.0], [[0.0]], seed=1))
    assert [0, 1, 0] == list(probability_best([0.1, 0.2], np.zeros((2, 2)), seed=1))


@pytest.mark.parametrize("arms", [2, 3])
@pytest.mark.parametrize("mean", [-0.001, 0.0, 0.001])
def test_arms_that_are_one_and_the_same_win_no_draw_twice(arms, mean):
    best = probability_best(np.full(arms, mean), np.zeros((arms, arms)), seed=1)
    assert [0.0] * arms + [1.0] == sorted(best)
    assert (mean < 0) == (best[-1] == 1)


@pytest.mark.parametrize("size", [1e-60, 1e-3, 1e60])
def test_the_unit_of_rewards_does_not_matter(size):
    there, scaled = (probability_best(MEAN * by, COVARIANCE * by**2, seed=1) for by in (1.0, size))
    assert list(there) == pytest.approx(list(scaled), abs=2 / 4096)


def test_nine_arms_have_the_probabilities_of_a_million_plain_draws():
    """Off by 0.0021 in the root mean square over seeds and arms (measured with 40 seeds), so by 0.01 hardly ever."""
    chance = np.random.default_rng(3)
    root = chance.normal(size=(9, 9)) * 0.3
    mean, covariance = chance.normal(size=9) * 0.7, root @ root.T + np.eye(9) * 0.5 + 0.5
    assert np.allclose(brute(mean, covariance), probability_best(mean, covariance, seed=1), atol=0.01)


def test_a_baseline_alone_is_best():
    assert [1] == list(probability_best(np.zeros(0), np.zeros((0, 0)), seed=1))


@pytest.mark.parametrize(("mean", "covariance"), [([np.nan], [[1.0]]), ([0.0], [[np.inf]]), ([0.0, 0.0], [[1.0]])])
def test_a_belief_that_does_not_fit_is_refused(mean, covariance):
    with pytest.raises(LearningError, match="finite"):
        probability_best(mean, covariance, seed=1)


def beliefs(seed, *, allocations=5, k=3):
    chance = np.random.default_rng(seed)
    roots = chance.normal(size=(allocations, k, k)) * 0.01
    return chance.normal(size=(allocations, k)) * 0.01, roots @ np.swapaxes(roots, 1, 2)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 5), st.integers(0, 100))
def test_many_allocations_at_once_have_the_bits_of_one_by_one(seed, k, number):
    means, covariances = beliefs(seed, k=k)
    singly = [probability_best(*each, seed=number, draws=256) for each in zip(means, covariances, strict=True)]
    assert np.array(singly).tobytes() == probabilities_best(means, covariances, seed=number, draws=256).tobytes()


def test_no_allocations_have_no_probabilities():
    assert (0, 4) == probabilities_best(np.zeros((0, 3)), np.zeros((0, 3, 3)), seed=1).shape


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([1, -1]))
def test_negated_rewards_with_the_direction_negated_have_the_same_shares_to_the_last_bit(seed, direction):
    """Lower is better, direction -1: what is compared is direction times reward."""
    chance = np.random.default_rng(seed)
    rewards = np.rint(chance.normal(0.001, 0.01, size=(12, 4, 5)) * 1e6).astype(int)

    def shared(sign, direction):
        sessions = [
            {
                name: RewardSum(5, int(sign * arm.sum()), int((arm**2).sum()))
                for name, arm in zip("abcd", session, strict=True)
            }
            for session in rewards
        ]
        mean, covariance = posterior_of(arm_effects(sessions, baseline="d", arms=["a", "b", "c"]), prior_sd=0.01)
        means, covariances = direction * mean[None], covariance[None]
        best, two = (each(means, covariances, seed=3, draws=256)[0] for each in (probabilities_best, top_two))
        shares = [integer_shares(each, baseline_index=3, budget=0.2, floor=0.01) for each in (best, two)]
        return best.tobytes(), two.tobytes(), shares

    assert shared(1, direction) == shared(-1, -direction)


def replayed(probabilities, beta, *, units=200_000, seed=1):
    """Top-two Thompson sampling as it is written: draw the best; by a coin keep it, or draw until another is best."""
    chance = np.random.default_rng(seed)
    arms = np.arange(len(probabilities))
    played = chance.choice(arms, size=units, p=probabilities)
    waiting = np.flatnonzero(chance.random(units) >= beta)
    first = played.copy()
    while len(waiting):
        played[waiting] = chance.choice(arms, size=len(waiting), p=probabilities)
        waiting = waiting[played[waiting] == first[waiting]]
    return np.bincount(played, minlength=len(arms))


@pytest.mark.parametrize("beta", [0.2, 0.5, 0.9])
def test_top_two_is_how_often_repeated_draws_play_each_arm(beta):
    """200,000 units; a share's count is binomial: within its 99.9 % bounds, for each arm."""
    best = probability_best(MEAN, COVARIANCE, seed=1)
    made = top_two(MEAN[None], COVARIANCE[None], seed=1, beta=beta)[0]
    assert (binom.ppf(0.0005, 200_000, made) <= replayed(best, beta)).all()
    assert (replayed(best, beta) <= binom.ppf(0.9995, 200_000, made)).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0, 2, 3, 5]), st.floats(0, 1))
def test_top_two_is_russos_formula_and_sums_to_one(seed, k, beta):
    means, covariances = beliefs(seed, k=k)
    best = probabilities_best(means, covariances, seed=7, draws=256)
    made = top_two(means, covariances, seed=7, draws=256, beta=beta)
    assert np.allclose(1, made.sum(axis=1), rtol=0, atol=1e-9)
    for p, shares in zip(best, made, strict=True):
        if k and p.max() < 1:
            others = [sum(p[j] / (1 - p[j]) for j in range(k + 1) if j != i) for i in range(k + 1)]
            assert np.allclose(p * (beta + (1 - beta) * np.array(others)), shares, rtol=1e-9, atol=1e-12)


def test_with_beta_one_top_two_is_the_probability_of_being_best():
    means, covariances = beliefs(2)
    best = probabilities_best(means, covariances, seed=7)
    assert best.tobytes() == top_two(means, covariances, seed=7, beta=1.0).tobytes()


def test_an_arm_that_is_always_best_shares_with_who_comes_second():
    means, covariance = np.array([[0.9, 0.0, -0.9]]), np.eye(3)[None] * 1e-4
    made = top_two(means, covariance, seed=1)[0]
    assert [0.5, 0] == [made[0], made[2]]
    assert [0.25, 0.25] == pytest.approx([made[1], made[3]], abs=0.01)
    assert [0.5, 0.5] == list(top_two(np.array([[9.0]]), np.array([[[1e-9]]]), seed=1)[0])
    assert [0.5, 0.5, 0] == list(top_two(np.array([[0.2, 0.1]]), np.zeros((1, 2, 2)), seed=1)[0])


def test_a_baseline_that_is_always_best_shares_with_who_comes_second():
    means, covariance = np.array([[-0.9, -0.9, -1.8]]), np.eye(3)[None] * 1e-4
    made = top_two(means, covariance, seed=1)[0]
    assert [0, 0.5] == [made[2], made[3]]
    assert [0.25, 0.25] == pytest.approx([made[0], made[1]], abs=0.01)


def test_allocations_with_a_certain_best_change_no_bit_of_others():
    """More than are worked on together, every third with an arm that is best everywhere."""
    means, covariances = beliefs(8, allocations=90, k=9)
    means[::3, 4] += 9.0
    together = top_two(means, covariances, seed=5)
    assert (together[::3, 4] == 0.5).all()
    singly = [top_two(*each, seed=5)[0] for each in zip(means[:, None], covariances[:, None], strict=True)]
    assert np.array(singly).tobytes() == together.tobytes()


@pytest.mark.parametrize("draws", [8, 64, 1024, 8192])
def test_every_draw_has_one_winner_however_many_there_are(draws):
    means, covariances = beliefs(9, allocations=20, k=4)
    means[0, 1], means[1] = 9.0, -9.0
    counts = probabilities_best(means, covariances, seed=5, draws=draws) * draws
    assert (np.full(20, draws) == counts.sum(axis=1)).all()
    assert (counts == counts.round()).all()
    assert [draws, draws] == [counts[0, 1], counts[1, 4]]


@given(st.permutations(range(3)), st.integers(0, 100))
def test_permuted_arms_have_permuted_top_two_shares_to_the_last_bit(order, seed):
    there = top_two(MEAN[None], COVARIANCE[None], seed=seed, draws=256)[0]
    back = top_two(MEAN[order][None], COVARIANCE[np.ix_(order, order)][None], seed=seed, draws=256)[0]
    assert there[[*order, 3]].tobytes() == back.tobytes()


@pytest.mark.parametrize("beta", [-0.1, 1.1, float("nan")])
def test_a_beta_that_is_no_probability_is_refused(beta):
    with pytest.raises(LearningError, match="beta"):
        top_two(MEAN[None], COVARIANCE[None], seed=1, beta=beta)


weights = st.lists(st.floats(0, 1), min_size=1, max_size=12).filter(lambda values: sum(values) > 1e-3)


@given(weights, st.data(), st.floats(0, 1), st.floats(0, 1))
def test_shares_sum_to_the_whole_and_never_exceed_the_budget(values, data, budget, floor):
    probabilities = np.array(values) / sum(values)
    baseline = data.draw(st.integers(0, len(values) - 1))
    shares = integer_shares(probabilities, baseline_index=baseline, budget=budget, floor=floor)
    others = [share for place, share in enumerate(shares) if place != baseline]
    assert 10_000 == sum(shares)
    assert sum(others) <= budget * 10_000 + 1e-6
    assert all(isinstance(share, int) and share >= 0 for share in shares)
    if others:
        assert min(others) >= min(round(floor * 10_000), int(budget * 10_000 + 1e-9) // len(others))


@given(st.integers(0, 1000), st.integers(1, 12), st.floats(0, 1), st.floats(0, 0.2))
def test_shares_of_many_allocations_are_those_of_one_at_a_time(seed, arms, budget, floor):
    probabilities = np.random.default_rng(seed).dirichlet(np.full(arms, 0.3), size=6)
    made = many_shares(probabilities, budget=budget, floor=floor)
    singly = [integer_shares(p, baseline_index=arms - 1, budget=budget, floor=floor) for p in probabilities]
    assert singly == made.tolist()


@given(weights, st.floats(0, 0.2), st.floats(0, 0.02))
def test_the_likelier_arm_never_gets_less(values, budget, floor):
    probabilities = np.array([*values, 0.5]) / (sum(values) + 0.5)
    shares = integer_shares(probabilities, baseline_index=len(values), budget=budget, floor=floor)
    for i, first in enumerate(probabilities[:-1]):
        for j, second in enumerate(probabilities[:-1]):
            if first > second:
                assert shares[i] >= shares[j]


@pytest.mark.parametrize(
    ("probabilities", "budget", "floor", "expected"),
    [
        ([0.3, 0.3, 0.4], 0.05, 0.005, [250, 250, 9500]),
        ([0.9, 0.0, 0.1], 0.05, 0.005, [450, 50, 9500]),
        ([0.01, 0.0, 0.99], 0.05, 0.005, [100, 50, 9850]),
        ([0.5, 0.5, 0.0], 0.001, 0.005, [5, 5, 9990]),
        ([0.5, 0.5, 0.0], 0.0, 0.005, [0, 0, 10000]),
        ([1 / 3, 1 / 3, 1 / 3], 0.0005, 0.0, [3, 2, 9995]),
        ([0.6, 0.2, 0.2], 0.00299, 0.0, [22, 7, 9971]),
        ([0.6, 0.4], 1.0, 0.0, [6000, 4000]),
        ([0.6, 0.4], 0.2, 0.3, [2000, 8000]),
    ],
)
def test_shares_are_the_probability_of_being_best_within_floor_and_budget(probabilities, budget, floor, expected):
    last = len(probabilities) - 1
    assert expected == integer_shares(probabilities, baseline_index=last, budget=budget, floor=floor)


def test_the_baseline_may_stand_anywhere():
    assert [9500, 250, 250] == integer_shares([0.4, 0.3, 0.3], baseline_index=0, budget=0.05, floor=0.005)


@pytest.mark.parametrize(
    ("probabilities", "options"),
    [
        ([0.5, 0.4], {}),
        ([1.5, -0.5], {}),
        ([float("nan"), 0.5], {}),
        ([0.5, 0.5], {"budget": 1.1}),
        ([0.5, 0.5], {"floor": -0.1}),
        ([0.5, 0.5], {"baseline_index": 2}),
    ],
)
def test_impossible_shares_are_refused(probabilities, options):
    with pytest.raises(LearningError):
        integer_shares(probabilities, **{"baseline_index": 0, "budget": 0.05, "floor": 0.005} | options)


@pytest.mark.parametrize("k", [1, 2])
def test_refuses_a_negative_variance(k):
    covariances = -np.eye(k)[None]
    with pytest.raises(LearningError, match="variance of a difference must not be negative"):
        probabilities_best(np.zeros((1, k)), covariances, seed=0)
    with pytest.raises(LearningError, match="variance of a difference must not be negative"):
        top_two(np.zeros((1, k)), covariances, seed=0)
