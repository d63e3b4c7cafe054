import numpy as np
import pytest

from learning.errors import LearningError
from learning.levels import from_levels

PRIOR_SD = 0.01


def sums(rewards):
    """n, s1, s2 of a nested list (regimes, arms) of rewards, of one allocation."""
    shape = (1, len(rewards), len(rewards[0]))
    columns = [[len(one), one.sum(), (one**2).sum()] for regime in rewards for one in regime]
    return [np.array(column, dtype=float).reshape(shape) for column in zip(*columns, strict=True)]


def test_with_many_units_it_is_the_difference_of_means_with_its_usual_error():
    chance = np.random.default_rng(1)
    arms = [chance.normal(0.003, 0.02, 20_000), chance.normal(0.001, 0.05, 40_000)]
    found = from_levels(*sums([arms]), prior_sd=1e3)
    assert found.means[0, 0, 0] == pytest.approx(arms[0].mean() - arms[1].mean(), abs=1e-7)
    error = arms[0].var(ddof=1) / 20_000 + arms[1].var(ddof=1) / 40_000
    assert found.covariances[0, 0, 0, 0] == pytest.approx(error, rel=2e-3)


def test_the_levels_are_shrunk_toward_the_common_mean_with_moderated_variances():
    chance = np.random.default_rng(2)
    arms = [chance.normal(0, 0.02, size) for size in (7, 12, 30)]
    found = from_levels(*sums([arms]), prior_sd=PRIOR_SD)
    together = np.concatenate(arms)
    mean, variance = together.mean(), together.var(ddof=1)
    levels, spreads = [], []
    for arm in arms:
        kappa = 2 * variance / PRIOR_SD**2
        shift = kappa * len(arm) * (arm.mean() - mean) ** 2 / (kappa + len(arm))
        own = (5 * variance + (((arm - arm.mean()) ** 2).sum() + shift) / 2) / (5 + len(arm) / 2)
        precision = len(arm) / own + 2 / PRIOR_SD**2
        levels.append((arm.sum() / own + mean * 2 / PRIOR_SD**2) / precision)
        spreads.append(1 / precision)
    np.testing.assert_allclose(found.means[0, 0], np.array(levels[:2]) - levels[2], rtol=1e-9)
    np.testing.assert_allclose(found.covariances[0, 0], np.diag(spreads[:2]) + spreads[2], rtol=1e-9)


def test_while_nothing_is_known_differences_have_the_prior():
    nothing = np.zeros((2, 3, 3))
    found = from_levels(nothing, nothing, nothing, prior_sd=PRIOR_SD)
    assert not found.means.any()
    expected = PRIOR_SD**2 * (np.eye(2) + 1) / 2
    np.testing.assert_allclose(found.covariances, np.broadcast_to(expected, (2, 3, 2, 2)), rtol=1e-9)


def test_a_rare_regime_borrows():
    chance = np.random.default_rng(3)
    usual = [chance.normal(0.01, 0.02, 5_000), chance.normal(0.0, 0.02, 5_000)]
    rare = [chance.normal(0.01, 0.02, 5), chance.normal(0.0, 0.02, 5)]
    both = from_levels(*sums([usual, rare]), prior_sd=0.02)
    alone = from_levels(*sums([rare]), prior_sd=0.02)
    assert abs(both.means[0, 1, 0] - 0.01) < abs(alone.means[0, 0, 0] - 0.01)
    assert both.covariances[0, 1, 0, 0] < alone.covariances[0, 0, 0, 0] / 2
    assert both.covariances[0, 1, 0, 0] > both.covariances[0, 0, 0, 0]


def test_negated_rewards_give_negated_differences():
    chance = np.random.default_rng(4)
    n, s1, s2 = sums([[chance.normal(0, 0.02, 9) for _ in range(3)] for _ in range(2)])
    there, back = from_levels(n, s1, s2, prior_sd=PRIOR_SD), from_levels(n, -s1, s2, prior_sd=PRIOR_SD)
    assert (there.means == -back.means).all()
    assert (there.covariances == back.covariances).all()


def test_what_cannot_be_is_refused():
    with pytest.raises(LearningError, match="one shape"):
        from_levels(np.ones((1, 1, 2)), np.ones((1, 1, 2)), np.ones((1, 2)), prior_sd=1.0)
    with pytest.raises(LearningError, match="positive"):
        from_levels(np.ones((1, 1, 2)), np.ones((1, 1, 2)), np.ones((1, 1, 2)), prior_sd=0.0)
