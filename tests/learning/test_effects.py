import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.effects import BORROWED, arm_effects
from learning.errors import LearningError
from learning.rewards import RewardSum

ARMS = ["a", "b", "c"]


def summed(values):
    counts = np.rint(np.asarray(values) * 1e6).astype(int)
    return RewardSum(len(counts), int(counts.sum()), int((counts**2).sum()))


def drawn(seed, *, sessions=25, names=("base", *ARMS), spread=None, most=6):
    """Rewards by session and arm; some arms are missing in some sessions, the market drifts."""
    chance = np.random.default_rng(seed)
    market = np.cumsum(chance.normal(0, 0.02, size=sessions))
    spread = spread or dict.fromkeys(names, 0.01)
    return [
        {
            name: (level + chance.normal(0.002 * place, spread[name], size=chance.integers(0, most))).round(6)
            for place, name in enumerate(names)
        }
        for level in market
    ]


def effects_of(raw, **options):
    sessions = [{name: summed(values) for name, values in session.items() if len(values)} for session in raw]
    return arm_effects(sessions, baseline="base", arms=options.pop("arms", ARMS), **options)


def regression(raw, *, weights, names=("base", *ARMS)):
    """Unit-level least squares with a dummy for every session: the textbook way to the same numbers."""
    kept = [(s, w) for s, w in zip(raw, weights, strict=True) if sum(len(s[name]) > 0 for name in names) > 1]
    rows, rewards, age, arm = [], [], [], []
    for place, (session, weight) in enumerate(kept):
        for number, name in enumerate(names):
            for reward in session[name]:
                rows.append([*(number == other for other in range(1, len(names))), *np.eye(len(kept))[place]])
                rewards.append(reward)
                age.append(weight)
                arm.append(number)
    design, rewards, age, arm = np.array(rows, float), np.array(rewards), np.array(age), np.array(arm)
    squares, freedom = np.zeros(len(names)), np.zeros(len(names))
    for session, weight in kept:
        for number, name in enumerate(names):
            if len(session[name]):
                squares[number] += weight * np.sum((session[name] - session[name].mean()) ** 2)
                freedom[number] += weight * (len(session[name]) - 1)
    pooled = squares.sum() / freedom.sum()
    variance = ((squares + BORROWED * pooled) / (freedom + BORROWED))[arm]
    bread = np.linalg.inv(design.T @ (age[:, None] * design))
    covariance = bread @ (design.T @ ((age**2 * variance)[:, None] * design)) @ bread
    k = len(names) - 1
    return (bread @ design.T @ (age * rewards))[:k], covariance[:k, :k], np.sqrt(pooled)


@pytest.mark.parametrize("seed", range(5))
def test_differences_and_their_covariance_are_those_of_a_regression_with_session_dummies(seed):
    raw = drawn(seed, spread={"base": 0.01, "a": 0.03, "b": 0.01, "c": 0.005})
    weights = np.random.default_rng(seed).uniform(0.2, 1, size=len(raw))
    estimates, covariance, sigma = regression(raw, weights=weights)
    effects = effects_of(raw, weights=list(weights))
    assert np.allclose(estimates, list(effects.estimates.values()), rtol=1e-9)
    assert np.allclose(covariance, effects.covariance, rtol=1e-9)
    assert np.isclose(sigma, effects.sigma, rtol=1e-12)


def test_two_arms_are_pooled_by_the_weights_of_their_session_differences():
    raw = drawn(3, names=("base", "a"))
    differences, weights = [], []
    for session in raw:
        base, arm = session["base"], session["a"]
        if len(base) and len(arm):
            differences.append(arm.mean() - base.mean())
            weights.append(len(arm) * len(base) / (len(arm) + len(base)))
    effects = effects_of(raw, arms=["a"])
    assert np.isclose(np.average(differences, weights=weights), effects.estimates["a"], rtol=1e-9)
    assert np.isclose(sum(weights), effects.information[0, 0])
    assert len(weights) == effects.sessions["a"]


def test_with_equal_noise_the_covariance_is_sigma_squared_by_the_inverse_information():
    effects = effects_of(drawn(4, sessions=4000, most=12))
    plain = effects.sigma**2 * np.linalg.inv(effects.information)
    assert np.allclose(plain, effects.covariance, rtol=0.03)


def test_the_standard_error_is_the_spread_of_the_estimate_over_many_worlds_even_when_arms_differ_in_noise():
    chance = np.random.default_rng(2)
    worlds = [
        [{"base": chance.normal(0, 0.01, 24), "a": chance.normal(0, 0.04, 6)} for _ in range(30)] for _ in range(400)
    ]
    effects = [effects_of(world, arms=["a"]) for world in worlds]
    errors = [each.estimates["a"] / np.sqrt(each.covariance[0, 0]) for each in effects]
    assert np.std(errors) == pytest.approx(1, abs=0.1)
    plain = [each.estimates["a"] * np.sqrt(each.information[0, 0]) / each.sigma for each in effects]
    assert np.std(plain) > 1.5


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(-40_000, 40_000), min_size=25, max_size=25))
def test_what_moves_a_whole_session_moves_no_difference(seed, shifts):
    raw = drawn(seed)
    moved = [
        {name: values + shift * 1e-6 for name, values in session.items()}
        for session, shift in zip(raw, shifts, strict=True)
    ]
    assert np.allclose(effects_of(raw).scores, effects_of(moved).scores, rtol=0, atol=1e-9)


def test_how_arms_are_listed_does_not_matter():
    raw = drawn(5)
    there, back = effects_of(raw), effects_of(raw, arms=ARMS[::-1])
    assert there.estimates == pytest.approx(back.estimates)
    assert np.allclose(there.covariance, back.covariance[::-1, ::-1])


def test_a_session_in_which_arms_did_not_meet_contributes_nothing():
    raw = drawn(6)
    alone = {"base": np.array([]), "a": np.array([0.5, -0.4, 0.3]), "b": np.array([]), "c": np.array([])}
    with_it, without = effects_of([*raw, alone]), effects_of(raw)
    assert without.estimates == with_it.estimates
    assert without.sigma == with_it.sigma
    assert without.n == with_it.n
    assert without.effective == pytest.approx(with_it.effective)


def test_arms_that_nobody_asked_for_are_left_out():
    raw = drawn(7)
    pair = [{name: session[name] for name in ("base", "a")} for session in raw]
    assert effects_of(pair, arms=["a"]).estimates == effects_of(raw, arms=["a"]).estimates


def test_before_the_first_session_nothing_is_claimed():
    effects = effects_of([])
    assert {} == effects.estimates
    assert effects.covariance is None
    assert effects.sigma is None
    assert {"base": 0, "a": 0, "b": 0, "c": 0} == effects.n
    assert {"a": 0, "b": 0, "c": 0} == effects.sessions


def test_single_units_give_a_difference_but_no_error_for_it():
    effects = effects_of([{"base": [0.01], "a": [0.03]}], arms=["a"])
    assert {"a": pytest.approx(0.02)} == effects.estimates
    assert effects.covariance is None


def test_an_arm_that_never_met_the_baseline_is_known_only_through_one_that_did():
    chain = [{"base": [0.0, 0.002], "a": [0.01, 0.012]}, {"a": [0.5], "b": [0.53]}]
    assert {"a": pytest.approx(0.01), "b": pytest.approx(0.04)} == effects_of(chain, arms=["a", "b"]).estimates
    torn = [chain[0], {"b": [0.5], "c": [0.53]}]
    assert {"a": pytest.approx(0.01)} == effects_of(torn, arms=["a", "b", "c"]).estimates
    assert (1, 1) == effects_of(torn, arms=["a", "b", "c"]).covariance.shape


def test_units_count_as_much_as_the_comparison_lets_them():
    even = [{"base": [0.0, 0.1], "a": [0.2, 0.1]}] * 10
    assert {"base": 20, "a": 20} == effects_of(even, arms=["a"]).n
    assert {"base": pytest.approx(20), "a": pytest.approx(20)} == effects_of(even, arms=["a"]).effective
    faded = effects_of(even, arms=["a"], weights=[0.5**age for age in range(10)]).effective
    assert faded["a"] == pytest.approx(2 * (2 - 0.5**9) ** 2 / ((1 - 0.25**10) / 0.75))


def test_units_with_hardly_anything_to_compare_with_count_little():
    uneven = [{"base": [0.0] * 9, "a": [0.1]}, {"base": [0.0], "a": [0.1] * 9}]
    assert (0.9 + 9 * 0.1) ** 2 / (0.9**2 + 9 * 0.1**2) == pytest.approx(effects_of(uneven, arms=["a"]).effective["a"])


def test_a_faded_session_counts_less():
    old, new = {"base": [0.0, 0.0], "a": [0.1, 0.1]}, {"base": [0.0, 0.0], "a": [0.3, 0.3]}
    assert 0.2 == pytest.approx(effects_of([old, new], arms=["a"]).estimates["a"])
    assert 0.25 == pytest.approx(effects_of([old, new], arms=["a"], weights=[1 / 3, 1]).estimates["a"])


def test_what_makes_no_sense_is_refused():
    session = {"base": RewardSum(1, 0, 0), "a": RewardSum(1, 0, 0)}
    with pytest.raises(LearningError, match="named once"):
        arm_effects([session], baseline="base", arms=["a", "base"])
    with pytest.raises(LearningError, match="1 positive weights"):
        arm_effects([session], baseline="base", arms=["a"], weights=[float("nan")])
    with pytest.raises(LearningError, match="1 positive weights"):
        arm_effects([session], baseline="base", arms=["a"], weights=[1.0, 1.0])
    with pytest.raises(LearningError, match="negative count"):
        arm_effects([session | {"a": RewardSum(-1, 0, 0)}], baseline="base", arms=["a"])


def test_refuses_sums_that_no_rewards_have():
    session = {"old": RewardSum(2, 100_000, 0), "new": RewardSum(2, 100, 5_000)}
    with pytest.raises(LearningError, match="too much taken back"):
        arm_effects([session], baseline="old", arms=["new"])
