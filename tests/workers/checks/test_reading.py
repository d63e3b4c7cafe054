import pytest

from schemas.reports import HealthState
from workers.checks.reading import MOST_REASONS, Figure, Reading, Reason, graded, part_name, span, worst

HEALTHY, DEGRADED, CRITICAL = HealthState


def test_a_part_is_as_bad_as_its_worst_reason():
    assert HEALTHY is Reading("p").state
    assert CRITICAL is Reading("p", (Reason("a", "a"), Reason("b", "b", CRITICAL), Reason("c", "c"))).state
    assert (HEALTHY, DEGRADED) == (worst([]), worst([HEALTHY, DEGRADED]))


def test_the_worst_reason_is_told_first_and_too_many_are_counted():
    reasons = (*(Reason(str(number), str(number)) for number in range(30)), Reason("worst", "worst", CRITICAL))
    texts = Reading("p", reasons).texts
    assert ("worst", "0", "and 11 more reasons") == (texts[0], texts[1], texts[-1])
    assert MOST_REASONS + 1 == len(texts)


def test_figures_are_whole_numbers_by_name_in_an_event():
    figures = (Figure("age", 3.9, ("a", "b")), Figure("offset", -2.0), Figure("n" * 200, 1))
    assert {"age a b": 3, "offset": 0, "n" * 100: 1} == Reading("p", (), figures).counts


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.04, "0.0 s"),
        (59.9, "59.9 s"),
        (60, "1 min 0 s"),
        (3_599, "59 min 59 s"),
        (3_600, "1 h 0 min"),
        (86_399, "23 h 59 min"),
        (86_400, "1 d 0 h"),
        (9_000_000, "104 d 4 h"),
    ],
)
def test_durations_are_told_in_the_units_that_fit(seconds, told):
    assert told == span(seconds)


@pytest.mark.parametrize(("value", "state"), [(0.9, HEALTHY), (1.0, DEGRADED), (9.9, DEGRADED), (10.0, CRITICAL)])
def test_a_value_is_graded_by_two_limits(value, state):
    assert state is graded(value, limit=1.0, critical=10.0)


def test_names_that_others_chose_become_names_of_parts():
    assert "group.my_group_" == part_name("group", "my group!")
    assert 100 == len(part_name("group", "x" * 300))
