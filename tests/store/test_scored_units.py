"""What the learners of history are given: units by their first alert, and sized positions, as a cut knows them."""

from math import isnan

import pytest

from store.scored_units import scored_units
from store.sized_positions import sized_positions
from tests.workers.desk import NYSE, Desk, Stream, registry

MONDAY, TUESDAY, WEDNESDAY = "2024-01-08", "2024-01-09", "2024-01-10"


@pytest.fixture
def desk(store):
    return Desk(store, rules=registry(sources=["scanner"]))


@pytest.fixture
def stream():
    return Stream()


def read(desk, *, cut=10**9, features=("a", "b"), first=MONDAY, last=WEDNESDAY, horizon="1d"):
    with desk.store.read() as reading:
        named = {"features": features, "horizon": horizon, "first": first, "last": last, "cut": cut}
        return list(scored_units(reading, "main", **named))


def sized(desk, *, cut=10**9, horizon="close", origin="reported", first=MONDAY, last=WEDNESDAY):
    with desk.store.read() as reading:
        named = {"horizon": horizon, "origin": origin, "first": first, "last": last, "cut": cut}
        return [(row.session, row.size, row.net) for row in sized_positions(reading, "main", **named)]


def after(session):
    return NYSE.close_of(session) + 1


def test_a_unit_is_told_by_its_first_alert_with_what_followed_bought_or_not(desk, stream):
    desk.take(
        stream.alert("late", after(MONDAY) + 5, score=0.9, features={"a": 0.9}),
        stream.alert("first", after(MONDAY), score=0.3, features={"a": 0.1, "c": 5.0}),
        stream.bar(TUESDAY, 100.0, 104.0, 99.0, 103.0),
    )
    [unit] = read(desk)
    assert (MONDAY, TUESDAY, 0.3, "long") == (unit.session, unit.entry_session, unit.score, unit.direction)
    assert 0.03 == pytest.approx(unit.return_)
    assert 0.1 == unit.features[0]
    assert isnan(unit.features[1]), "what was not told is missing, and never 0"


def test_what_followed_is_not_known_before_its_bar_has_come_and_neither_is_what_came_after_the_cut(desk, stream):
    desk.take(stream.alert("a", after(MONDAY)))
    [before] = read(desk)
    assert before.return_ is None
    cut = taken(desk)
    desk.take(stream.bar(TUESDAY, 100.0, 104.0, 99.0, 103.0), stream.alert("b", after(TUESDAY)))
    assert [None] == [unit.return_ for unit in read(desk, cut=cut)]
    assert [pytest.approx(0.03), None] == [unit.return_ for unit in read(desk)]


def test_only_sessions_that_were_asked_for_are_read_in_their_order(desk, stream):
    for symbol in ("B", "A"):
        for session in (WEDNESDAY, TUESDAY, MONDAY):
            desk.take(stream.alert(f"{symbol}{session}", after(session), symbol=symbol))
    assert [TUESDAY, TUESDAY, WEDNESDAY, WEDNESDAY] == [unit.session for unit in read(desk, first=TUESDAY)]
    assert [MONDAY, MONDAY] == [unit.session for unit in read(desk, last=MONDAY)]


def test_positions_are_those_that_were_bought_with_a_size_and_have_ended(desk, stream):
    desk.take(
        *(
            stream.decision(name, after(MONDAY), symbol=name, action=action, size=size)
            for name, action, size in (
                ("won", "BUY", 0.2),
                ("open", "BUY", 0.2),
                ("sizeless", "BUY", None),
                ("passed", "IGNORE", 0.2),
            )
        ),
        *(
            stream.outcome(f"of-{name}", after(TUESDAY), decision_id=name, horizon="close", net=0.05)
            for name in ("won", "sizeless", "passed")
        ),
    )
    held_for_the_longest(desk, stream)
    assert [(MONDAY, 0.2, 0.05)] == sized(desk)


def test_a_position_is_not_known_before_the_cut_at_which_its_outcome_came(desk, stream):
    desk.take(stream.decision("d", after(MONDAY), size=0.2))
    cut = taken(desk)
    desk.take(stream.outcome("o", after(TUESDAY), decision_id="d", horizon="close", net=0.05))
    held_for_the_longest(desk, stream)
    assert [] == sized(desk, cut=cut)
    assert [(MONDAY, 0.2, 0.05)] == sized(desk)


def held_for_the_longest(desk, stream):
    """Let the longest hold pass, from which on a close counts."""
    desk.take(stream.closed("2024-01-11"))
    desk.rest()


def taken(desk):
    """The ingest sequence so far: a cut."""
    with desk.store.begin() as work:
        number = work.take(1)
        work.commit()
    return number


def test_what_was_revised_after_a_cut_is_read_at_that_cut_as_it_was(desk, stream):
    desk.take(stream.alert("a", after(MONDAY)), stream.bar(TUESDAY, 100.0, 104.0, 99.0, 103.0))
    cut = taken(desk)
    desk.take(stream.bar(TUESDAY, 100.0, 104.0, 99.0, 101.0, revision=1))
    between = taken(desk)
    desk.take(stream.bar(TUESDAY, 100.0, 104.0, 99.0, 100.5, revision=2))
    told = [unit.return_ for at in (cut, between, 10**9) for unit in read(desk, cut=at)]
    assert pytest.approx([0.03, 0.01, 0.005]) == told


def test_a_position_whose_outcome_was_revised_after_a_cut_is_as_it_was(desk, stream):
    desk.take(stream.decision("d", after(MONDAY), size=0.2))
    desk.take(stream.outcome("o", after(TUESDAY), decision_id="d", horizon="close", net=0.05))
    held_for_the_longest(desk, stream)
    cut = taken(desk)
    desk.take(stream.outcome("o2", after(TUESDAY), decision_id="d", horizon="close", net=0.01))
    assert [(MONDAY, 0.2, 0.05)] == sized(desk, cut=cut)
    assert [(MONDAY, 0.2, 0.01)] == sized(desk)
