import doctest
from itertools import product
from math import prod

import numpy as np
import pytest
from scipy.stats import binom, norm

from learning import importance as module
from learning.errors import LearningError
from learning.importance import Logged, Overlap, balanced, refusal, weighed

LOGGING = np.array([[0.9, 0.1], [0.5, 0.5], [0.6, 0.4]])
TARGET = np.array([[0.2, 0.8], [0.7, 0.3], [0.0, 1.0]])


def logged(arms, *, propensities=LOGGING, target=TARGET, rewards=None):
    arms = np.asarray(arms)
    return Logged(arms, np.zeros(len(arms)) if rewards is None else rewards, propensities, target)


def many(n, *, target, propensities, drawn=None, seed=1):
    """n units alike, drawn with ``drawn``, which is ``propensities`` unless the log is wrong."""
    arms = np.random.default_rng(seed).choice(len(target), size=n, p=propensities if drawn is None else drawn)
    return logged(arms, propensities=np.tile(propensities, (n, 1)), target=np.tile(target, (n, 1)))


def every_draw(propensities):
    """All ways in which units can get their arms, each with its probability."""
    for arms in product(range(propensities.shape[1]), repeat=len(propensities)):
        yield prod(row[arm] for row, arm in zip(propensities, arms, strict=True)), arms


def test_a_weight_is_the_target_probability_by_the_propensity():
    assert [0.8 / 0.1, 0.7 / 0.5, 0.0] == pytest.approx(list(logged([1, 0, 0]).weights), rel=1e-15)


def test_the_effective_number_is_kishs_and_the_largest_share_that_of_one_unit():
    target = np.array([[0.5, 0.5], [1.0, 0.0], [0.5, 0.5]])
    propensities = np.array([[0.5, 0.5], [0.5, 0.5], [1 / 6, 5 / 6]])
    seen = weighed(logged([0, 0, 0], propensities=propensities, target=target))
    assert (36 / 14, 3 / 6, 2.0) == pytest.approx((seen.effective, seen.largest_share, seen.mean))


@pytest.mark.parametrize("impossible", [0.0, 0.3])
def test_over_all_draws_the_mean_weight_has_the_mean_and_spread_that_its_interval_is_made_of(impossible):
    """A third arm, never drawn, has the part ``impossible`` of the policy."""
    world = {
        "propensities": np.column_stack([LOGGING, np.zeros(3)]),
        "target": np.column_stack([TARGET * (1 - impossible), np.full(3, impossible)]),
    }
    draws = [(chance, weighed(logged(arms, **world))) for chance, arms in every_draw(world["propensities"]) if chance]
    mean = sum(chance * seen.mean for chance, seen in draws)
    spread = np.sqrt(sum(chance * (seen.mean - mean) ** 2 for chance, seen in draws))
    assert pytest.approx(1 - impossible, abs=1e-12) == mean
    for _, seen in draws:
        assert (mean, spread) == pytest.approx(
            ((seen.low + seen.high) / 2, (seen.high - seen.low) / 2 / norm.ppf(0.9995))
        )
        assert impossible == pytest.approx(seen.uncovered, abs=1e-12)


def test_sound_logs_are_seldom_refused_and_wrong_ones_nearly_always():
    target, propensities = np.array([0.5, 0.5]), np.array([0.7, 0.3])
    refused = [
        refusal(weighed(many(1000, target=target, propensities=propensities, seed=seed)), Overlap())
        for seed in range(400)
    ]
    assert sum(map(bool, refused)) <= binom.ppf(0.999, 400, 0.002)
    wrong = many(1000, target=target, propensities=propensities, drawn=[0.55, 0.45])
    assert "arms were not drawn by the propensities" in refusal(weighed(wrong), Overlap())


def test_the_same_policy_is_never_refused_however_much_it_prefers_one_arm():
    both = np.array([0.9999, 0.0001])
    seen = weighed(many(200, target=both, propensities=both))
    assert (200, 1.0, 1.0, 1.0) == pytest.approx((seen.effective, seen.mean, seen.low, seen.high))
    assert None is refusal(seen, Overlap())


def test_a_policy_on_arms_that_were_never_drawn_is_refused():
    seen = weighed(many(1000, target=np.array([0.75, 0.0, 0.25]), propensities=np.array([0.5, 0.5, 0.0])))
    assert 0.25 == pytest.approx(seen.uncovered)
    assert "no overlap: 25.00% of the policy" in refusal(seen, Overlap())


def test_too_few_effective_units_are_refused_with_the_figures():
    seen = weighed(many(400, target=np.array([0.0, 1.0]), propensities=np.array([0.9, 0.1])))
    said = refusal(seen, Overlap())
    assert said.startswith(f"too little overlap: 400 units count as {seen.effective:.1f} of the 100")
    assert None is refusal(seen, Overlap(minimum_effective=20))


def test_one_unit_with_too_much_weight_is_refused():
    """Of 50 units that had the policy's arm with a chance of 2 %, one has got it, as was to be expected."""
    propensities, target = np.tile([0.5, 0.5], (500, 1)), np.tile([0.5, 0.5], (500, 1))
    propensities[:50], target[:50] = [0.02, 0.98], [1.0, 0.0]
    arms = np.ones(500, int)
    arms[0] = 0
    seen = weighed(logged(arms, propensities=propensities, target=target))
    assert (0.1, 1.0) == pytest.approx((seen.largest_share, seen.mean))
    assert "one unit has 10.00% of all weight, more than 5.00%" in refusal(seen, Overlap(minimum_effective=1))
    assert None is refusal(seen, Overlap(minimum_effective=1, largest_share=0.2))


def test_no_weight_at_all_counts_as_no_unit():
    seen = weighed(logged([0], propensities=LOGGING[2:], target=TARGET[2:]))
    assert (0.0, 1.0, 0.0) == (seen.effective, seen.largest_share, seen.mean)
    assert refusal(seen, Overlap())


def test_several_versions_are_one_whose_propensities_are_weighed_by_their_units():
    first, second = np.array([[[0.95, 0.05]]]), np.array([[[0.5, 0.5]]])
    mixed = balanced(np.concatenate([first, second]), np.array([3, 1]))
    assert [3 / 4 * 0.95 + 1 / 4 * 0.5, 3 / 4 * 0.05 + 1 / 4 * 0.5] == pytest.approx(list(mixed[0]))


def test_balanced_weights_are_unbiased_vary_less_and_need_only_one_version_that_could():
    """Two units under a version that never draws arm 1, two under one that does; over all draws of all four."""
    rewards, target = np.array([0.01, 0.05]), np.array([[0.3, 0.7]])
    for versions, own in ((([1.0, 0.0], [0.4, 0.6]), False), (([0.9, 0.1], [0.4, 0.6]), True)):
        propensities = np.repeat(np.array(versions), 2, axis=0)
        mixed = np.repeat(balanced(np.array(versions)[:, None, :], np.array([2, 2])), 4, axis=0)
        values = {True: [], False: []}
        for chance, arms in every_draw(propensities):
            for which, table in ((True, propensities), (False, mixed)):
                if chance and (own or not which):
                    seen = logged(arms, propensities=table, target=np.repeat(target, 4, axis=0))
                    values[which].append((chance, float(np.mean(seen.weights * rewards[list(arms)]))))
        means = {which: sum(chance * value for chance, value in rows) for which, rows in values.items() if rows}
        assert all(pytest.approx(target[0] @ rewards, rel=1e-12) == mean for mean in means.values())
        if own:
            spread = {which: sum(c * (v - means[which]) ** 2 for c, v in rows) for which, rows in values.items()}
            assert spread[False] < spread[True]


def test_what_makes_no_sense_is_refused():
    with pytest.raises(LearningError, match="whose propensity was 0"):
        logged([1], propensities=np.array([[1.0, 0.0]]), target=np.array([[0.5, 0.5]]))
    with pytest.raises(LearningError, match="row 1 of target is no distribution"):
        logged([0, 0], propensities=LOGGING[:2], target=np.array([[1.0, 0.0], [0.7, 0.7]]))
    with pytest.raises(LearningError, match="row 0 of propensities is no distribution"):
        logged([0], propensities=np.array([[1.5, -0.5]]), target=np.array([[1.0, 0.0]]))
    with pytest.raises(LearningError, match="there are arms 0 to 1"):
        logged([2], propensities=LOGGING[:1], target=TARGET[:1])
    with pytest.raises(LearningError, match="are needed"):
        logged([0, 1])
    with pytest.raises(LearningError, match="not finite"):
        logged([0, 0, 0], rewards=np.array([0.1, np.nan, 0.1]))
    with pytest.raises(LearningError, match="need counts"):
        balanced(np.ones((2, 1, 1)), np.array([1]))
    with pytest.raises(LearningError, match="count of units"):
        balanced(np.ones((2, 1, 1)), np.array([0, 0]))


def test_the_examples_in_the_documentation_hold():
    assert (0, 3) == doctest.testmod(module)
