"""What is pending is found, and costs what is found, however much else is pending."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from store import tables
from store.awaited import Awaited, Place, Wait
from store.books import pending
from store.examples import Examples, OpenExample
from tests import lengths
from tests.databases import sqlite_only
from tests.statements import heard, plans

HORIZONS, ORIGINS, SESSIONS = ("1d", "5d", "close"), ("prices", "reported"), ("2024-01-03", "2024-01-04", "2024-01-05")


@pytest.fixture
def connection(store):
    with store.begin() as work:
        rows = [
            {"id": number, "strategy": strategy, "venue": "", "symbol": "X"}
            for number, strategy in [(1, "main"), (2, "main"), (3, "other")]
        ]
        work.connection.execute(insert(tables.instruments), rows)
        yield work.connection


def example(fact, *, horizon="1d", origin="prices", session="2024-01-03", state="pending", instrument=1, due=0):
    row = dict.fromkeys(column.name for column in tables.examples.columns)
    row |= {"fact": fact, "horizon": horizon, "origin": origin, "session": session, "state": state, "due": due}
    row |= {"instrument": instrument, "strategy": "other" if instrument == 3 else "main", "unit": f"X/{fact}"}
    row |= {"subject": "alert", "subject_id": f"a{fact}", "marks": "", "contributions": "[]"}
    return row | {"late": 0, "revision": 0, "sequence": fact}


def wait(fact, session, instrument, dues):
    strategy = "other" if instrument == 3 else "main"
    return Wait(fact, strategy, "alert", f"a{fact}", Place(instrument, f"X/{fact}", session, ""), dues)


def fill(connection, rows):
    connection.execute(delete(tables.examples))
    if rows:
        connection.execute(insert(tables.examples), rows)


@given(
    told=st.lists(
        st.tuples(
            st.sampled_from(HORIZONS),
            st.sampled_from(ORIGINS),
            st.sampled_from(SESSIONS),
            st.sampled_from(("pending", "pending", "matched")),
            st.integers(1, 3),
            st.integers(0, 3),
        )
    )
)
@lengths.examples(50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_everything_pending_is_found(connection, told):
    names = ("horizon", "origin", "session", "state", "instrument", "due")
    rows = [example(fact, **dict(zip(names, one, strict=True))) for fact, one in enumerate(told, 1)]
    fill(connection, rows)
    waiting = [row for row in rows if row["state"] == "pending" and row["strategy"] == "main"]

    found = Examples(connection, "main").sessions()
    assert {((row["horizon"], row["origin"]), row["session"]) for row in waiting} == found
    due = [OpenExample(row["unit"], row["horizon"], row["origin"]) for row in waiting if row["due"] <= 1]
    assert sorted(due) == sorted(Examples(connection, "main").overdue(until=1))


@given(
    told=st.lists(
        st.tuples(
            st.sampled_from(SESSIONS),
            st.integers(1, 3),
            st.dictionaries(
                st.tuples(st.sampled_from(HORIZONS), st.sampled_from(ORIGINS)), st.integers(0, 3), min_size=1
            ),
        ),
        max_size=8,
    ),
    over=st.sets(st.tuples(st.sampled_from(HORIZONS), st.sampled_from(ORIGINS))),
)
@lengths.examples(50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_everything_that_waits_in_silence_is_found(connection, told, over):
    awaited = Awaited(connection, "main")
    waits = [wait(fact, *one) for fact, one in enumerate(told, 1)]
    connection.execute(delete(tables.awaited))
    awaited.add(waits)
    assert {one.fact: one for one in waits} == awaited.get(range(20))

    left = [one._replace(dues={slot: due for slot, due in one.dues.items() if slot not in over}) for one in waits]
    awaited.replace(left)
    mine = {one.fact: one for one in left if one.strategy == "main" and one.dues}
    assert {(slot, one.place.session) for one in mine.values() for slot in one.dues} == awaited.sessions()
    assert [one for one in mine.values() if one.due_by(1)] == sorted(awaited.overdue(until=1))
    ripe = [one for one in mine.values() if one.place.instrument == 2 and one.due_by(1)]
    assert ripe == sorted(awaited.maturing({2: 1}))
    counted = Counter(slot for one in mine.values() for slot in one.dues)
    connection.execute(delete(tables.examples))
    assert counted == pending(connection, "main")


@sqlite_only
@pytest.mark.parametrize("table", [Examples, Awaited])
@pytest.mark.parametrize(
    "ask",
    [lambda mine: mine.sessions(), lambda mine: list(mine.overdue(until=1))],
    ids=["open sessions", "what is due"],
)
def test_ten_times_as_much_that_is_not_due_costs_no_more(connection, table, ask):
    few, many = (steps(connection, count, lambda: ask(table(connection, "main"))) for count in (200, 2_000))
    assert many < 1.5 * few


@sqlite_only
def test_counting_what_is_pending_reads_an_index_alone(connection):
    with heard(connection) as asked:
        pending(connection, "main")
    assert [
        "SEARCH examples USING COVERING INDEX ix_examples_pending (strategy=?)",
        "SEARCH awaited USING COVERING INDEX ix_awaited_strategy_session_slots (strategy=?)",
    ] == [plan for plan in plans(connection, asked) if " USING " in plan]


def steps(connection, count, ask):
    """How many instructions SQLite runs to answer, with so many pending examples, of which five are due."""
    dues = {fact: 1 if fact < 5 else 9 for fact in range(count)}
    fill(connection, [example(fact, due=due) for fact, due in dues.items()])
    connection.execute(delete(tables.awaited))
    Awaited(connection, "main").add([wait(fact, SESSIONS[0], 1, {("1d", "prices"): due}) for fact, due in dues.items()])
    counted = []
    driver = connection.connection.driver_connection
    driver.set_progress_handler(lambda: counted.append(1), 1)
    ask()
    driver.set_progress_handler(None, 1)
    return len(counted)
