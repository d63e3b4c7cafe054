"""Instruments, what symbols mean, and moving what is stored from one instrument to another."""

import pytest
from sqlalchemy import select

from store import tables
from store.instruments import Instruments, Listing, Meaning, SymbolChange
from store.moves import Move, Moves, units_of

X, Y = Listing("", "X"), Listing("XETR", "Y")


@pytest.fixture
def connection(store):
    with store.begin() as work:
        yield work.connection


@pytest.fixture
def known(connection):
    """Instruments, of which X at no venue was the first and Y at one the second."""
    instruments = Instruments(connection)
    numbers = instruments.add("main", [(X, "USD"), (Y, None)])
    instruments.mean("main", [Meaning(*one, 0, number, "first") for one, number in zip((X, Y), numbers, strict=True)])
    return instruments


def test_instruments_get_numbers_in_the_order_in_which_they_are_named(known):
    first, second = known.of_strategy("main")

    assert first < second
    assert {first: "", second: "XETR"} == known.venues([first, second])
    assert {first: "USD", second: None} == known.currencies([first, second, 99])
    assert [] == known.of_strategy("other") == known.add("main", [])


def test_a_currency_becomes_known(known):
    first, second = known.of_strategy("main")
    known.tell_currency(second, "EUR")

    assert {first: "USD", second: "EUR"} == known.currencies([first, second])


def test_a_symbol_means_one_thing_after_another(known):
    first, second = known.of_strategy("main")
    known.mean("main", [Meaning(*X, 20, second, "renamed"), Meaning(*X, 10, first, "gap")])

    assert [(0, first), (10, first), (20, second)] == known.eras("main", X)
    assert {Y: [Meaning(*Y, 0, second, "first")]} == known.meanings("main", [Y, Listing("", "Y")])
    assert [] == known.eras("other", X)


def test_what_a_symbol_does_not_mean_after_all_is_forgotten(known):
    first, second = known.of_strategy("main")
    later = Meaning(*X, 20, second, "renamed")
    known.mean("main", [later])
    known.forget("main", [later])

    assert [(0, first)] == known.eras("main", X)
    assert [(0, second)] == known.eras("main", Y)


def test_changes_are_those_of_one_venue_by_session(connection, known):
    row = {"source": "s", "strategy": "main", "time": 1, "recorded_at": 1, "body": "{}", "symbol": "X"}
    told = [("", "2024-01-03", None), ("", "2024-01-02", "Z"), ("XETR", "2024-01-02", None)]
    for place, (venue, session, renamed_to) in enumerate(told):
        named = {"sequence": place, "event_id": f"e{place}", "venue": venue, "session": session}
        connection.execute(tables.symbol_changes.insert(), row | named | {"renamed_to": renamed_to})

    assert [SymbolChange("", "X", "2024-01-02", "Z"), SymbolChange("", "X", "2024-01-03", None)] == known.changes(
        "main", ""
    )
    assert [] == known.changes("other", "")


def fill(sequence, instrument, time, *, account="paper"):
    names = {"source": "s", "event_id": f"e{sequence}", "fill_id": f"f{sequence}", "strategy": "main"}
    told = {"recorded_at": 1, "body": "{}", "decision_id": None, "position_id": None, "side": "BUY", "fees": None}
    amounts = {"quantity": 1.0, "price": 1.0, "multiplier": 1.0, "rank": None}
    return names | told | amounts | {"sequence": sequence, "instrument": instrument, "time": time, "account": account}


def thesis(sequence, instrument):
    names = {"source": "s", "event_id": f"e{sequence}", "thesis_id": f"t{sequence}", "strategy": "main"}
    told = {"time": 1, "recorded_at": 1, "body": "{}", "recommendation": "HOLD", "unit": f"thesis/t{sequence}"}
    about = dict.fromkeys(("confidence", "alert_id", "decision_id", "position_id"))
    return names | told | about | {"sequence": sequence, "instrument": instrument, "session": "s", "entry_session": "s"}


def bar(instrument, time):
    figures = {"open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": None, "factor": None}
    told = {"interval": "1d", "source": "s", "event_id": f"{instrument}/{time}", "recorded_at": 1, "session": "s"}
    return {"instrument": instrument, "time": time, **told, **figures, "final": 1, "revision": 0, "entry": ""}


def put(connection, table, *rows):
    connection.execute(table.insert(), list(rows))


def test_two_instruments_change_places_from_a_moment_on(connection, known):
    first, second = known.of_strategy("main")
    put(connection, tables.fills, *(fill(10 * one + time, one, time) for one in (first, second) for time in (1, 2, 3)))
    put(connection, tables.prices, *(bar(one, time) for one in (first, second) for time in (1, 2, 3, 4)))

    moved = Moves(connection).make([Move(first, second, 2, 3), Move(second, first, 2, 3)])

    rows = connection.execute(select(tables.fills.c.instrument, tables.fills.c.sequence)).all()
    stays, moves = (
        {(one, 10 * one + time) for one in (first, second) for time in (1, 3)},
        {first: second, second: first},
    )
    assert stays | {(moves[one], 10 * one + 2) for one in (first, second)} == {tuple(row) for row in rows}
    rows = connection.execute(select(tables.prices.c.instrument, tables.prices.c.event_id)).all()
    stays = {(one, f"{one}/{time}") for one in (first, second) for time in (1, 2, 4)}
    assert stays | {(moves[one], f"{one}/3") for one in (first, second)} == {tuple(row) for row in rows}
    assert ({first, second}, {(first, "paper"), (second, "paper")}) == moved


def test_where_nothing_lies_nothing_is_concerned(connection, known):
    first, second = known.of_strategy("main")
    put(connection, tables.fills, fill(1, first, 5))

    assert (set(), set()) == Moves(connection).make([Move(first, second, 1, 5), Move(second, first, 1, 9)])


def test_units_are_those_of_everything_about_an_instrument(connection, known):
    first, second = known.of_strategy("main")
    put(connection, tables.theses, thesis(1, first), thesis(2, second), thesis(3, first))

    assert {"thesis/t1", "thesis/t3"} == units_of(connection, [first])
    assert {"thesis/t1", "thesis/t2", "thesis/t3"} == units_of(connection, [first, second])
