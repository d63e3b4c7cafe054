import numpy as np
import pytest

from learning.errors import LearningError
from learning.improvement import improvement
from learning.moments import moments
from learning.regression import ridge
from learning.scoring import next_weights
from learning.walk_forward import walk_forward
from learning.weight_search import ScoredHistory, search_weights

OLD = np.full(3, 1 / 3)
SESSIONS, UNITS = 120, 10


def drawn(edge=0.0, seed=1):
    """Features, rewards and sessions; with an edge, the first feature pays from 0.5 on."""
    chance = np.random.default_rng(seed)
    days = chance.permutation(np.repeat(np.arange(SESSIONS), UNITS))
    features = chance.random((len(days), 3))
    rewards = 0.02 * (0.01 * chance.standard_t(4, size=len(days)) + edge * (features[:, 0] - 0.5))
    return features, rewards, days


def history(edge=0.0):
    return ScoredHistory(*drawn(edge), threshold=0.5)


def found(scored, *, old=OLD, lower=0.1, upper=0.8, seed=1):
    days = np.arange(SESSIONS)
    return search_weights(
        scored,
        old=old,
        lower=np.full(3, lower),
        upper=np.full(3, upper),
        folds=walk_forward(days, days + 2, warm_up=40, block=18, embargo=2, minimum=20),
        generator=np.random.default_rng(seed),
        error_rate=0.05,
    )


def test_gains_are_the_rewards_of_what_the_weights_would_have_bought_session_by_session():
    scored = history(edge=0.05)
    candidates = np.array([OLD, [0.8, 0.1, 0.1]])
    expected = np.zeros((SESSIONS, 2))
    for unit, reward, day in zip(*drawn(edge=0.05), strict=True):
        for column, weights in enumerate(candidates):
            if round(float(unit @ weights), 9) >= 0.5:
                expected[day, column] += round(reward * 1e6)
    assert (expected / 1e6 == scored.gains(candidates)).all()
    assert (scored.gains(candidates)[:50] == scored.gains(candidates, first=50)).all()


def test_a_score_that_is_the_threshold_but_for_rounding_is_bought():
    features, rewards = np.array([[1.0, 1.0, 0.0]]), np.array([0.01])
    weights = np.array([[0.7, 0.1, 0.2]])
    assert features @ weights[0] < 0.8
    assert [[0.01]] == ScoredHistory(features, rewards, np.array([4]), threshold=0.8).gains(weights).tolist()


def test_the_order_of_the_units_changes_no_bit():
    order = np.random.default_rng(3).permutation(SESSIONS * UNITS)
    shuffled = ScoredHistory(*(one[order] for one in drawn(edge=0.05)), threshold=0.5)
    candidates = np.array([OLD, [0.7, 0.2, 0.1]])
    assert (history(edge=0.05).gains(candidates) == shuffled.gains(candidates)).all()


def test_the_moments_of_sessions_add_up_to_those_of_all_units():
    scored = history()
    whole = moments(scored.features, scored.rewards, origin=scored.features.mean(axis=0))
    summed = scored.summed()
    assert sum(one.n for one in summed) == whole.n
    assert np.allclose(sum(one.products for one in summed), whole.products, rtol=1e-12, atol=1e-12)


def test_a_feature_that_pays_gets_weight_within_bounds_and_the_sum_stays():
    made = found(history(edge=0.05))
    assert made.proposes
    for weights in (made.chosen, *made.choices, *made.plateau):
        assert sum(weights) == pytest.approx(1.0, abs=1e-12)
        assert 0.1 - 1e-12 <= min(weights)
        assert max(weights) <= 0.8 + 1e-12
    assert 0.6 < made.chosen[0]


def test_what_is_chosen_lies_on_the_way_to_what_the_regression_wants():
    scored = history(edge=0.01)
    wanted = next_weights(ridge(moments(scored.features, scored.rewards)), old=OLD, lower=0.1, upper=0.8, cap=2.0)
    chosen = np.array(found(scored).chosen)
    reach = (chosen - OLD) @ (wanted - OLD) / ((wanted - OLD) @ (wanted - OLD))
    assert 0 <= reach <= 1 + 1e-9
    assert np.allclose(chosen, OLD + reach * (wanted - OLD), atol=1e-9)


def test_no_choice_of_a_fold_has_seen_the_sessions_it_is_judged_on():
    features, rewards, days = drawn(edge=0.05)
    turned = ScoredHistory(features, np.where(days >= 100, -9 * rewards, rewards), days, threshold=0.5)
    before, after = found(history(edge=0.05)), found(turned)
    assert before.choices == after.choices
    assert before.improvement.mean != after.improvement.mean
    assert before.chosen != after.chosen


def test_tells_how_many_candidates_were_tried_of_each_fit():
    made = found(history())
    assert len(made.choices) + 1 <= made.tried <= 13 * (len(made.choices) + 1)


@pytest.mark.parametrize("wrong", ["features", "rewards"])
def test_a_missing_number_is_refused(wrong):
    features, rewards, days = drawn()
    {"features": features, "rewards": rewards}[wrong][3] = np.nan
    with pytest.raises(LearningError, match="leave out units"):
        ScoredHistory(features, rewards, days, threshold=0.5)


def test_shapes_that_differ_are_refused():
    features, rewards, days = drawn()
    with pytest.raises(LearningError, match="one reward and session a unit"):
        ScoredHistory(features, rewards[1:], days, threshold=0.5)


def test_the_differences_are_judged_by_how_far_the_windows_of_the_folds_reach():
    scored, days = history(edge=0.05), np.arange(SESSIONS)
    folds = walk_forward(days, days + 12, warm_up=40, block=18, embargo=2, minimum=20)
    judged = search_weights(
        scored,
        old=OLD,
        lower=np.full(3, 0.1),
        upper=np.full(3, 0.8),
        folds=folds,
        generator=np.random.default_rng(1),
        error_rate=0.05,
    )
    table = scored.gains(np.array([*judged.choices, OLD]))
    differences = np.concatenate([(table[:, place] - table[:, -1])[fold.test] for place, fold in enumerate(folds)])
    assert improvement(differences, generator=np.random.default_rng(1), overlap=12) == judged.improvement


def test_refuses_a_history_without_units():
    with pytest.raises(LearningError, match="no unit"):
        ScoredHistory(np.empty((0, 2)), np.empty(0), np.empty(0, dtype=np.int64), threshold=0.5)
