import numpy as np
import pytest

from learning.errors import LearningError
from learning.reward_model import BORROWED, cross_fitted_means


def drawn(seed=1, n=200, k=3, sessions=17):
    generator = np.random.default_rng(seed)
    return generator.integers(0, k, n), generator.standard_normal(n), generator.integers(0, sessions, n)


def test_each_unit_is_predicted_by_the_shrunk_means_of_other_folds():
    """Against a loop over units."""
    arms, rewards, sessions = drawn()
    found = cross_fitted_means(arms, rewards, sessions, k=4)
    fold = np.unique(sessions, return_inverse=True)[1] % 5
    for unit in range(len(arms)):
        others = fold != fold[unit]
        for arm in range(4):
            own = rewards[others & (arms == arm)]
            expected = (own.sum() + BORROWED * rewards[others].mean()) / (len(own) + BORROWED)
            assert expected == pytest.approx(found[unit, arm], abs=1e-12)


def test_no_reward_of_a_unit_s_session_is_in_its_prediction():
    arms, rewards, sessions = drawn()
    moved = np.where(sessions == 3, rewards + 100, rewards)
    before, after = (cross_fitted_means(arms, each, sessions, k=3)[sessions == 3] for each in (rewards, moved))
    assert before == pytest.approx(after, abs=1e-10)


def test_one_session_alone_is_predicted_by_nothing():
    assert [[0.0, 0.0]] == cross_fitted_means(np.array([1]), np.array([5.0]), np.array([0]), k=2).tolist()


@pytest.mark.parametrize(
    "change",
    [{"rewards": np.zeros(2)}, {"k": 2}, {"folds": 1}, {"arms": np.array([-1, 0, 1])}],
    ids=["shape", "arms", "folds", "negative"],
)
def test_what_is_no_log_is_refused(change):
    given = {"arms": np.array([0, 1, 2]), "rewards": np.zeros(3), "sessions": np.arange(3), "k": 3} | change
    with pytest.raises(LearningError):
        cross_fitted_means(given.pop("arms"), given.pop("rewards"), given.pop("sessions"), **given)


def test_refuses_a_reward_that_is_not_finite():
    with pytest.raises(LearningError, match="not finite"):
        cross_fitted_means(np.array([0, 1]), np.array([np.nan, 0.1]), np.array([1, 2]), k=2)
