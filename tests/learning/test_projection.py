import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from learning.errors import LearningError
from learning.projection import project


@st.composite
def problems(draw):
    d = draw(st.integers(1, 8))
    numbers = st.floats(-3, 3)
    values = np.array(draw(st.lists(numbers, min_size=d, max_size=d)))
    low = np.array(draw(st.lists(numbers, min_size=d, max_size=d)))
    high = low + np.array(draw(st.lists(st.floats(0, 2), min_size=d, max_size=d)))
    part = draw(st.floats(0, 1))
    return values, low, high, float(part * low.sum() + (1 - part) * high.sum())


@given(problems())
def test_bounds_are_kept_to_the_last_bit_and_the_sum_to_rounding(problem):
    values, low, high, total = problem
    found = project(values, low=low, high=high, total=total)
    assert np.all((low <= found) & (found <= high))
    assert total == pytest.approx(found.sum(), abs=1e-13 * (1 + abs(low).sum() + abs(high).sum()))


@given(problems())
def test_what_is_free_moved_by_the_same_shift_and_what_is_not_would_have_gone_further(problem):
    values, low, high, total = problem
    found = project(values, low=low, high=high, total=total)
    moved = values - found
    for place in range(len(values)):
        for other in range(len(values)):
            if found[place] < high[place] - 1e-9 and found[other] > low[other] + 1e-9:
                assert moved[place] <= moved[other] + 1e-9


@pytest.mark.parametrize("seed", range(25))
def test_is_the_minimum_that_slsqp_finds(seed):
    generator = np.random.default_rng(seed)
    d = int(generator.integers(2, 9))
    low = generator.uniform(0, 1 / d, d)
    high = low + generator.uniform(0.5 / d, 2 / d, d)
    values = generator.normal(1 / d, 0.5, d)
    total = float(low.sum() + 0.6 * (high - low).sum())
    oracle = minimize(
        lambda w: ((w - values) ** 2).sum(),
        low + 0.6 * (high - low),
        jac=lambda w: 2 * (w - values),
        bounds=[*zip(low, high, strict=True)],
        constraints={"type": "eq", "fun": lambda w: w.sum() - total, "jac": lambda w: np.ones(d)},
        method="SLSQP",
        options={"ftol": 1e-16, "maxiter": 500},
    )
    assert oracle.x == pytest.approx(project(values, low=low, high=high, total=total), abs=1e-7)


@given(problems(), st.randoms())
def test_rows_do_not_know_each_other_and_the_order_does_not_matter(problem, random):
    values, low, high, total = problem
    order = list(range(len(values)))
    random.shuffle(order)
    alone = project(values, low=low, high=high, total=total)
    together = project(np.stack([values, values]), low=low, high=high, total=total)
    permuted = project(values[order], low=low[order], high=high[order], total=total)
    assert alone.tolist() == together[0].tolist() == together[1].tolist()
    assert alone[order] == pytest.approx(permuted, abs=1e-12)


@given(problems())
def test_what_is_feasible_stays(problem):
    values, low, high, total = problem
    once = project(values, low=low, high=high, total=total)
    assert once == pytest.approx(project(once, low=low, high=high, total=total), abs=1e-12)


def test_a_change_budget_is_never_broken_where_clipping_and_normalising_breaks_it():
    old, cap = np.full(6, 1 / 6), 0.05
    wanted = np.random.default_rng(1).dirichlet(np.ones(6), 5000)
    found = project(wanted, low=old - cap, high=old + cap, total=1)
    clipped = np.clip(wanted, old - cap, old + cap)
    assert abs(found - old).max() <= cap + 1e-15
    assert (abs(clipped / clipped.sum(axis=1, keepdims=True) - old).max(axis=1) > cap + 1e-12).mean() > 0.9


@pytest.mark.parametrize(
    ("low", "high", "total", "said"),
    [
        ([0.2, 0.2], [0.3, 0.4], 1.0, "0.4 at least, 0.7 at most"),
        ([0.6, 0.6], [0.9, 0.9], 1.0, "1.2 at least"),
        ([0.6, 0.6], [0.9, 0.5], 1.2, "value 1 has no room"),
        ([0.1, np.nan], [0.9, 0.5], 1.0, "finite"),
        ([0.1, 0.1], [0.9, 0.5], np.inf, "finite"),
    ],
)
def test_what_has_no_answer_is_refused_with_its_figures(low, high, total, said):
    with pytest.raises(LearningError, match=said):
        project([0.5, 0.5], low=low, high=high, total=total)
