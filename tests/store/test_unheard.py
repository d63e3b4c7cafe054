"""Which examples never came to the occurrences: each one of the sessions that are looked at, whenever it came."""

import pytest
from sqlalchemy import insert

from store.examples import Example, Examples, Revision
from store.sessions import Sessions
from store.tables import instruments
from store.unheard import unheard

SLOT = ("alert", "1d", "prices")
CUT = 200
SETTLED_AT = 1_704_240_000_000_000
"""2024-01-03 00:00 UTC."""


def example(fact, session):
    return Example(
        fact=fact,
        horizon=SLOT[1],
        origin=SLOT[2],
        strategy="main",
        subject=SLOT[0],
        subject_id=f"a{fact}",
        instrument=1,
        unit=f"u{fact}",
        session=session,
        due=1,
        state="matched",
        reason=None,
        marks="",
        entry_time=1,
        exit_time=2,
        entry_price=1.0,
        exit_price=1.0,
        return_=0.01,
        net=None,
        benchmark=None,
        mfe=None,
        mae=None,
        volatility=None,
        peak_after=None,
        outcome_class="win",
        exit_reason=None,
        contributions="[]",
    )


@pytest.fixture
def told(store):
    """Of 01-03 one alert came before 01-02 had settled, and one after; one is of 01-02. Nothing was heard of."""
    with store.begin() as work:
        work.connection.execute(
            insert(instruments).values(id=1, strategy="main", venue="X", symbol="A", currency="USD")
        )
        work.take(CUT)
        rows = [example(94, "2024-01-02"), example(95, "2024-01-03"), example(120, "2024-01-03")]
        Examples(work.connection, "main").add([Revision(row, 1, 150, False) for row in rows])
        Sessions(work.connection).add("main", "2024-01-02", cut=100, pending={}, now=SETTLED_AT)
        work.commit()
    return store


def found(store, *, since, cut=CUT):
    with store.read() as reading:
        return [one.subject_id for one in unheard(reading, "main", slots=[SLOT], since=since, cut=cut)]


def test_an_alert_that_came_before_the_last_session_had_settled_is_found(told):
    assert ["a95", "a120"] == found(told, since="2024-01-03")
    assert ["a94", "a95", "a120"] == found(told, since="2024-01-02")


def test_what_came_weeks_before_the_session_is_not_looked_at(told):
    with told.begin() as work:
        rows = [example(96, "2024-02-01"), example(121, "2024-02-01")]
        Examples(work.connection, "main").add([Revision(row, 1, 150, False) for row in rows])
        work.commit()

    assert ["a121"] == found(told, since="2024-02-01")


def test_what_was_told_after_the_cut_is_not_found(told):
    assert [] == found(told, since="2024-01-03", cut=149)
