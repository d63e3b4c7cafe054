from math import fsum

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from schemas.allocation import WHOLE, Purpose, arm_key
from schemas.parameters import Parameter, ParameterType, Registry, Trial
from schemas.trials import allocation_for


def parameter(name: str, default: float, **more) -> Parameter:
    described = {"category": "test", "affects": "score", "description": "For a test.", "min": 0.0, "max": 1.0}
    return Parameter(name=name, default=default, **{**described, **more})


def registry(*parameters: Parameter) -> Registry:
    return Registry(parameters={each.name: each for each in parameters})


def trial(*offsets: dict[str, float], share: float = 0.05) -> Trial:
    return Trial(id="t", layer="l", share=share, offsets=list(offsets))


def arms(*offsets: dict[str, float], of: Registry, **values) -> list[dict]:
    allocation = allocation_for(trial(*offsets), of, {**of.defaults, **values}, generation="1-1")
    return [] if allocation is None else [arm.values for arm in allocation.arms]


ALONE = registry(parameter("x", 0.5, min=0.2, max=0.8))
WEIGHTS = registry(*(parameter(name, 0.25, min=0.05, max=0.4, group="w", max_change=0.05) for name in "abcd"))
HOLD = parameter("hold", 5, type=ParameterType.INTEGER, min=2, max=10)


def test_the_candidates_come_first_and_share_evenly_and_the_baseline_comes_last():
    allocation = allocation_for(
        trial({"x": 0.1}, {"x": 0.2}, {"x": -0.1}, share=0.05), ALONE, {"x": 0.5}, generation="1-17"
    )
    assert ("t.1-17", "l", Purpose.EXPLORE, ["x"]) == (
        allocation.id,
        allocation.layer,
        allocation.purpose,
        allocation.parameters,
    )
    assert [({"x": 0.6}, 167), ({"x": 0.7}, 167), ({"x": 0.4}, 166), ({"x": 0.5}, 9500)] == [
        (arm.values, arm.share) for arm in allocation.arms
    ]


def test_the_arms_move_with_the_baseline():
    assert [{"x": 0.4}, {"x": 0.3}] == arms({"x": 0.1}, of=ALONE, x=0.3)


def test_an_arm_stops_at_the_bound():
    assert [{"x": 0.8}, {"x": 0.75}] == arms({"x": 0.1}, of=ALONE, x=0.75)


def test_an_arm_that_equals_the_baseline_is_dropped():
    assert [{"x": 0.7}, {"x": 0.8}] == arms({"x": 0.1}, {"x": -0.1}, of=ALONE, x=0.8)


def test_arms_that_come_out_alike_are_one():
    assert [{"x": 0.8}, {"x": 0.7}] == arms({"x": 0.2}, {"x": 0.3}, of=ALONE, x=0.7)


def test_nothing_is_tried_when_no_arm_is_left():
    assert allocation_for(trial({"x": 0.1}), ALONE, {"x": 0.8}, generation="1-1") is None


def test_an_arm_lies_on_the_steps_of_its_parameter():
    stepped = registry(parameter("x", 0.5, step=0.1))
    assert [{"x": 0.6}, {"x": 0.5}] == arms({"x": 0.12}, of=stepped)


def test_an_integer_stays_one():
    (candidate, _) = arms({"hold": 1}, of=registry(HOLD))
    assert {"hold": 6} == candidate
    assert isinstance(candidate["hold"], int)


def test_a_parameter_that_an_arm_does_not_name_stays_at_the_baseline():
    both = registry(HOLD, *ALONE.parameters.values())
    assert [{"hold": 6, "x": 0.5}, {"hold": 5, "x": 0.6}, {"hold": 5, "x": 0.5}] == arms(
        {"hold": 1}, {"x": 0.1}, of=both
    )


def test_where_a_bound_stands_in_the_way_of_a_weight_the_whole_group_moves_less():
    moved, _ = arms({"a": 0.05, "b": -0.03, "c": -0.02}, of=WEIGHTS, a=0.39, b=0.21, c=0.2, d=0.2)
    assert {"a": 0.4, "b": 0.204, "c": 0.196} == moved


def test_an_arm_whose_weights_would_no_longer_sum_to_1_is_dropped():
    stepped = registry(*(parameter(name, 0.3, step=0.1, group="w") for name in "abc"))
    assert [] == arms({"a": 0.1, "b": -0.1}, of=stepped, a=0.36, b=0.32, c=0.32)


def test_another_generation_draws_anew():
    one, two = (allocation_for(trial({"x": 0.1}, share=0.2), ALONE, {"x": 0.5}, generation=g) for g in ("1-1", "1-2"))
    units = [f"S{number}/2024-01-31" for number in range(2_000)]
    assert [one.arm_of(unit) for unit in units] != [two.arm_of(unit) for unit in units]


def test_a_trial_with_share_0_is_a_shadow():
    allocation = allocation_for(trial({"x": 0.1}, share=0.0), ALONE, {"x": 0.5}, generation="1-1")
    assert [0, WHOLE] == [arm.share for arm in allocation.arms]


nudge = some.floats(-0.05, 0.05)


@some.composite
def weights(draw) -> dict[str, float]:
    """Four weights within 0.05 to 0.4 that sum to 1."""
    spare = [draw(some.floats(0.0, 1.0)) for _ in range(4)]
    total = fsum(spare) or 4.0
    spare = spare if fsum(spare) else [1.0] * 4
    values = [0.05 + 0.8 * part / total for part in spare]
    while max(values) > 0.4 + 1e-12:
        over = sum(max(0.0, value - 0.4) for value in values)
        room = [max(0.0, 0.4 - value) for value in values]
        values = [min(value, 0.4) + over * space / sum(room) for value, space in zip(values, room, strict=True)]
    return dict(zip("abcd", values, strict=True))


@some.composite
def group_offsets(draw) -> dict[str, float]:
    """Offsets of the four weights that sum to 0."""
    a, b, c = (draw(nudge) for _ in range(3))
    return {"a": a, "b": b, "c": c, "d": -(a + b + c)}


@given(weights(), some.lists(group_offsets(), min_size=1, max_size=8), some.integers(0, WHOLE))
def test_whatever_the_weights_and_offsets_are_arms_stay_in_bounds_sum_to_1_and_share_the_whole(values, offsets, share):
    wanted = trial(*offsets, share=share / WHOLE)
    allocation = allocation_for(wanted, WEIGHTS, values, generation="1-1")
    assert allocation == allocation_for(wanted, WEIGHTS, dict(reversed(values.items())), generation="1-1")
    if allocation is None:
        return
    assert values == allocation.arms[-1].values
    assert WHOLE - share == allocation.arms[-1].share
    assert WHOLE == sum(arm.share for arm in allocation.arms)
    candidates = [arm.share for arm in allocation.arms[:-1]]
    assert max(candidates) - min(candidates) <= 1
    for arm in allocation.arms[:-1]:
        assert abs(fsum(arm.values.values()) - 1.0) <= 1e-9
        assert all(0.05 - 1e-12 <= value <= 0.4 + 1e-12 for value in arm.values.values())


@given(some.floats(0.2, 0.8), some.lists(some.floats(-1, 1), min_size=1, max_size=8))
def test_a_lone_parameter_never_leaves_its_bounds(value, offsets):
    found = arms(*({"x": offset} for offset in offsets), of=ALONE, x=value)
    assert all(0.2 <= arm["x"] <= 0.8 for arm in found)
    assert len(found) == len({arm_key(arm) for arm in found})


@pytest.mark.parametrize("start", [0.25, 0.4])
def test_an_arm_reads_the_same_after_a_journey_as_json(start):
    rest = (1 - start) / 3
    allocation = allocation_for(
        trial({"a": -0.05, "b": 0.05}), WEIGHTS, {"a": start, "b": rest, "c": rest, "d": rest}, generation="1-1"
    )
    again = msgspec.json.decode(msgspec.json.encode(allocation), type=type(allocation))
    assert allocation == again
    assert [arm.key for arm in allocation.arms] == [arm.key for arm in again.arms]
