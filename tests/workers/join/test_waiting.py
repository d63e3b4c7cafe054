"""Outcomes wait for what they are the outcome of, and are joined when it comes."""

import pytest
from sqlalchemy import select

from store.tables import outcomes
from store.tallies import Tallies
from tests.workers.desk import registry
from tests.workers.shelf import Shelf
from workers.join.rules import Rules
from workers.join.waiting import Waiting

TIME = "2024-01-03 15:00"
LATER = "2024-01-03 16:00"


@pytest.fixture
def connection(store):
    with store.begin() as work:
        yield work.connection


@pytest.fixture
def shelf(connection):
    return Shelf(connection)


def waiting(shelf, *, settled="", **market):
    return Waiting(shelf.connection, Rules(registry(**market)), settled=settled)


def joined(shelf):
    """The ids of the joined outcomes."""
    rows = shelf.connection.execute(select(outcomes.c.outcome_id).where(outcomes.c.joined == 1))
    return set(rows.scalars())


def counts(shelf):
    return {
        **Tallies(shelf.connection).prefixed("reported/main/"),
        **Tallies(shelf.connection).prefixed("accepted/main/"),
    }


def test_an_outcome_whose_decision_or_alert_is_there_does_not_wait(shelf):
    shelf.alert("a", TIME)
    shelf.decision("d", TIME, action="HOLD")
    rows = [shelf.outcome("o1", LATER, alert_id="a"), shelf.outcome("o2", LATER, decision_id="d")]
    rows.append(shelf.outcome("o3", LATER, alert_id="b"))
    waiting(shelf).arrived(rows)

    assert {"o1", "o2"} == joined(shelf)
    assert {"joined": 2, "waiting": 1, "outcomes": 3} == counts(shelf)


def test_the_most_exact_name_alone_says_what_an_outcome_waits_for(shelf):
    shelf.alert("a", TIME)
    shelf.decision("d", TIME, position_id="p")
    rows = [
        shelf.outcome("decision", LATER, alert_id="a", decision_id="unknown", position_id="p"),
        shelf.outcome("position", LATER, alert_id="a", position_id="unknown"),
    ]
    waiting(shelf).arrived(rows)
    assert set() == joined(shelf)

    shelf.decision("unknown", TIME)
    waiting(shelf).subjects_came(decisions=["unknown"])
    assert {"decision"} == joined(shelf)


def test_a_position_is_there_when_a_purchase_names_it_or_a_fill_of_one_does(shelf):
    shelf.decision("d", TIME, position_id="named")
    shelf.decision("e", TIME)
    shelf.fill("f", TIME, decision_id="e", position_id="filled")
    shelf.decision("exit", TIME, action="SELL", position_id="sold")
    shelf.fill("g", TIME, decision_id="exit", position_id="left")
    shelf.fill("h", TIME, decision_id="not there", position_id="opened")
    positions = ("named", "filled", "sold", "left", "opened")
    waiting(shelf).arrived([shelf.outcome(position, LATER, position_id=position) for position in positions])

    assert {"named", "filled"} == joined(shelf)


def test_an_outcome_of_an_alert_belongs_to_what_was_bought_because_of_it_too(shelf):
    shelf.decision("d", TIME, alert_id="bought")
    shelf.decision("e", TIME, alert_id="passed", action="IGNORE")
    waiting(shelf).arrived([shelf.outcome(name, LATER, alert_id=name) for name in ("bought", "passed")])

    assert {"bought"} == joined(shelf)


@pytest.mark.parametrize(
    ("names", "come"),
    [
        ({"alert_id": "x"}, lambda shelf: (shelf.alert("x", TIME), {"alerts": ["x"]})),
        ({"alert_id": "x"}, lambda shelf: (shelf.decision("d", TIME, alert_id="x"), {"decisions": ["d"]})),
        ({"decision_id": "x"}, lambda shelf: (shelf.decision("x", TIME), {"decisions": ["x"]})),
        ({"position_id": "x"}, lambda shelf: (shelf.decision("d", TIME, position_id="x"), {"decisions": ["d"]})),
    ],
)
def test_what_waits_is_joined_when_what_it_names_comes(shelf, names, come):
    waiting(shelf).arrived([shelf.outcome("o", LATER, **names), shelf.outcome("other", LATER, alert_id="never")])
    assert set() == joined(shelf)

    _, came = come(shelf)
    waiting(shelf).subjects_came(**came)

    assert {"o"} == joined(shelf)
    assert {"joined": 1, "waiting": 1, "outcomes": 2} == counts(shelf)
    waiting(shelf).subjects_came(**came)
    assert {"joined": 1, "waiting": 1, "outcomes": 2} == counts(shelf)


@pytest.mark.parametrize("fill_first", [True, False])
def test_an_outcome_of_a_position_waits_for_both_the_purchase_and_the_fill_that_links_them(shelf, fill_first):
    waiting(shelf).arrived([shelf.outcome("o", LATER, position_id="p")])
    steps = [
        lambda: (shelf.fill("f", TIME, decision_id="d", position_id="p"), {"positions": ["p"]}),
        lambda: (shelf.decision("d", TIME), {"decisions": ["d"]}),
    ]
    first, second = steps if fill_first else steps[::-1]

    waiting(shelf).subjects_came(**first()[1])
    assert set() == joined(shelf)
    waiting(shelf).subjects_came(**second()[1])
    assert {"o"} == joined(shelf)


def test_rows_that_were_stored_as_joined_are_counted_and_not_marked_again(shelf):
    shelf.alert("a", TIME)
    row = shelf.outcome("o", LATER, alert_id="a", joined=1)
    waiting(shelf).arrived([row])
    assert {"joined": 1, "waiting": 0, "outcomes": 1} == {"waiting": 0} | counts(shelf)
    assert {"o"} == joined(shelf)


def test_an_outcome_without_a_name_waits_for_the_rule(shelf):
    shelf.alert("a", TIME)
    waiting(shelf).arrived([shelf.outcome("o", LATER, symbol="AAPL", entered=TIME)])
    assert {"waiting": 1, "outcomes": 1} == counts(shelf)


def test_the_first_wait_while_there_is_room_and_the_others_are_told_how_many_do(shelf):
    one = waiting(shelf, waiting_limit=2)
    shelf.alert("a", TIME)
    stored = shelf.outcome("o", LATER, alert_id="never")
    one.arrived([stored])
    assert one.has_room(1)
    assert not one.has_room(2)

    came = [("p", "b"), ("q", "a"), ("r", "b")]
    new = [
        {**stored, "outcome_id": name, "alert_id": to, "sequence": 100 + place} for place, (name, to) in enumerate(came)
    ]
    [(sequence, reason)] = one.crowded_out([stored, *new]).items()
    assert 102 == sequence
    assert reason.startswith("2 outcomes already wait for what they are the outcome of, in strategy 'main'")
    assert "allows 2 (waiting_limit)" in reason


def test_what_nobody_claimed_for_too_long_takes_no_room(shelf):
    rules = {"waiting_limit": 1, "waiting_sessions": 2}
    stored = shelf.outcome("o", "2024-01-04 20:00", alert_id="never")
    waiting(shelf).arrived([stored])

    assert not waiting(shelf, settled="2024-01-05", **rules).has_room(1)
    old = waiting(shelf, settled="2024-01-08", **rules)
    assert old.has_room(1)
    [reason] = old.crowded_out([{**stored, "outcome_id": name} for name in ("p", "q")]).values()
    assert reason.startswith("1 outcome already waits for what it is the outcome of")


def test_other_strategies_neither_wait_nor_are_joined_with_us(shelf):
    other = Shelf(shelf.connection, strategy="other", first=100)
    waiting(shelf).arrived([shelf.outcome("o", LATER, alert_id="a")])
    other.alert("a", TIME)
    waiting(shelf).subjects_came(alerts=["a"])
    assert set() == joined(shelf)

    other.outcome("theirs", LATER, alert_id="b")
    shelf.alert("b", TIME)
    waiting(shelf).subjects_came(alerts=["b"])
    assert set() == joined(shelf)


def test_asks_for_no_outcome_while_none_waits(shelf, monkeypatch):
    asked = []
    monkeypatch.setattr("store.outcomes.Outcomes.waiting", lambda _, names: asked.append(names) or [])
    waiting(shelf).subjects_came(alerts=["a"])
    assert [] == asked
    waiting(shelf).arrived([shelf.outcome("o", LATER, alert_id="b")])
    waiting(shelf).subjects_came(alerts=["a"])
    assert 1 == len(asked)
