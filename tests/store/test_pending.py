"""What is pending is found, and costs what is found, however much else is pending."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, insert

from store import tables
from store.books import pending
from store.examples import Examples, OpenExample
from tests.databases import sqlite_only

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
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_everything_pending_is_found(connection, told):
    names = ("horizon", "origin", "session", "state", "instrument", "due")
    rows = [example(fact, **dict(zip(names, one, strict=True))) for fact, one in enumerate(told, 1)]
    fill(connection, rows)
    waiting = [row for row in rows if row["state"] == "pending" and row["strategy"] == "main"]

    found = Examples(connection, "main").pending()
    wanted = sorted({(row["horizon"], row["origin"], row["session"]) for row in waiting})
    assert wanted == [(*slot.split("/"), session) for slot, sessions in found.items() for session in sessions]
    due = [OpenExample(row["unit"], row["horizon"], row["origin"]) for row in waiting if row["due"] <= 1]
    assert sorted(due) == sorted(Examples(connection, "main").overdue(until=1))


@sqlite_only
@pytest.mark.parametrize(
    "ask",
    [lambda mine: mine.pending(), lambda mine: mine.overdue(until=1)],
    ids=["open sessions", "what is due"],
)
def test_ten_times_as_much_that_is_not_due_costs_no_more(connection, ask):
    few, many = (steps(connection, count, ask) for count in (200, 2_000))
    assert many < 1.5 * few


@sqlite_only
def test_counting_what_is_pending_reads_an_index_alone(connection):
    asked = []
    event.listen(connection, "before_cursor_execute", lambda *told: asked.append(told[2:4]))
    pending(connection, "main")
    [(statement, values)] = asked
    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple(values)).all()
    assert ["SEARCH examples USING COVERING INDEX ix_examples_pending (strategy=?)"] == [row[-1] for row in plan]


def steps(connection, count, ask):
    """How many instructions SQLite runs to answer, with so many pending examples, of which five are due."""
    fill(connection, [example(fact, due=1 if fact < 5 else 9) for fact in range(count)])
    counted = []
    driver = connection.connection.driver_connection
    driver.set_progress_handler(lambda: counted.append(1), 1)
    ask(Examples(connection, "main"))
    driver.set_progress_handler(None, 1)
    return len(counted)
