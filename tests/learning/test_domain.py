from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.domain import Domain, Group, NoRoom, Parameter, Region
from learning.errors import LearningError

MIXED = Domain(
    (
        Parameter(name="level", low=-1.0, high=2.5, change=0.3),
        Parameter(name="days", low=1, high=20, integer=True, change=3),
        Parameter(name="threshold", low=0.1, high=0.9, step=0.05, change=0.1),
        Parameter(name="rate", low=1e-4, high=1.0, log=True, change=0.02),
    )
)
WEIGHTS = Domain(
    tuple(Parameter(name=f"w{place}", low=0.05, high=0.4, change=0.05) for place in range(6)),
    (Group(tuple(f"w{place}" for place in range(6))),),
)


def exact(number):
    return Decimal(repr(float(number)))


def holds(domain, values, incumbent):
    """Whether values are feasible, in decimals."""
    assert domain.names == tuple(values)
    for parameter in domain.parameters:
        value = exact(values[parameter.name])
        assert exact(parameter.low) <= value <= exact(parameter.high)
        if parameter.integer:
            assert isinstance(values[parameter.name], int)
        if parameter.step is not None:
            assert 0 == (value - exact(parameter.low)) % exact(parameter.step)
        if incumbent is not None and parameter.change is not None:
            assert abs(value - exact(incumbent[parameter.name])) <= exact(parameter.change)
    for group in domain.groups:
        assert exact(group.total) == sum(exact(values[name]) for name in group.names)


def randomly(seed, d, n=50):
    """Points in and around the cube."""
    return np.random.default_rng(seed).uniform(-0.3, 1.3, (n, d))


@st.composite
def domains(draw):
    """Any domain of one group and some parameters beside it, with an incumbent of it."""
    step = draw(st.sampled_from([None, 0.01, 0.05, 0.1]))
    k = draw(st.integers(2, 6))
    lows = [draw(st.integers(0, 10)) / 10 / k for _ in range(k)] if step is None else [0.0] * k
    lows = [round(low, 3) for low in lows]
    change = draw(st.sampled_from([None, 0.05, 0.1, 0.2]))
    members = tuple(
        Parameter(name=f"w{place}", low=low, high=1.0, step=step, change=change) for place, low in enumerate(lows)
    )
    integer = Parameter(name="n", low=draw(st.integers(-5, 5)), high=draw(st.integers(6, 40)), integer=True, change=4)
    span = draw(st.floats(0.01, 1000))
    free = Parameter(name="x", low=-span, high=draw(st.floats(1e-3, 1e4)), change=draw(st.floats(span / 5, span)))
    ratio = Parameter(name="r", low=draw(st.floats(1e-6, 1)), high=draw(st.floats(2, 1e3)), log=True)
    return Domain((*members, integer, free, ratio), (Group(tuple(member.name for member in members)),))


@settings(max_examples=40, deadline=None)
@given(domains(), st.integers(0, 2**32 - 1))
def test_every_point_that_leaves_is_feasible_exactly_step_after_step(domain, seed):
    d = len(domain.parameters)
    incumbent = None
    for turn in range(4):
        region = Region.of(domain, incumbent)
        steps = region.snap(randomly([seed, turn], d, n=8))
        for row in steps:
            holds(domain, region.values(row), incumbent)
        incumbent = region.values(steps[0])


@settings(max_examples=30, deadline=None)
@given(domains(), st.integers(0, 2**32 - 1))
def test_to_the_cube_and_back_is_the_identity_on_what_is_feasible(domain, seed):
    region = Region.of(domain, None)
    steps = region.snap(randomly(seed, len(domain.parameters)))
    assert steps.tolist() == region.snap(region.points(steps)).tolist()
    for row, point in zip(steps, region.points(steps), strict=True):
        assert domain.point(region.values(row)) == pytest.approx(point, abs=1e-12)
        assert np.all((point >= -1e-9) & (point <= 1 + 1e-9))


@pytest.mark.parametrize("seed", range(5))
def test_snapping_a_group_gives_the_nearest_feasible_point_of_all(seed):
    parameters = tuple(Parameter(name=name, low=0.0, high=0.6, step=0.1) for name in "abc")
    domain = Domain(parameters, (Group(("a", "b", "c")),))
    region = Region.of(domain, None)
    every = np.array([(i, j, 10 - i - j) for i in range(7) for j in range(7) if 0 <= 10 - i - j <= 6])
    for point in randomly(seed, 3, n=20):
        found = region.snap(point[None])[0]
        apart = ((region.points(every) - point) ** 2).sum(axis=1)
        assert apart.min() == pytest.approx(((region.points(found[None])[0] - point) ** 2).sum(), abs=1e-12)


def test_the_trust_region_is_the_budget_within_the_bounds():
    incumbent = {"level": 2.4, "days": 2, "threshold": 0.5, "rate": 0.01}
    region = Region.of(MIXED, incumbent)
    low, high = region.values(region.least), region.values(region.most)
    assert {"level": 2.1, "days": 1, "threshold": 0.4, "rate": 0.0001} == low
    assert {"level": 2.5, "days": 5, "threshold": 0.6, "rate": 0.03} == high


def test_logs_are_measured_in_ratios():
    assert [0.5] == pytest.approx([MIXED.point({"level": 0, "days": 1, "threshold": 0.1, "rate": 0.01})[3]])


def test_projected_points_lie_between_the_corners_and_sum_to_the_total():
    incumbent = dict(zip(WEIGHTS.names, [0.2, 0.2, 0.2, 0.2, 0.1, 0.1], strict=True))
    region = Region.of(WEIGHTS, incumbent)
    points = region.project(randomly(1, 6))
    weights = 0.05 + 0.35 * points
    assert np.all((region.low <= points) & (points <= region.high))
    assert np.ones(50) == pytest.approx(weights.sum(axis=1), abs=1e-12)
    assert abs(weights - [*incumbent.values()]).max() <= 0.05 + 1e-12


def test_gradients_lose_what_leads_out_of_the_plane_of_a_group_and_nothing_else():
    region = Region.of(WEIGHTS, None)
    pull = np.random.default_rng(5).normal(size=(7, 6))
    found = region.along(pull)
    assert np.zeros(7) == pytest.approx(found.sum(axis=1), abs=1e-12)
    assert np.ptp(pull - found, axis=1) == pytest.approx(np.zeros(7), abs=1e-12)
    assert np.all(pull[:, :4] == Region.of(MIXED, None).along(pull[:, :4]))


def test_a_budget_that_leaves_no_step_says_so_with_its_figures():
    domain = Domain((Parameter(name="t", low=0.0, high=1.0, step=0.25, change=0.1),))
    with pytest.raises(NoRoom, match=r"t has no value between 0\.28 and 0\.48 on steps of 0\.25"):
        Region.of(domain, {"t": 0.38})


def test_a_total_out_of_reach_says_so_with_its_figures():
    incumbent = dict.fromkeys(WEIGHTS.names, 0.1)
    with pytest.raises(NoRoom, match=r"must sum to 1, and can to 0\.3.* to 0\.9"):
        Region.of(WEIGHTS, incumbent)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Parameter(name="x", low=1.0, high=1.0),
        lambda: Parameter(name="x", low=0.0, high=float("inf")),
        lambda: Parameter(name="x", low=0.0, high=1.0, step=0.0),
        lambda: Parameter(name="x", low=0.0, high=1.0, step=2.0),
        lambda: Parameter(name="x", low=0.0, high=1.0, log=True),
        lambda: Parameter(name="x", low=0.0, high=1.0, change=-0.1),
        lambda: Parameter(name="x", low=0.5, high=3.0, integer=True),
        lambda: Domain(()),
        lambda: Domain((MIXED.parameters[0], MIXED.parameters[0])),
        lambda: Domain(MIXED.parameters, (Group(("level", "unknown")),)),
        lambda: Domain(MIXED.parameters, (Group(("level", "rate")),)),
        lambda: Domain(MIXED.parameters, (Group(("threshold", "days"), 5.0),)),
        lambda: Domain(WEIGHTS.parameters, (Group(WEIGHTS.names, 3.0),)),
        lambda: Domain(
            tuple(Parameter(name=name, low=0.0, high=0.9, step=0.3) for name in "ab"), (Group(("a", "b"), 1.0),)
        ),
        lambda: MIXED.point({"level": 0.0}),
        lambda: MIXED.point({"level": 0.0, "days": 1, "threshold": 0.1, "rate": 0.0}),
        lambda: MIXED.point({"level": float("nan"), "days": 1, "threshold": 0.1, "rate": 0.1}),
    ],
)
def test_what_is_no_domain_and_no_point_of_it_is_refused(make):
    with pytest.raises(LearningError):
        make()
