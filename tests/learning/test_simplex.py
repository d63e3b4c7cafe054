import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from learning import simplex as module
from learning.errors import LearningError
from learning.simplex import daily_bounds, project


def problem(chance, k):
    """(values, lower, upper, total) that some point fits."""
    lower = chance.uniform(-0.3, 0.3, size=k)
    upper = lower + chance.uniform(0, 0.8, size=k)
    return chance.normal(0.2, 1.0, size=k), lower, upper, float((lower + chance.random(k) * (upper - lower)).sum())


def solved(values, lower, upper, total):
    """SLSQP, to 1e-15 of the squared distance."""
    return minimize(
        lambda w: ((w - values) ** 2).sum(),
        np.clip(values, lower, upper),
        jac=lambda w: 2 * (w - values),
        bounds=list(zip(lower, upper, strict=True)),
        constraints={"type": "eq", "fun": lambda w: w.sum() - total, "jac": np.ones_like},
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 500},
    ).x


@st.composite
def problems(draw):
    return problem(np.random.default_rng(draw(st.integers(0, 2**32))), draw(st.integers(1, 12)))


def test_it_is_what_slsqp_finds():
    chance = np.random.default_rng(1)
    for _ in range(100):
        values, lower, upper, total = problem(chance, int(chance.integers(1, 9)))
        found = project(values, lower=lower, upper=upper, total=total)
        np.testing.assert_allclose(found, solved(values, lower, upper, total), atol=2e-7)


@given(problems())
def test_bounds_hold_exactly_and_the_sum_to_the_last_step(one):
    values, lower, upper, total = one
    found = project(values, lower=lower, upper=upper, total=total)
    assert (found >= lower).all()
    assert (found <= upper).all()
    assert total == pytest.approx(found.sum(), abs=1e-14 * len(values), rel=0)


@given(problems())
def test_no_other_point_that_fits_is_nearer(one):
    """(v - p)(q - p) <= 0 for every q that fits: what characterises a projection on a convex set."""
    values, lower, upper, total = one
    found = project(values, lower=lower, upper=upper, total=total)
    chance = np.random.default_rng(0)
    others = project(chance.normal(size=(20, len(values))), lower=lower, upper=upper, total=total)
    assert ((others - found) @ (values - found)).max() <= 1e-12


@given(problems())
def test_projecting_again_changes_no_bit(one):
    values, lower, upper, total = one
    once = project(values, lower=lower, upper=upper, total=total)
    np.testing.assert_array_equal(once, project(once, lower=lower, upper=upper, total=total))


@given(problems(), st.randoms(use_true_random=False))
def test_permuting_a_row_permutes_its_answer_to_the_last_bit(one, shuffler):
    values, lower, upper, total = one
    order = list(range(len(values)))
    shuffler.shuffle(order)
    found = project(values, lower=lower, upper=upper, total=total)
    np.testing.assert_array_equal(
        found[order], project(values[order], lower=lower[order], upper=upper[order], total=total)
    )


def test_rows_are_projected_as_each_would_be_alone():
    chance = np.random.default_rng(2)
    rows = chance.normal(size=(4, 5, 6))
    found = project(rows, lower=0.02, upper=0.5, total=1.0)
    for place in np.ndindex(4, 5):
        np.testing.assert_array_equal(found[place], project(rows[place], lower=0.02, upper=0.5, total=1.0))


def test_without_any_slack_the_only_point_comes_back():
    only, values = np.array([0.125, 0.25, 0.625]), np.array([5.0, -3, 0])
    np.testing.assert_array_equal(only, project(values, lower=only, upper=1.0, total=1.0))
    np.testing.assert_array_equal(only, project(values, lower=0.0, upper=only, total=1.0))


def test_a_daily_budget_is_never_passed_and_clip_then_normalise_would_pass_it():
    chance = np.random.default_rng(3)
    broken = 0
    weights = np.full(6, 1 / 6)
    for _ in range(500):
        wanted = weights + chance.normal(0, 0.1, size=6)
        lower, upper = daily_bounds(weights, lower=0.02, upper=0.6, cap=0.05)
        naive = np.clip(wanted, lower, upper)
        broken += np.abs(naive / naive.sum() - weights).max() > 0.05
        new = project(wanted, lower=lower, upper=upper, total=1.0)
        assert np.abs(new - weights).max() <= 0.05
        assert (new.min() >= 0.02, new.max() <= 0.6) == (True, True)
        weights = new
    assert broken > 100


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"total": 3.5}, r"sums to 3.5: row 0 can sum to 0.0 ... 3.0"),
        ({"total": -0.1}, "sums to -0.1"),
        ({"lower": np.array([0.0, 2.0, 0.0])}, r"value 1 .* 2.0 to 1.0"),
        ({"values": np.array([0.0, np.nan, 0.0])}, "finite"),
        ({"total": np.inf}, "finite"),
        ({"upper": np.inf}, "finite"),
        ({"values": np.empty((2, 0))}, "at least one number"),
    ],
)
def test_what_no_point_can_satisfy_is_refused(wrong, said):
    right = {"values": np.zeros(3), "lower": 0.0, "upper": 1.0, "total": 1.0}
    project(**right)
    with pytest.raises(LearningError, match=said):
        project(**right | wrong)


@pytest.mark.parametrize("cap", [0.0, -0.1, np.nan, np.inf])
def test_a_budget_that_is_not_positive_is_refused(cap):
    with pytest.raises(LearningError, match="largest change"):
        daily_bounds(np.ones(2), lower=0.0, upper=1.0, cap=cap)


def test_the_example_in_the_documentation_holds():
    assert (0, 1) <= doctest.testmod(module) < (1, 0)
