"""When the breaker opens and closes."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as some
from learning_client.breaker import CLOSED, HALF_OPEN, OPEN, Breaker


def heard(events):
    breaker, states = Breaker(), []
    breaker.listen(states.append)
    for event in events:
        getattr(breaker, event)()
    return breaker, states


def test_it_opens_at_the_third_failure_in_a_row_and_closes_when_a_probe_is_answered():
    assert (CLOSED, []) == state_and_moves(["failed", "failed", "answered", "failed", "failed"])
    assert (OPEN, [OPEN]) == state_and_moves(["failed"] * 5)
    assert (OPEN, [OPEN, HALF_OPEN, OPEN]) == state_and_moves(["failed"] * 3 + ["probes", "failed"])
    assert (CLOSED, [OPEN, HALF_OPEN, CLOSED]) == state_and_moves(["failed"] * 3 + ["probes", "answered"])


def state_and_moves(events):
    breaker, states = heard(events)
    return breaker.state, states


@given(some.lists(some.sampled_from(["failed", "answered", "renew"])))
def test_it_is_shut_exactly_where_the_last_three_failed_since_an_answer(events):
    breaker, states = heard(events)
    row = 0
    for event in events:
        row = row + 1 if event == "failed" else 0
    assert (row >= 3) == breaker.shut
    assert all(one != other for one, other in pairwise(states)) or "renew" in events
