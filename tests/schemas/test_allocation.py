import pytest
from hypothesis import given
from hypothesis import strategies as some

from schemas.allocation import WHOLE, Allocation, Arm, InvalidAllocation, Purpose


def allocation(*shares: int) -> Allocation:
    arms = [Arm({"x": float(place)}, share) for place, share in enumerate(shares)]
    return Allocation(id="a", layer="l", purpose=Purpose.EXPLORE, parameters=["x"], arms=arms)


@given(some.text(min_size=1), some.integers(0, WHOLE))
def test_a_unit_keeps_its_arm_as_the_share_of_the_first_arm_grows(unit, share):
    before = allocation(share, WHOLE - share).arm_of(unit)
    after = allocation(WHOLE, 0).arm_of(unit)
    assert before.values == {"x": 1.0} or before.values == after.values


@given(some.text(min_size=1))
def test_an_arm_with_share_0_is_never_drawn(unit):
    assert {"x": 1.0} == allocation(0, WHOLE, 0).arm_of(unit).values


def test_arms_are_drawn_as_often_as_their_shares_say():
    split = allocation(500, 1500, 8000)
    drawn = [split.arm_of(f"unit {number}").values["x"] for number in range(20_000)]
    for place, share in enumerate((0.05, 0.15, 0.80)):
        deviation = (share * (1 - share) / len(drawn)) ** 0.5
        assert abs(drawn.count(float(place)) / len(drawn) - share) < 4.5 * deviation


def test_an_arm_is_known_by_its_values_however_they_are_written():
    assert Arm({"b": 1, "a": 0.5}, 0).key == Arm({"a": 0.5, "b": 1.0}, 10).key == '{"a":0.5,"b":1}'


@pytest.mark.parametrize("shares", [(5000, 4999), (10_001,), (-1, 10_001), ()])
def test_shares_that_do_not_sum_to_the_whole_are_refused(shares):
    with pytest.raises(InvalidAllocation):
        allocation(*shares)
