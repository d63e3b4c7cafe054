import doctest

import pytest

from learning import counted as module
from learning.counted import Counted, compared


def test_units_are_said_with_what_they_are_worth():
    assert "1,200 units (effective 300.0, uniqueness 0.25)" == str(Counted(1_200, 300.0, 0.25))


@pytest.mark.parametrize(
    ("counted", "said"),
    [(Counted(5, 4.0), "5 units (effective 4.0)"), (Counted(5, None, 0.5), "5 units (uniqueness 0.50)")],
)
def test_what_is_not_known_is_not_said(counted, said):
    assert said == str(counted)


def test_both_sides_stand_with_the_sessions_in_which_they_met():
    said = compared(Counted(30, 20.0, 0.5), Counted(90, 45.0, 0.5), sessions=1_200)
    assert "30 units (effective 20.0, uniqueness 0.50) against 90 units (effective 45.0, uniqueness 0.50)" in said
    assert said.endswith(" in 1,200 sessions")


def test_arms_add_up_and_their_uniqueness_is_averaged_over_their_units():
    both = Counted(30, 30.0, 1.0) + Counted(10, 4.0, 0.4)
    assert (40, 34.0, 0.85) == pytest.approx((both.units, both.effective, both.uniqueness))


@pytest.mark.parametrize("units", [Counted(30, 24.0, 0.8), Counted(30, None, 0.8), Counted(30, 24.0)])
def test_an_arm_without_units_adds_nothing(units):
    assert units == Counted() + units == units + Counted()


def test_what_is_unknown_of_one_part_is_unknown_of_the_whole():
    assert Counted(3, 2.0, 0.5) + Counted(1, 1.0) == Counted(4, 3.0)
    assert Counted(3, 2.0, 0.5) + Counted(1, None, 0.5) == Counted(4, None, 0.5)


def test_the_examples_in_the_documentation_hold():
    assert (0, 2) == doctest.testmod(module)
