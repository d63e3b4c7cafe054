"""Outcomes without names, through attribution as a whole: the same books whatever the order."""

import random

import pytest
from sqlalchemy import select

from events.moments import moment
from schemas.vocabulary import Direction, Side
from store.books import counted, tallied
from store.tables import outcomes
from tests.workers.desk import NOW, Desk, Stream, at, registry

DAY = "2024-01-03"


@pytest.fixture
def fresh(stores):
    """Makes desks whose registry joins within fifteen minutes, each over an empty store of its own."""
    return lambda: Desk(stores.fresh(lambda: NOW), rules=registry(infer_within_minutes=15))


def nameless(stream, name, entered, *, symbol="AAPL", direction=Direction.LONG, **more):
    entry = moment(at(f"{DAY} {entered}"))
    return stream.outcome(name, f"{DAY} 20:00", symbol=symbol, direction=direction, entry_time=entry, **more)


def state(desk):
    """What the facts alone decide of the examples, and which outcomes are joined."""
    with desk.store.read() as connection:
        flags = dict(tuple(row) for row in connection.execute(select(outcomes.c.outcome_id, outcomes.c.joined)))
        assert counted(connection, "main") == tallied(connection, "main")
    return desk.examples(), flags


def a_morning(stream):
    """Alerts and purchases near each other, each a unit of its own, and outcomes that bear a name, or none."""

    def alert(name, time, **more):
        return stream.alert(name, f"{DAY} {time}", unit=f"{name}/{DAY}", **more)

    bought = {"alert_id": "followed", "size": 0.1, "unit": f"bought/{DAY}"}
    return [
        alert("followed", "15:00"),
        stream.decision("bought", f"{DAY} 15:02", **bought),
        alert("left", "15:04"),
        nameless(stream, "left's", "15:06", net=0.03),
        stream.fill("in", f"{DAY} 15:02", side=Side.BUY, quantity=10, price=100.0, decision_id="bought", fees=1.0),
        stream.fill("out", f"{DAY} 19:00", side=Side.SELL, quantity=10, price=104.0, fees=1.0),
        alert("told", "16:00"),
        alert("beside", "16:01"),
        stream.outcome("told's", f"{DAY} 20:00", alert_id="told", net=0.01),
        nameless(stream, "beside's", "16:05", net=0.02),
        alert("one", "17:00"),
        alert("other", "17:01"),
        nameless(stream, "anybody's", "17:05", net=0.02),
        alert("sold", "18:00", direction=Direction.SHORT),
        nameless(stream, "sold's", "18:05", direction=Direction.SHORT, entry_price=100.0, exit_price=90.0),
        nameless(stream, "nobody's", "19:30", net=0.02),
    ]


def test_what_is_reported_of_one_candidate_leaves_an_outcome_to_the_other(fresh):
    desk = fresh()
    desk.take(*a_morning(Stream()))
    found, flags = state(desk)

    inferred = {name.split("/")[2]: row for name, row in found.items() if row["marks"] == "inferred"}
    assert {"left": 0.03, "beside": 0.02, "sold": None} == {name: row["net"] for name, row in inferred.items()}
    assert 0.1 == pytest.approx(inferred["sold"]["return"])
    assert {"left's": 1, "told's": 1, "beside's": 1, "sold's": 1, "anybody's": 0, "nobody's": 0} == flags


@pytest.mark.parametrize("seed", range(12))
def test_the_books_are_the_same_in_any_order_and_any_batches(fresh, seed):
    rng = random.Random(seed)
    whole, shuffled = fresh(), fresh()
    events = a_morning(Stream())
    whole.take(*events)
    rng.shuffle(events)
    while events:
        cut = rng.randint(1, 4)
        shuffled.take(*events[:cut])
        events = events[cut:]

    assert state(whole) == state(shuffled)


def test_a_fill_that_links_a_purchase_to_its_position_leaves_an_outcome_to_the_other(fresh):
    stream = Stream()
    desk = fresh()
    desk.take(stream.decision("bought", f"{DAY} 15:02", unit=f"bought/{DAY}"))
    desk.take(stream.alert("left", f"{DAY} 15:04", unit=f"left/{DAY}"), nameless(stream, "left's", "15:06", net=0.03))
    desk.take(stream.outcome("of the position", f"{DAY} 20:00", position_id="p", net=0.05))
    assert {"left's": 0, "of the position": 0} == state(desk)[1]

    filled = {"side": Side.BUY, "quantity": 10, "price": 100.0, "decision_id": "bought", "position_id": "p"}
    desk.take(stream.fill("in", f"{DAY} 15:02", **filled))
    assert {"left's": 1, "of the position": 1} == state(desk)[1]
    assert 0.03 == desk.example("main/alert/left/close/reported")["net"]


def test_a_position_that_opens_again_takes_its_outcome_back(fresh):
    """A fill that comes late leaves the purchase with shares, so its fills no longer say how it closed."""
    stream = Stream()
    desk = fresh()
    desk.take(*a_morning(stream))
    desk.take(stream.fill("late", f"{DAY} 15:03", side=Side.BUY, quantity=5, price=100.0, decision_id="bought"))
    assert 0 == state(desk)[1]["left's"]
