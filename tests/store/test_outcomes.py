"""How outcomes are found: by indexes, however many there are."""

import pytest

from store.candidates import Stretch, alerts_within, purchases_within
from store.judged import Slot, judged_alerts, judged_theses
from store.outcomes import Names, Outcomes
from tests.databases import sqlite_only
from tests.statements import heard, plans
from tests.workers.desk import at
from tests.workers.shelf import Shelf

TIME = "2024-01-03 15:00"
ALL = frozenset({"x", "y"})


@pytest.fixture
def shelf(store):
    with store.begin() as work:
        yield Shelf(work.connection)


ASKED = {
    "there": lambda shelf: Outcomes(shelf.connection, "main").there(Names(ALL, ALL, ALL)),
    "waiting": lambda shelf: Outcomes(shelf.connection, "main").waiting(Names(ALL, ALL, ALL)),
    "mark": lambda shelf: Outcomes(shelf.connection, "main").mark([1, 2], joined=True),
    "count": lambda shelf: Outcomes(shelf.connection, "main").count_waiting(before=5),
    "any nameless": lambda shelf: Outcomes(shelf.connection, "main").any_nameless(),
    "nameless": lambda shelf: list(Outcomes(shelf.connection, "main").nameless([1, 2], since=0, until=9)),
    "alerts": lambda shelf: list(alerts_within(shelf.connection, [1, 2], stretch=Stretch(0, 9, "a", "b"))),
    "purchases": lambda shelf: list(purchases_within(shelf.connection, [1, 2], stretch=Stretch(0, 9, "a", "b"))),
}


@sqlite_only
@pytest.mark.parametrize("asked", ASKED)
def test_nothing_is_looked_through_row_by_row(shelf, asked):
    with heard(shelf.connection) as statements:
        ASKED[asked](shelf)
    found = plans(shelf.connection, statements)
    assert found
    scans = [plan for plan in found if plan.startswith("SCAN") and "COVERING INDEX ix_outcomes_instrument" not in plan]
    assert [] == scans


def test_the_waiting_are_counted_up_to_a_moment(shelf):
    for time, joined in ((TIME, 0), ("2024-01-04 15:00", 0), (TIME, 1)):
        shelf.outcome(f"{time}{joined}", time, alert_id="x", joined=joined)
    one = Outcomes(shelf.connection, "main")
    assert (2, 1, 0) == (
        one.count_waiting(),
        one.count_waiting(before=at(TIME) + 1),
        one.count_waiting(before=at(TIME)),
    )


def test_a_nameless_outcome_is_found_by_its_instrument_and_entry(shelf):
    row = shelf.outcome("o", TIME, symbol="AAPL", entered=TIME)
    shelf.outcome("other", TIME, symbol="MSFT", entered=TIME)
    shelf.outcome("named", TIME, alert_id="x")
    one = Outcomes(shelf.connection, "main")
    moment = at(TIME)

    assert one.any_nameless()
    [found] = one.nameless([1], since=moment, until=moment)
    assert ("o", "long", moment, "") == (found.row.outcome_id, found.direction, found.entry_time, found.venue)
    assert row["sequence"] == found.sequence
    assert [] == list(one.nameless([1], since=moment + 1, until=moment + 2))


def test_candidates_are_those_of_the_stretch(shelf):
    for name, time in (("before", "2024-01-03 14:59"), ("within", TIME), ("after", "2024-01-03 15:02")):
        shelf.alert(name, time)
        shelf.decision(name, time)
        shelf.decision(f"held {name}", time, action="HOLD")
    stretch = Stretch(at(TIME), at("2024-01-03 15:01"), "2024-01-04", "2024-01-04")

    assert ["within"] == [row.alert_id for row in alerts_within(shelf.connection, [1], stretch=stretch)]
    assert ["within"] == [row.decision_id for row in purchases_within(shelf.connection, [1], stretch=stretch)]


def test_an_alert_without_an_example_is_judged_as_one_of_which_nothing_is_known(shelf):
    known = shelf.alert("known", TIME)["sequence"]
    shelf.example(known, state="matched", **{"return": 0.1, "mfe": 0.2, "entry_time": 5, "exit_time": 6})
    shelf.example(known, horizon="1d", state="matched", **{"return": 0.9})
    shelf.alert("unknown", "2024-01-04 15:00", run_id="r")
    shelf.thesis("t", TIME)
    slot = Slot("5d", "prices")

    found = judged_alerts(shelf.connection, "main", slot, since="2024-01-03")
    first, second = sorted(found, key=lambda alert: alert.alert_id)
    assert ("known", "matched", 0.1, 0.2, 5, 6) == (first.alert_id, *first[6:])
    assert (1, "", "2024-01-04") == (first.instrument, first.venue, first.entry_session)
    assert ("unknown", "r", None) == (second.alert_id, second.run_id, second.state)
    assert ["unknown"] == [row.alert_id for row in judged_alerts(shelf.connection, "main", slot, since="2024-01-04")]
    [thesis] = judged_theses(shelf.connection, "main", slot, since="2024-01-03")
    assert ("", "2024-01-04", "HOLD", None, None) == thesis[1:6]
