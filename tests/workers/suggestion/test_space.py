from decimal import Decimal

import numpy as np
import pytest

from learning.domain import Region
from tests.workers.suggestion.field import parameter, registry
from workers.suggestion.space import domain_of

WEIGHTS = [
    parameter(name, default, group="w", max_change=0.05)
    for name, default in zip("abcd", (0.4, 0.3, 0.2, 0.1), strict=True)
]


def of(*parameters, names, values=None):
    rules = registry(*parameters, parameters=names)
    return domain_of(rules, names, {**rules.defaults, **(values or {})})


def test_bounds_step_scale_and_what_a_day_may_change_are_the_registry_s():
    domain = of(
        parameter("x", 0.5, step=0.05, max_change=0.1),
        parameter("n", 5, type="integer", min=2, max=9, max_change=2),
        parameter("rate", 0.02, min=0.01, max=0.5, scale="log", max_change=0.5, relative=True),
        names=["n", "rate", "x"],
    )
    n, rate, x = domain.parameters
    assert (0.0, 1.0, 0.05, False, False, 0.1) == (x.low, x.high, x.step, x.integer, x.log, x.change)
    assert (2, 9, True, 2) == (n.low, n.high, n.integer, n.change)
    assert (True, 0.01) == (rate.log, rate.change)


def test_a_parameter_that_only_bounds_limit_may_go_anywhere_between_them():
    [x] = of(parameter("x", 0.5, max_change=None), names=["x"]).parameters
    assert x.change is None


@pytest.mark.parametrize("names", [["a", "b", "c", "d"], ["a", "c"]])
def test_members_of_a_group_keep_the_sum_that_they_have_together(names):
    domain = of(*WEIGHTS, names=names)
    [group] = domain.groups
    assert sum(one.default for one in WEIGHTS if one.name in names) == pytest.approx(group.total, abs=1e-15)


def test_weights_of_any_digits_can_be_moved_and_still_sum_to_1_exactly():
    values = {"a": 0.412345678912, "b": 0.287654321088, "c": 0.2, "d": 0.1}
    names = ["a", "b", "c"]
    domain = of(*WEIGHTS, names=names, values={**values, "d": 0.100000000001, "c": 0.199999999999})
    region = Region.of(domain, {**values, "c": 0.199999999999})
    wanted = region.low + np.array([0.1, 0.9, 0.5]) * (region.high - region.low)
    moved = region.values(region.snap(region.project(wanted[None]))[0])
    total = sum((Decimal(repr(moved[name])) for name in names), Decimal("0.100000000001"))
    assert Decimal(1) == total
    assert values["a"] - 0.05 <= moved["a"] < values["a"] - 0.03


def test_a_group_with_a_step_keeps_it():
    stepped = [parameter(name, 0.5, group="w", max_change=0.1, step=0.1) for name in "ab"]
    assert {0.1} == {one.step for one in of(*stepped, names=["a", "b"]).parameters}
