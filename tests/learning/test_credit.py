import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2_contingency, f, norm, t

from learning.credit import credit, doubts
from learning.effects import arm_effects
from learning.errors import LearningError
from learning.rewards import RewardSum

FIRST, SECOND = ["a0", "a1", "a2"], ["b0", "b1"]


def drawn(
    seed, *, sessions=25, units=12, shares=((0.5, 0.3, 0.2), (0.6, 0.4)), effects=((0, 0.004, 0), (0, 0.01)), **kind
):
    """Units of (session, arm of the first, arm of the second, reward in 1e-6), arms drawn independently."""
    chance = np.random.default_rng(seed)
    place = np.repeat(np.arange(sessions), units)
    n = len(place)
    one, two = (chance.choice(len(share), size=n, p=share) for share in shares)
    market = chance.normal(0, 0.02, sessions)[place]
    noise = chance.normal(0, 0.01, n) * (1 + kind.get("noisier", 0) * (one == 1))
    reward = market + np.array(effects[0])[one] + np.array(effects[1])[two] + noise
    reward += kind.get("interaction", 0) * (one == 1) * (two == 1)
    kept = chance.random(n) < kind.get("kept", 1)
    return place[kept], one[kept], two[kept], np.rint(reward * 1e6).astype(int)[kept]


def celled(world):
    cells = [{} for _ in range(world[0].max() + 1)]
    for place, one, two, reward in zip(*(column.tolist() for column in world), strict=True):
        key = (FIRST[one], SECOND[two])
        cells[place][key] = cells[place].get(key, RewardSum()) + RewardSum(1, reward, reward * reward)
    return cells


def of(world, **options):
    return credit(celled(world), baselines=("a0", "b0"), **options)


def plain(world):
    """The first parameter's effects as if there were no second."""
    sessions = [{} for _ in range(world[0].max() + 1)]
    for place, one, _, reward in zip(*(column.tolist() for column in world), strict=True):
        name = FIRST[one]
        sessions[place][name] = sessions[place].get(name, RewardSum()) + RewardSum(1, reward, reward * reward)
    return arm_effects(sessions, baseline="a0", arms=[FIRST[one] for one in np.unique(world[1]) if one]).estimates


def regression(world, *, crossed=False):
    """Unit-level least squares with a dummy for each session and arm: coefficients, residuals, design, rank."""
    place, one, two, reward = world
    first = (one[:, None] == np.arange(1, 3)).astype(float)
    second = (two[:, None] == 1).astype(float)
    parts = [first, second, *([first * second] if crossed else []), (place[:, None] == np.unique(place)).astype(float)]
    design = np.hstack(parts)
    fitted, _, rank, _ = np.linalg.lstsq(design, reward / 1e6, rcond=None)
    return fitted, reward / 1e6 - design @ fitted, design, rank


@pytest.mark.parametrize("seed", range(5))
def test_differences_and_their_errors_are_those_of_a_regression_on_units(seed):
    world = drawn(seed, noisier=2, kept=0.4)
    fitted, residuals, design, rank = regression(world)
    bread = np.linalg.inv(design.T @ design)
    leverage = np.einsum("ij,jk,ik->i", design, bread, design)
    meat = design.T @ (((residuals**2 / (1 - leverage))[:, None]) * design)
    errors = np.sqrt(np.diag(bread @ meat @ bread))[:3]
    half = t.ppf(0.95, len(residuals) - rank) * errors
    made = of(world, confidence=0.9)
    found = [made.first["a1"], made.first["a2"], made.second["b1"]]
    assert list(fitted[:3]) == pytest.approx([one.value for one in found], abs=1e-12, rel=1e-9)
    assert list(errors) == pytest.approx([one.standard_error for one in found], rel=1e-9)
    assert list(fitted[:3] - half) == pytest.approx([one.low for one in found], rel=1e-9)
    assert list(fitted[:3] + half) == pytest.approx([one.high for one in found], rel=1e-9)
    assert (len(residuals), len(np.unique(world[0])), None) == (made.units, made.sessions, made.reason)


@pytest.mark.parametrize("seed", range(5))
def test_the_interaction_is_judged_by_the_f_test_of_two_regressions(seed):
    world = drawn(seed, interaction=0.005, kept=0.4)
    (_, less, _, small), (_, more, _, large) = regression(world), regression(world, crossed=True)
    freedom = len(more) - large
    statistic = (less @ less - more @ more) / (large - small) / (more @ more / freedom)
    found = of(world).interaction
    assert (large - small, freedom) == (found.numerator, found.denominator)
    assert statistic == pytest.approx(found.f, rel=1e-9)
    assert f.sf(statistic, large - small, freedom) == pytest.approx(found.p_value, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_in_one_session_independence_is_pearsons_chi_square_but_for_one_unit(seed):
    world = drawn(seed, sessions=1, units=200)
    counts = np.zeros((3, 2))
    np.add.at(counts, (world[1], world[2]), 1)
    pearson = chi2_contingency(counts, correction=False)
    found = of(world).independence
    assert pearson.statistic * 199 / 200 == pytest.approx(found.chi_square, rel=1e-9)
    assert 2 == found.freedom == pearson.dof


def test_over_sessions_of_two_by_two_independence_is_the_mantel_haenszel_test():
    world = drawn(3, shares=((0.5, 0.5, 0), (0.6, 0.4)), kept=0.15)
    assert {0, 1, 2} < set(np.bincount(world[0], minlength=25).tolist())
    above, below = 0.0, 0.0
    for session in range(25):
        here = world[0] == session
        if here.sum() < 2:
            continue
        n, one, two = here.sum(), (world[1][here] == 1).sum(), (world[2][here] == 1).sum()
        above += (here & (world[1] == 1) & (world[2] == 1)).sum() - one * two / n
        below += one * (n - one) * two * (n - two) / (n**2 * (n - 1))
    found = of(world).independence
    assert (above**2 / below, 1) == pytest.approx((found.chi_square, found.freedom), rel=1e-9)


def test_a_real_effect_of_the_other_biases_neither_estimate_and_the_adjusted_one_varies_less():
    """250 worlds: means within 3.29 of their errors; variances in the ratio 1 + share (1 - share) effect^2 / noise^2,
    within the 99.9 % bounds of F with 249 and 249 degrees of freedom."""
    runs, adjusted, alone = 250, [], []
    for seed in range(runs):
        world = drawn(seed, sessions=15, shares=((0.6, 0.4, 0), (0.5, 0.5)), effects=((0, 0.004, 0), (0, 0.03)))
        adjusted.append(of(world).first["a1"].value)
        alone.append(plain(world)["a1"])
    for values in (adjusted, alone):
        assert 0.004 == pytest.approx(np.mean(values), abs=norm.ppf(0.9995) * np.std(values) / np.sqrt(runs))
    expected, bound = 1 + 0.25 * 0.03**2 / 0.01**2, f.ppf(0.9995, runs - 1, runs - 1)
    assert expected / bound < np.var(alone) / np.var(adjusted) < expected * bound


def test_intervals_cover_the_true_difference_though_one_arm_is_three_times_as_noisy():
    runs, covered = 250, 0
    for seed in range(runs):
        found = of(drawn(seed, sessions=15, shares=((0.8, 0.2, 0), (0.5, 0.5)), noisier=2)).first["a1"]
        covered += found.low <= 0.004 <= found.high
    assert binom.ppf(0.0005, runs, 0.95) <= covered <= binom.ppf(0.9995, runs, 0.95)


def test_both_tests_raise_as_few_false_alarms_as_they_say():
    runs, alarms = 250, {"interaction": 0, "independence": 0}
    for seed in range(runs):
        made = of(drawn(seed, sessions=10))
        for name in alarms:
            alarms[name] += getattr(made, name).p_value < 0.05
    assert all(binom.ppf(0.0005, runs, 0.05) <= count <= binom.ppf(0.9995, runs, 0.05) for count in alarms.values())


def test_an_interaction_is_reported_and_said():
    made = of(drawn(1, sessions=40, interaction=0.02))
    assert made.interaction.p_value < 1e-6
    assert any("depends on the other (F(2, " in said for said in doubts(made))
    assert [] == doubts(of(drawn(1, sessions=40)))


def test_assignments_that_are_tied_are_reported_and_shares_that_move_between_sessions_are_not():
    place, one, two, reward = drawn(2, shares=((0.5, 0.5, 0), (0.5, 0.5)))
    tied = np.where(np.random.default_rng(2).random(len(one)) < 0.5, one, two)
    made = of((place, one, tied, reward))
    assert made.independence.p_value < 1e-6
    assert any("not independent" in said for said in doubts(made))
    shares = np.where(place < 12, 0.1, 0.9)
    chance = np.random.default_rng(3)
    moving = (place, (chance.random(300) < shares).astype(int), (chance.random(300) < shares).astype(int), reward)
    counts = np.zeros((2, 2))
    np.add.at(counts, (moving[1], moving[2]), 1)
    assert chi2_contingency(counts).pvalue < 1e-6
    assert of(moving).independence.p_value > 0.01


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(-50_000, 50_000))
def test_neither_order_nor_names_nor_what_moves_a_session_matters_and_exchange_exchanges(seed, shift):
    world = drawn(seed, sessions=8)
    base = of(world)
    order = np.random.default_rng(seed).permutation(len(world[0]))
    place, one, two, reward = (column[order] for column in world)
    moved = of((7 - place, one, two, reward + shift * (place % 3)))
    swapped = credit(
        [{(b, a): sums for (a, b), sums in cells.items()} for cells in celled(world)], baselines=("b0", "a0")
    )
    negated = of((*world[:3], -world[3]))
    for name, found in base.first.items():
        for other in (moved.first[name], swapped.second[name]):
            assert (found.value, found.standard_error) == pytest.approx(
                (other.value, other.standard_error), rel=1e-7, abs=1e-12
            )
        assert (found.value, found.low) == pytest.approx(
            (-negated.first[name].value, -negated.first[name].high), abs=1e-12
        )
    assert base.interaction.f == pytest.approx(swapped.interaction.f, rel=1e-7)
    assert base.independence.chi_square == pytest.approx(moved.independence.chi_square, rel=1e-9)
    assert base.independence.chi_square == pytest.approx(swapped.independence.chi_square, rel=1e-9)


def summed(*values):
    return RewardSum(len(values), sum(values), sum(value * value for value in values))


def test_arms_that_only_come_together_cannot_be_told_apart():
    tied = [{("a0", "b0"): summed(1, 2, 5), ("a1", "b1"): summed(4, 4, 6)}] * 5
    made = credit(tied, baselines=("a0", "b0"))
    assert ({}, {}, None) == (made.first, made.second, made.interaction)
    assert "cannot be told apart" in made.reason
    assert made.reason in doubts(made)


def test_without_a_baseline_or_a_unit_there_is_a_reason():
    assert "baseline 'x' has had no unit" in credit(celled(drawn(1)), baselines=("x", "b0")).reason
    assert "baseline 'y' has had no unit" in credit(celled(drawn(1)), baselines=("a0", "y")).reason
    nothing = credit([], baselines=("a0", "b0"))
    assert (0, 0, None) == (nothing.units, nothing.sessions, nothing.independence)
    assert nothing.reason


def test_a_parameter_without_a_second_arm_leaves_the_other_as_it_is():
    world = drawn(4, shares=((0.5, 0.3, 0.2), (1.0, 0.0)))
    made = of(world)
    assert ({}, None, None) == (made.second, made.interaction, made.independence)
    assert plain(world) == pytest.approx({name: one.value for name, one in made.first.items()}, rel=1e-9)


def test_before_there_is_a_repeat_there_is_a_difference_without_an_error():
    made = credit([{("a0", "b0"): summed(10), ("a1", "b0"): summed(30)}], baselines=("a0", "b0"))
    assert 20e-6 == pytest.approx(made.first["a1"].value)
    assert (None, None, None) == (made.first["a1"].standard_error, made.first["a1"].low, made.first["a1"].high)


def test_a_single_unit_of_an_arm_counts_as_noisy_as_all_units():
    cells = [{("a0", "b0"): summed(0, 20, 40), ("a1", "b0"): summed(100)}]
    found = credit(cells, baselines=("a0", "b0")).first["a1"]
    assert np.sqrt(400 * (1 + 1 / 3)) * 1e-6 == pytest.approx(found.standard_error, rel=1e-9)


def test_cells_without_units_are_as_if_they_were_not_there():
    cells = celled(drawn(5))
    assert credit(cells, baselines=("a0", "b0")) == credit(
        [*({**session, ("a9", "b0"): RewardSum()} for session in cells), {("a0", "b0"): RewardSum()}, {}],
        baselines=("a0", "b0"),
    )


def test_what_makes_no_sense_is_refused():
    with pytest.raises(LearningError, match="negative count"):
        credit([{("a0", "b0"): RewardSum(-1, 0, 0)}], baselines=("a0", "b0"))
    with pytest.raises(LearningError, match="confidence"):
        credit([], baselines=("a0", "b0"), confidence=1.0)


def test_refuses_sums_that_no_rewards_have():
    session = {("a", "b"): RewardSum(2, 100_000, 0), ("c", "b"): RewardSum(2, 100, 5_000)}
    with pytest.raises(LearningError, match="too much taken back"):
        credit([session], baselines=("a", "b"))
