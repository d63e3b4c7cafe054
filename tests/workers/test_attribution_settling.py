import pytest

from store.sessions import Sessions
from store.statistics import unapplied
from tests.workers.desk import NOW, NYSE, Desk, Stream, registry
from workers.attribution import AT_ONCE, Attribution


@pytest.fixture
def stream():
    return Stream()


@pytest.fixture
def other():
    return Stream("broker")


@pytest.fixture
def desk(store):
    return Desk(store, rules=registry(sources=["scanner", "broker"]))


def settled(desk):
    with desk.store.read() as connection:
        found = {one: Sessions(connection).get("main", one) for one in ("2023-01-04", "2023-01-05", "2023-01-06")}
    return {session: row.cut for session, row in found.items() if row}


def test_a_session_settles_when_every_declared_source_has_closed_it(desk, stream, other):
    desk.take(stream.closed("2023-01-04"))
    desk.rest()
    assert [] == desk.settled
    desk.take(other.closed("2023-01-04"))
    desk.rest()
    assert [("main", "2023-01-04")] == desk.settled


def test_a_source_that_nobody_declared_closes_nothing(desk, stream):
    desk.take(stream.closed("2023-01-04"), Stream("somebody").closed("2023-01-04"))
    desk.rest()
    assert [] == desk.settled


def test_any_source_closes_where_none_is_declared(store, stream):
    desk = Desk(store, rules=registry(sources=[]))
    desk.take(Stream("somebody").closed("2023-01-04"))
    desk.rest()
    assert [("main", "2023-01-04")] == desk.settled


def test_a_session_waits_until_everything_that_was_told_before_it_is_taken_in(desk, stream, other):
    desk.take(stream.closed("2023-01-04", ms=5_000), other.closed("2023-01-04", ms=7_000))
    for reached in (5_001, 7_000):
        desk.rest(reached)
        assert [] == desk.settled
    desk.rest(7_001)
    assert [("main", "2023-01-04")] == desk.settled


def test_sessions_settle_by_date_with_rising_cuts_and_each_once(desk, stream, other):
    for session in ("2023-01-06", "2023-01-04", "2023-01-05"):
        desk.take(stream.closed(session), other.closed(session))
    desk.rest()
    desk.rest()
    desk.take(stream.closed("2023-01-04"))
    desk.rest()
    assert [("main", session) for session in ("2023-01-04", "2023-01-05", "2023-01-06")] == desk.settled
    assert sorted(settled(desk).values()) == list(settled(desk).values())


@pytest.mark.parametrize(("calendar", "goes_on"), [("XNYS", True), ("24/7", False)])
def test_a_cohort_stays_open_while_its_date_goes_on_after_the_close(store, stream, calendar, goes_on):
    desk = Desk(store, rules=registry(calendar=calendar, horizons=["1d"], primary_horizon="1d", sources=["scanner"]))
    desk.take(stream.alert("a", "2023-01-04 00:00"), stream.bar("2023-01-04", 100, 102, 99, 101))
    desk.take(stream.closed("2023-01-04"), stream.closed("2023-01-05"))
    desk.rest()
    with store.read() as connection:
        open_ = [Sessions(connection).get("main", one).pending for one in ("2023-01-04", "2023-01-05")]
    assert goes_on is ("2023-01-04" in open_[0].get("1d/prices", []))
    assert "2023-01-04" not in open_[1].get("1d/prices", []) or calendar == "24/7"


def test_a_source_that_stays_away_holds_no_later_session_up(desk, stream, other):
    desk.take(stream.closed("2023-01-04"), stream.closed("2023-01-05"), other.closed("2023-01-05"))
    desk.rest()
    assert [("main", "2023-01-05")] == desk.settled
    desk.take(other.closed("2023-01-04"))
    desk.rest()
    assert [("main", "2023-01-05"), ("main", "2023-01-04")] == desk.settled


def test_a_worker_that_starts_settles_what_its_predecessor_left(desk, stream, other):
    desk.take(stream.closed("2023-01-04"), other.closed("2023-01-04"))
    desk.worker = desk.start()
    desk.rest()
    assert [("main", "2023-01-04")] == desk.settled


def test_of_two_workers_only_one_settles_a_session(desk, stream, other):
    desk.take(stream.closed("2023-01-04"), other.closed("2023-01-04"))
    second = desk.start()
    second.rest(lambda: 0)
    desk.rest()
    second.rest(lambda: 10**15)
    assert [("main", "2023-01-04")] == desk.settled


def test_a_backlog_is_settled_over_several_turns(store, stream):
    desk = Desk(store, rules=registry(sources=[]))
    sessions = [NYSE.shift("2023-01-04", place) for place in range(AT_ONCE + 1)]
    desk.take(*(stream.closed(session) for session in sessions))
    desk.rest()
    assert [("main", session) for session in sessions[:-1]] == desk.settled
    desk.rest()
    assert ("main", sessions[-1]) == desk.settled[-1]


def test_nothing_is_asked_of_the_broker_while_no_session_waits(desk, stream):
    desk.take(stream.alert("a", "2023-01-04 15:00"), stream.closed("2023-01-04"))
    desk.worker.rest(lambda: pytest.fail("asked"))


def test_a_settled_session_knows_which_cohorts_were_immature_at_its_cut(desk, stream, other):
    desk.take(stream.alert("a", "2023-01-04 15:00"), stream.alert("b", "2023-01-05 15:00", symbol="MSFT"))
    desk.take(stream.bar("2023-01-05", 100, 103, 99, 102))
    desk.take(stream.closed("2023-01-05"), other.closed("2023-01-05"))
    desk.rest()
    desk.take(stream.bar("2023-01-06", 100, 103, 99, 102, symbol="MSFT"))
    with desk.store.read() as connection:
        pending = Sessions(connection).get("main", "2023-01-05").pending
    both = ["2023-01-04", "2023-01-05"]
    assert {"1d/prices": ["2023-01-05"], "3d/prices": both, "close/reported": both} == pending


def test_everything_below_the_cut_is_there_when_the_session_is_settled_and_told(desk, stream, other):
    desk.take(stream.decision("d", "2023-01-04 15:00", size=0.1), stream.alert("a", "2023-01-04 15:00"))
    desk.take(stream.outcome("o", "2023-01-05 15:00", decision_id="d", net=0.05))
    for session in ("2023-01-05", "2023-01-06", "2023-01-09"):
        desk.take(stream.closed(session), other.closed(session))
    desk.rest()
    with desk.store.read() as connection:
        cut = Sessions(connection).get("main", "2023-01-09").cut
        assert unapplied(connection, strategy="main", cut=cut) == len(desk.letters())
    assert all(one.data.sequence <= cut for one in desk.letters())
    close = desk.example("main/decision/d/close/reported")
    assert ("matched", True) == (close["state"], close["sequence"] <= cut)
    desk.take(stream.outcome("o2", "2023-01-11 15:00", decision_id="d", net=0.06))
    assert desk.letters()[-1].data.sequence > cut


def test_a_session_that_the_engine_lived_through_is_closed_by_the_calendar_after_a_grace(store, stream):
    desk = Desk(store, rules=registry(sources=["scanner"], grace_hours=6.0))
    desk.take(stream.alert("a", NOW, symbol="AAPL"))
    now = NYSE.close_of("2023-11-17") + 6 * 3_600_000_000
    worker = Attribution(
        store,
        registries={"main": desk.rules},
        clock=lambda: now,
        on_settled=lambda _, session: desk.settled.append(session),
    )
    worker.rest(lambda: now // 1_000 + 1)
    assert ["2023-11-15", "2023-11-16", "2023-11-17"] == desk.settled


def test_after_an_outage_the_calendar_closes_no_session_of_which_something_is_still_in_the_streams(store, stream):
    desk = Desk(store, rules=registry(sources=["scanner"], grace_hours=6.0))
    desk.take(stream.alert("a", NOW, symbol="AAPL"))
    grace = 6 * 3_600_000_000
    worker = Attribution(
        store,
        registries={"main": desk.rules},
        clock=lambda: NYSE.close_of("2023-11-20") + grace,
        on_settled=lambda _, session: desk.settled.append(session),
    )
    worker.rest(lambda: NYSE.open_of("2023-11-15") // 1_000)
    assert [] == desk.settled
    worker.rest(lambda: (NYSE.close_of("2023-11-16") + grace) // 1_000)
    assert ["2023-11-15"] == desk.settled


def test_a_session_that_another_worker_was_told_of_is_found_also_after_the_clock_was_set_back(store, stream):
    desk, now = Desk(store, rules=registry(sources=["scanner"])), NOW
    worker = Attribution(
        desk.store,
        registries={"main": desk.rules},
        clock=lambda: now,
        on_settled=lambda _, session: desk.settled.append(session),
    )
    worker.rest(lambda: 10**15)
    desk.take(stream.closed("2023-01-04"))
    worker.rest(lambda: 10**15)
    assert [] == desk.settled
    now -= 3_600_000_000
    worker.rest(lambda: 10**15)
    assert ["2023-01-04"] == desk.settled


def test_history_is_never_closed_by_the_calendar(store, stream):
    desk = Desk(store, rules=registry(sources=["scanner"]))
    desk.take(stream.alert("a", "2023-01-04 15:00"))
    desk.rest()
    assert [] == desk.settled


def test_since_when_the_engine_lives_is_read_once(store, stream, monkeypatch):
    """It costs as much as facts are stored, and is asked for with every end of a session."""
    asked = []
    monkeypatch.setattr("workers.attribution.first_recorded", lambda *_: asked.append(1) or NOW)
    desk = Desk(store, rules=registry(sources=["scanner"]))
    for session in ("2023-01-04", "2023-01-05", "2023-01-06"):
        desk.take(stream.closed(session))
        desk.rest()
    assert [1] == asked
