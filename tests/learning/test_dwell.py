import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from learning.dwell import Dwell, out_of_shadow, settled, shares_of_those, worse_than_baseline
from learning.errors import LearningError
from learning.shares import integer_shares

RULE = Dwell(minimum_sessions=5, least_change=100)
OLD = [200, 300, 9500]


def after(proposed, *, in_force=OLD, sessions=10, cap=1000, dwell=RULE):
    return settled(proposed, in_force, baseline_index=2, sessions=sessions, cap=cap, dwell=dwell)


@pytest.mark.parametrize(
    ("proposed", "sessions", "taken"),
    [
        ([301, 300, 9399], 5, True),
        ([301, 300, 9399], 4, False),
        ([300, 300, 9400], 50, False),
        ([300, 200, 9500], 50, False),
        ([99, 300, 9601], 5, True),
        ([250, 350, 9400], 50, False),
        ([251, 350, 9399], 50, True),
        ([0, 300, 9700], 0, True),
        ([1, 300, 9699], 0, False),
        (OLD, 50, False),
    ],
)
def test_shares_change_when_they_move_enough_after_long_enough_or_stop_an_arm(proposed, sessions, taken):
    assert (proposed if taken else OLD) == after(proposed, sessions=sessions)


def test_what_the_guard_allows_no_longer_is_given_up_at_once():
    assert [150, 250, 9600] == after([150, 250, 9600], sessions=0, cap=499)
    assert OLD == after([150, 250, 9600], sessions=0, cap=500)


def test_an_arm_that_begins_waits_for_its_turn():
    assert [200, 0, 9800] == after([200, 300, 9500], in_force=[200, 0, 9800], sessions=4)
    assert [200, 300, 9500] == after([200, 300, 9500], in_force=[200, 0, 9800], sessions=5)


def test_without_a_rule_shares_always_follow():
    assert [201, 299, 9500] == after([201, 299, 9500], sessions=0, dwell=Dwell(minimum_sessions=0, least_change=0))


def test_shares_around_a_level_do_not_flutter_and_a_real_move_is_followed_within_the_dwell():
    """Noise of +-50 never moves 100 from where it stands; a step of 400 does, the fifth session after the last."""
    chance = np.random.default_rng(1)
    wanted = np.concatenate([500 + chance.integers(-50, 51, 200), 900 + chance.integers(-50, 51, 200)])
    shares, since, changes = [500, 9500], 0, []
    for session, want in enumerate(wanted):
        new = settled([want, 10_000 - want], shares, baseline_index=1, sessions=since, cap=1000, dwell=RULE)
        since = since + 1 if new == shares else 0
        changes += [session] if new != shares else []
        shares = new
    assert [200] == changes


@given(st.lists(st.integers(0, 300), min_size=2, max_size=6), st.data())
def test_permuted_arms_change_together(parts, data):
    moved = [max(0, part + data.draw(st.integers(-150, 150))) for part in parts]
    order = data.draw(st.permutations(range(len(parts))))
    old, new = ([*each, 10_000 - sum(each)] for each in (parts, moved))
    sessions = data.draw(st.integers(0, 9))
    options = {"baseline_index": len(parts), "sessions": sessions, "cap": 10_000, "dwell": RULE}
    there = settled(new, old, **options)
    back = settled([*(new[i] for i in order), new[-1]], [*(old[i] for i in order), old[-1]], **options)
    assert [there[i] for i in order] == back[:-1]


@pytest.mark.parametrize(
    ("proposed", "options"),
    [
        ([500, 9500], {}),
        ([200, 300, 9400], {}),
        ([-200, 700, 9500], {}),
        ([700, 700, 8600], {}),
    ],
)
def test_shares_that_do_not_fit_are_refused(proposed, options):
    with pytest.raises(LearningError, match="shares"):
        after(proposed, **options)
    with pytest.raises(LearningError, match="no arm 3"):
        settled(OLD, OLD, baseline_index=3, sessions=1, cap=500, dwell=RULE)


@pytest.mark.parametrize("wrong", [{"minimum_sessions": -1}, {"least_change": -1}])
def test_a_dwell_below_zero_is_refused(wrong):
    with pytest.raises(LearningError, match="at least 0"):
        Dwell(**{"minimum_sessions": 1, "least_change": 1} | wrong)


@given(st.floats(-0.1, 0.1), st.floats(1e-6, 0.01), st.floats(0, 0.05), st.floats(0.51, 0.999))
def test_an_arm_is_dropped_when_the_normal_tail_says_so(mean, variance, margin, probability):
    tail = stats.norm.cdf(-margin, loc=mean, scale=np.sqrt(variance))
    if abs(tail - probability) > 1e-9:
        dropped = worse_than_baseline(np.array([mean]), np.array([variance]), margin=margin, probability=probability)
        assert [tail > probability] == list(dropped)


def test_what_is_known_exactly_is_dropped_or_not():
    made = worse_than_baseline(np.array([-0.02, -0.01, 0.0]), np.zeros(3), margin=0.01, probability=0.9)
    assert [True, False, False] == list(made)


def test_a_dropped_arm_is_wrong_as_seldom_as_its_probability_says():
    """20,000 beliefs that are right: of the dropped, not worse by the margin at most 1 in 100, by the 99.9 % bound."""
    chance = np.random.default_rng(2)
    truth = chance.normal(0, 0.02, 20_000)
    seen = truth + chance.normal(0, 0.01, 20_000)
    mean, variance = seen * 0.8, np.full(20_000, 0.8 * 0.01**2)
    dropped = worse_than_baseline(mean, variance, margin=0.005, probability=0.99)
    wrong = int((truth[dropped] >= -0.005).sum())
    assert dropped.sum() > 1_000
    assert wrong <= stats.binom.ppf(0.999, int(dropped.sum()), 0.01)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mean": np.array([np.nan])},
        {"variance": np.array([-1.0])},
        {"variance": np.zeros(2)},
        {"margin": -0.1},
        {"probability": 0.5},
        {"probability": 1.0},
    ],
)
def test_a_belief_or_a_rule_that_is_none_is_refused(wrong):
    good = {"mean": np.zeros(1), "variance": np.ones(1), "margin": 0.0, "probability": 0.9}
    with pytest.raises(LearningError):
        worse_than_baseline(**good | wrong)


def test_new_arms_begin_in_shadow():
    assert [False, False, True, True] == list(out_of_shadow([0, 4, 5, 6], minimum=5))
    assert [True] == list(out_of_shadow([0], minimum=0))
    for wrong in ({"sessions_in_shadow": [-1], "minimum": 3}, {"sessions_in_shadow": [1], "minimum": -3}):
        with pytest.raises(LearningError, match="shadow"):
            out_of_shadow(**wrong)


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.data())
def test_those_that_do_not_take_part_have_nothing_and_the_others_what_they_have_among_themselves(flags, data):
    baseline = data.draw(st.integers(0, len(flags) - 1))
    flags[baseline] = True
    weights = data.draw(st.lists(st.floats(0.01, 1), min_size=sum(flags), max_size=sum(flags)))
    probabilities = np.array(weights) / sum(weights)
    made = shares_of_those(np.array(flags), probabilities, baseline_index=baseline, budget=0.2, floor=0.01)
    among = integer_shares(probabilities, baseline_index=sum(flags[:baseline]), budget=0.2, floor=0.01)
    assert among == [share for share, flag in zip(made, flags, strict=True) if flag]
    assert 0 == sum(share for share, flag in zip(made, flags, strict=True) if not flag)
    assert all(type(share) is int for share in made)


def test_a_baseline_that_does_not_take_part_or_probabilities_of_others_are_refused():
    with pytest.raises(LearningError, match="baseline"):
        shares_of_those(np.array([True, False]), [1.0], baseline_index=1, budget=0.1, floor=0.0)
    with pytest.raises(LearningError, match="2 probabilities do not fit"):
        shares_of_those(np.array([False, True]), [0.5, 0.5], baseline_index=1, budget=0.1, floor=0.0)
