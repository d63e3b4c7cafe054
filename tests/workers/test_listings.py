"""What a symbol means: until it changes or has had no bar for too long, and what moves when that comes late."""

from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import select

from schemas.calendar import Calendar
from schemas.parameters import Market, Registry
from store import tables
from store.instruments import Listing
from store.prices import Prices
from tests import lengths
from tests.databases import long_on_postgresql
from tests.statements import heard
from workers.join import eras
from workers.join.listings import Listings
from workers.join.rules import Rules

NYSE = Calendar.named("XNYS")
GAP = 10
HOUR = 3_600_000_000
FIRST = NYSE.place("2024-01-02")


def day(number):
    """The session so many sessions after the first of 2024."""
    return NYSE.sessions[FIRST + number]


def opened(number):
    return NYSE.open_of(day(number))


def begun(number):
    return NYSE.begin_of(day(number))


class Bar(NamedTuple):
    day: int
    symbol: str = "X"
    venue: str = ""


class Alert(NamedTuple):
    """An alert an hour after the open, with a fill, a decision, a thesis and an outcome of the same moment."""

    day: int
    symbol: str = "X"
    venue: str = ""


class Change(NamedTuple):
    day: int
    symbol: str = "X"
    renamed_to: str | None = None
    venue: str = ""


class Desk:
    """Takes batches in as attribution does, as far as instruments are concerned."""

    def __init__(self, work, **market):
        self.work = work
        self.rules = Rules(Registry(market=Market(gap_sessions=GAP, **market)))
        self.sequences = {}
        self.units, self.books = set(), set()

    def take(self, *batch):
        listings = Listings(self.work, self.rules)
        listings.change([self.changed(one) for one in batch if isinstance(one, Change)])
        facts = [one for one in batch if isinstance(one, Alert)]
        bars = [one for one in batch if isinstance(one, Bar)]
        times = [moment(one) for one in facts] + [moment(one) - 1 for one in bars]
        told = [(Listing(one.venue, one.symbol), time, None) for one, time in zip(facts + bars, times, strict=True)]
        numbers = dict(zip(facts + bars, listings.numbers(told), strict=True))
        for one in facts:
            self.fact(one, numbers[one])
        rows = [bar_row(one, numbers[one]) for one in bars]
        Prices(self.work.connection, owner="attribution", now=1).keep(rows)
        listings.bars_came(rows)
        self.units |= listings.touched_units
        self.books |= listings.touched_books
        return listings

    def changed(self, one):
        row = {"sequence": self.sequence(one), "source": "s", "event_id": str(one), "strategy": "main", "time": 1}
        row |= {"recorded_at": 1, "body": "{}", "venue": one.venue, "symbol": one.symbol, "session": day(one.day)}
        row |= {"renamed_to": one.renamed_to}
        self.work.insert(tables.symbol_changes, [row])
        return row

    def fact(self, one, number):
        at = self.sequence(one)
        common = {
            "sequence": at,
            "source": "s",
            "strategy": "main",
            "time": moment(one),
            "recorded_at": 1,
            "body": "{}",
        }
        place = {"instrument": number, "unit": str(one), "session": day(one.day), "entry_session": day(one.day + 1)}
        about = common | place | {"direction": "LONG", "params_version": None, "assignments": None, "regime": None}
        own = {"named_unit": 0, "action": "BUY", "position_id": None, "thesis_id": None, "alert_id": None}
        empty = dict.fromkeys(("size", "fill_price", "stop", "target", "max_hold", "score"))
        outcome = {"decision_id": None, "position_id": None, "alert_id": None, "horizon": "5d", "gross": None}
        rows = {
            tables.alerts: about | {"alert_id": str(one), "score": 0.5, "run_id": None},
            tables.decisions: about | own | empty | {"decision_id": str(one)},
            tables.theses: common
            | place
            | {"thesis_id": str(one), "recommendation": "HOLD", "confidence": None}
            | dict.fromkeys(("alert_id", "decision_id", "position_id")),
            tables.fills: common
            | {"instrument": number, "fill_id": str(one), "account": "paper", "side": "BUY", "quantity": 1.0}
            | {"price": 1.0, "fees": None, "multiplier": 1.0, "rank": None, "decision_id": None, "position_id": None},
            tables.outcomes: common
            | outcome
            | {"outcome_id": str(one), "instrument": number, "direction": "LONG", "entry_time": moment(one)}
            | {"net": None, "joined": 0},
        }
        for table, row in rows.items():
            self.work.insert(table, [row | {"event_id": f"{table.name} {one}"}])
        self.work.insert(tables.examples, [example_row(at, number, unit=str(one))])
        self.work.insert(tables.awaited, [awaited_row(at, number, unit=str(one))])

    def sequence(self, one):
        """A number of its own for every event, whenever it comes."""
        return self.sequences.setdefault(one, len(self.sequences) + 1)

    def meanings(self):
        """(venue, symbol, since): the first name of what it means, and why it means that."""
        return {
            (row.venue, row.symbol, row.since): (self.names()[row.instrument], row.because) for row in self.listings()
        }

    def listings(self):
        return self.work.connection.execute(select(tables.listings).order_by(tables.listings.c.since)).all()

    def names(self):
        """The first name of each instrument that is meant."""
        found = {row.instrument: (row.venue, row.symbol, row.since) for row in reversed(self.listings())}
        rows = {row.id: (row.venue, row.symbol) for row in self.work.connection.execute(select(tables.instruments))}
        assert {number: name[:2] for number, name in found.items()} == {number: rows[number] for number in found}
        return found

    def first_names(self):
        """Where everything that is stored belongs, by its name or its bar."""
        names, found = self.names(), {}
        for table in (tables.alerts, tables.decisions, tables.theses, tables.fills, tables.outcomes):
            for row in self.work.connection.execute(select(table)):
                found[row.event_id] = names[row.instrument]
        for row in self.work.connection.execute(select(tables.prices)):
            found[row.event_id] = names[row.instrument]
        for table in (tables.examples, tables.awaited):
            for row in self.work.connection.execute(select(table)):
                found[f"{table.name} of {row.unit}"] = names[row.instrument]
        return found


def moment(one):
    return NYSE.close_of(day(one.day)) if isinstance(one, Bar) else opened(one.day) + HOUR


def bar_row(one, number):
    row = {"instrument": number, "interval": "1d", "time": moment(one), "source": "s", "event_id": str(one)}
    row |= {"recorded_at": 1, "session": day(one.day), "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0}
    return row | {"volume": None, "factor": None, "final": 1, "revision": 0, "entry": ""}


def awaited_row(fact, number, *, unit):
    row = {"fact": fact, "strategy": "main", "subject": "alert", "subject_id": unit, "instrument": number, "unit": unit}
    return row | {"session": day(0), "marks": "", "slots": "1d/prices", "dues": "[1]", "due": 1}


def example_row(fact, number, *, unit):
    row = dict.fromkeys(column.name for column in tables.examples.columns)
    row |= {"fact": fact, "horizon": "5d", "origin": "prices", "strategy": "main", "subject": "alert"}
    row |= {"subject_id": unit, "instrument": number, "unit": unit, "session": day(0), "due": 1, "state": "pending"}
    return row | {"marks": "", "late": 0, "revision": 0, "sequence": 1, "contributions": "[]"}


@pytest.fixture
def turn(store):
    with store.begin() as work:
        yield work


@pytest.fixture
def desk(turn):
    return Desk(turn)


def bars(*days, symbol="X"):
    return [Bar(one, symbol) for one in days]


def of(desk, *events):
    """The symbols and moments of the first names of what these belong to."""
    found = desk.first_names()
    return [found[str(one) if isinstance(one, Bar) else f"alerts {one}"][1:] for one in events]


def test_a_symbol_means_one_instrument_at_each_venue_from_the_beginning(desk):
    desk.take(Alert(0), Alert(0, "Y"), Alert(0, venue="XETR"))
    desk.take(Alert(1), Bar(0))

    firsts = [("", "X", 0), ("", "Y", 0), ("XETR", "X", 0)]
    assert {first: (first, "first") for first in firsts} == desk.meanings()
    assert [("X", 0), ("X", 0), ("X", 0), ("Y", 0)] == of(desk, Alert(0), Alert(1), Bar(0), Alert(0, "Y"))


def test_what_changes_name_gets_its_numbers_by_name(desk):
    symbols = [f"S{number:02}" for number in range(12)]
    desk.take(*(Change(number, old, new) for number, (old, new) in enumerate(pairwise(symbols))))

    rows = desk.work.connection.execute(select(tables.instruments).order_by(tables.instruments.c.id)).all()
    assert symbols == [row.symbol for row in rows][: len(symbols)]


def test_a_currency_becomes_known_and_another_one_is_refused(turn):
    listing, rules = Listing("", "X"), Rules(Registry())
    (number,) = Listings(turn, rules).numbers([(listing, 1, None)])

    told = [(listing, 1, currency) for currency in (None, "USD", "EUR", "USD")]
    unknown, known, refused, again = Listings(turn, rules).numbers(told)
    assert (number, number, number) == (unknown, known, again)
    assert "currency is 'EUR', but 'X' was told in 'USD' before" in refused
    assert [number] == Listings(turn, rules).numbers([(listing, 2, "USD")])
    assert "'EUR'" in Listings(turn, rules).numbers([(listing, 2, "EUR")])[0]
    assert ["USD"] == list(turn.connection.execute(select(tables.instruments.c.currency)).scalars())


def test_the_currency_told_first_in_a_batch_counts(turn):
    listing = Listing("", "X")
    number, refused = Listings(turn, Rules(Registry())).numbers([(listing, 1, "USD"), (listing, 1, "EUR")])

    assert 1 == number
    assert "'EUR'" in refused


def test_a_symbol_that_is_taken_over_means_something_else_from_its_date_on(desk):
    desk.take(Bar(0), Alert(0), Bar(1), Alert(4))
    desk.take(Change(2))
    desk.take(Bar(2), Alert(5), Alert(1))

    later = begun(2)
    assert {
        ("", "X", 0): (("", "X", 0), "first"),
        ("", "X", later): (("", "X", later), "taken over"),
    } == desk.meanings()
    assert [("X", 0)] * 4 == of(desk, Bar(0), Bar(1), Alert(0), Alert(1))
    assert [("X", later)] * 3 == of(desk, Bar(2), Alert(4), Alert(5))


def test_what_is_renamed_goes_on_under_its_new_symbol(desk):
    desk.take(*bars(0, 1), Bar(2, "Y"), Alert(3, "Y"), Alert(0, "Y"), Alert(3))
    desk.take(Change(2, "X", "Y"))

    later = begun(2)
    assert {
        ("", "X", 0): (("", "X", 0), "first"),
        ("", "X", later): (("", "X", later), "taken over"),
        ("", "Y", 0): (("", "Y", 0), "first"),
        ("", "Y", later): (("", "X", 0), "renamed"),
    } == desk.meanings()
    assert [("X", 0)] * 4 == of(desk, Bar(0), Bar(1), Bar(2, "Y"), Alert(3, "Y"))
    assert [("Y", 0), ("X", later)] == of(desk, Alert(0, "Y"), Alert(3))


def test_two_symbols_may_change_places(desk):
    desk.take(*bars(0, 5), *bars(0, 5, symbol="Y"), Alert(6), Alert(6, "Y"))
    desk.take(Change(3, "X", "Y"), Change(3, "Y", "X"))

    assert [("X", 0), ("Y", 0), ("Y", 0), ("X", 0)] == of(desk, Bar(0), Bar(5), Alert(6), Alert(6, "Y"))
    assert [("Y", 0), ("X", 0)] == of(desk, Bar(0, "Y"), Bar(5, "Y"))


def test_of_two_that_are_renamed_to_the_same_symbol_the_first_by_name_is(desk):
    desk.take(Alert(0, "A"), Alert(0, "B"), Alert(2, "C"))
    desk.take(Change(1, "B", "C"))
    desk.take(Change(1, "A", "C"))

    assert [("A", 0)] == of(desk, Alert(2, "C"))


def test_a_change_of_a_symbol_nobody_has_heard_of_waits_for_its_facts(desk):
    desk.take(Change(2, "X", "Y"))
    desk.take(Alert(0), Alert(5), Alert(5, "Y"))

    assert [("X", 0), ("X", begun(2)), ("X", 0)] == of(desk, Alert(0), Alert(5), Alert(5, "Y"))


def test_a_bar_that_ends_at_midnight_is_of_the_day_that_it_ends(store):
    always = Calendar.named("24/7")
    with store.begin() as work:
        desk = Desk(work, calendar="24/7")
        change = {"venue": "", "symbol": "X", "session": "2024-01-03", "renamed_to": None}
        Listings(work, desk.rules).change([desk.changed(Change(1)) | change])
        midnight = always.begin_of("2024-01-03")
        before, after, fact = Listings(work, desk.rules).numbers(
            [(Listing("", "X"), time, None) for time in (midnight - 1, midnight, midnight)]
        )

    assert before != after == fact


def test_the_longest_gap_leaves_an_instrument_whole_and_a_longer_one_ends_it(desk):
    desk.take(*bars(0, GAP, 2 * GAP + 1), Alert(2 * GAP - 1), Alert(2 * GAP))

    since = opened(2 * GAP)
    assert {("", "X", 0): (("", "X", 0), "first"), ("", "X", since): (("", "X", since), "gap")} == desk.meanings()
    assert [("X", 0)] * 3 == of(desk, Bar(0), Bar(GAP), Alert(2 * GAP - 1))
    assert [("X", since)] * 2 == of(desk, Bar(2 * GAP + 1), Alert(2 * GAP))


def test_a_gap_that_shows_late_moves_facts_examples_and_books(desk):
    desk.take(Bar(0), Alert(1), Alert(40))
    assert [("X", 0)] == of(desk, Alert(40))

    listings = desk.take(Bar(41))

    name = ("", "X", opened(GAP))
    found = desk.first_names()
    kinds = ("alerts", "decisions", "theses", "fills", "outcomes", "examples of", "awaited of")
    moved = {f"{kind} {Alert(40)}" for kind in kinds}
    assert dict.fromkeys(moved | {str(Bar(41))}, name) == {key: one for key, one in found.items() if one == name}
    assert {str(Alert(1)), str(Alert(40))} == listings.touched_units
    assert {(number, "paper") for number in desk.names()} == listings.touched_books


def test_bars_that_fill_a_gap_join_what_was_apart(desk):
    desk.take(*bars(0, 20), Alert(20))
    assert [("X", opened(GAP))] == of(desk, Alert(20))

    listings = desk.take(Bar(10))

    assert {("", "X", 0): (("", "X", 0), "first")} == desk.meanings()
    assert [("X", 0)] * 4 == of(desk, Bar(0), Bar(10), Bar(20), Alert(20))
    assert {str(Alert(20))} == listings.touched_units


def test_a_late_bar_shortens_the_gap_after_it_and_moves_only_what_lay_between(desk):
    desk.take(*bars(0, 40), Alert(12), Alert(30))
    number = {name: number for number, name in desk.names().items()}["", "X", opened(GAP)]

    listings = desk.take(Bar(5))

    assert number == {name: number for number, name in desk.names().items()}["", "X", opened(5 + GAP)]
    assert [("X", 0), ("X", opened(5 + GAP))] == of(desk, Alert(12), Alert(30))
    assert {str(Alert(12)), str(Alert(30))} == listings.touched_units
    assert set() == desk.take(Bar(6)).touched_units


def test_a_bar_long_before_all_others_is_of_what_was_first(desk):
    desk.take(Bar(40), Alert(39))
    desk.take(Bar(0))

    assert [("X", 0), ("X", opened(GAP)), ("X", opened(GAP))] == of(desk, Bar(0), Alert(39), Bar(40))


def test_a_late_bar_after_a_gap_is_of_what_comes_after_it(desk):
    desk.take(*bars(0, 40))
    desk.take(Bar(35))

    assert [("X", opened(GAP))] * 2 == of(desk, Bar(35), Bar(40))


def test_a_gap_is_one_of_the_instrument_whatever_its_symbol(desk):
    desk.take(Change(20, "X", "Y"))
    desk.take(Bar(0), Bar(30, "Y"), Alert(5), Alert(15), Alert(25, "Y"))

    since = opened(GAP)
    assert (("", "X", since), "gap") == desk.meanings()["", "X", since]
    assert (("", "X", since), "renamed") == desk.meanings()["", "Y", begun(20)]
    assert [("X", 0), ("X", since), ("X", since), ("X", since)] == of(
        desk, Alert(5), Alert(15), Alert(25, "Y"), Bar(30, "Y")
    )


def test_a_gap_that_shrinks_past_a_rename_begins_under_the_new_symbol(desk):
    desk.take(Change(20, "X", "Y"), *bars(0, 9), Bar(40, "Y"), Alert(30, "Y"))
    assert [("X", opened(9 + GAP))] * 2 == of(desk, Alert(30, "Y"), Bar(40, "Y"))

    desk.take(Bar(15))

    since = opened(15 + GAP)
    assert [("Y", since)] * 2 == of(desk, Alert(30, "Y"), Bar(40, "Y"))
    assert (("", "X", 0), "renamed") == desk.meanings()["", "Y", begun(20)]
    assert (("", "Y", since), "gap") == desk.meanings()["", "Y", since]


def test_what_comes_after_a_gap_is_in_the_same_currency(desk):
    Listings(desk.work, desk.rules).numbers([(Listing("", "X"), 1, "USD")])
    desk.take(*bars(0, 40))

    assert ["USD", "USD"] == list(desk.work.connection.execute(select(tables.instruments.c.currency)).scalars())


def test_a_taken_over_symbol_has_no_gap_to_what_it_meant_before(desk):
    desk.take(Change(20))
    desk.take(*bars(0, 21))

    assert {("", "X", 0): (("", "X", 0), "first"), ("", "X", begun(20)): (("", "X", begun(20)), "taken over")} == (
        desk.meanings()
    )


def test_where_a_gap_ends_at_the_moment_of_a_rename_the_gap_is_the_reason():
    changes = [eras.Change(20, "X", "Y")]
    made = eras.cut(eras.lines("XY", changes), {eras.Name("X", 0): [20]})

    assert {
        "X": [eras.Era(0, ("X", 0), "first"), eras.Era(20, ("X", 20), "taken over")],
        "Y": [eras.Era(0, ("Y", 0), "first"), eras.Era(20, ("Y", 20), "gap")],
    } == made


def test_every_rename_after_a_gap_is_of_what_comes_after_it():
    changes = [eras.Change(20, "X", "Y"), eras.Change(30, "Y", "Z")]
    made = eras.cut(eras.lines("XYZ", changes), {eras.Name("X", 0): [10, 30]})

    assert [eras.Era(0, ("X", 0), "first"), eras.Era(10, ("X", 10), "gap")] == made["X"][:2]
    assert eras.Era(20, ("X", 10), "renamed") == made["Y"][1]
    assert eras.Era(30, ("Z", 30), "gap") == made["Z"][1]


def test_bars_of_24_hours_are_of_the_day_that_they_end(store):
    always = Calendar.named("24/7")
    with store.begin() as work:
        desk = Desk(work, calendar="24/7")
        listings = Listings(work, desk.rules)
        (number,) = listings.numbers([(Listing("", "X"), 1, None)])
        ended = [always.close_of(one) for one in ("2024-01-01", "2024-01-12")]
        rows = [bar_row(Bar(0), number) | {"time": end} for end in ended]
        Prices(work.connection, owner="attribution", now=1).keep(rows)
        listings.bars_came(rows)

        assert [0, always.open_of("2024-01-11")] == [row.since for row in desk.listings()]


def test_a_bar_that_ends_where_its_symbol_is_taken_over_makes_no_gap_in_what_follows(store):
    always = Calendar.named("24/7")
    with store.begin() as work:
        desk = Desk(work, calendar="24/7")
        listings = Listings(work, desk.rules)
        ended = [always.close_of(one) for one in ("2024-01-01", "2024-01-02", "2024-01-13")]
        assert ended[1] == always.begin_of("2024-01-03")
        (number,) = listings.numbers([(Listing("", "X"), 1, None)])
        kept = [bar_row(Bar(place), number) | {"time": end} for place, end in enumerate(ended)]
        Prices(work.connection, owner="attribution", now=1).keep(kept)
        change = {"venue": "", "symbol": "X", "session": "2024-01-03", "renamed_to": None}
        desk.changed(Change(1))
        work.connection.execute(tables.symbol_changes.update().values(session="2024-01-03"))
        for _ in range(2):
            listings.change([change])
            assert ["first", "taken over"] == [row.because for row in desk.listings()]


def test_only_final_bars_of_the_measured_length_make_gaps(desk):
    listings = Listings(desk.work, desk.rules)
    (number,) = listings.numbers([(Listing("", "X"), 1, None)])
    rows = [bar_row(Bar(0), number), bar_row(Bar(40), number) | {"final": 0}]
    rows.append(bar_row(Bar(80), number) | {"interval": "1h"})
    Prices(desk.work.connection, owner="attribution", now=1).keep(rows)
    listings.bars_came(rows)

    assert 1 == len(desk.meanings())


def test_sessions_are_those_of_the_venue(store):
    with store.begin() as work:
        desk = Desk(work, venues={"coins": "24/7"})
        listings = Listings(work, desk.rules)
        coin, share = listings.numbers([(Listing("coins", "X"), 1, None), (Listing("", "X"), 1, None)])
        always = Calendar.named("24/7")
        weeks = [always.close_of(one) for one in ("2024-01-02", "2024-01-13")]
        rows = [bar_row(Bar(0), number) | {"time": end} for number in (coin, share) for end in weeks]
        Prices(work.connection, owner="attribution", now=1).keep(rows)
        listings.bars_came(rows)

        assert ["first", "gap"] == [row.because for row in desk.listings() if row.venue == "coins"]
        assert ["first"] == [row.because for row in desk.listings() if row.venue == ""]


def test_the_next_bars_of_many_instruments_cost_one_query_for_names_and_one_for_gaps(desk):
    symbols = [f"S{number}" for number in range(40)]
    desk.take(*(Bar(0, symbol) for symbol in symbols))
    listings = Listings(desk.work, desk.rules)
    with heard(desk.work.connection) as asked:
        listings.bars_came([bar_row(Bar(1), 1) | {"interval": "1h"}, bar_row(Bar(1), 1) | {"final": 0}])
        assert [] == asked
        numbers = listings.numbers([(Listing("", symbol), moment(Bar(1)) - 1, None) for symbol in symbols])
        listings.bars_came([bar_row(Bar(1, symbol), number) for symbol, number in zip(symbols, numbers, strict=True)])

    assert 2 == len(asked)


symbols = st.sampled_from("XXYZ")
days = st.integers(0, 60)
anywhere = st.just("")
events = st.one_of(
    st.builds(Bar, days, symbols, anywhere),
    st.builds(Bar, days, symbols, anywhere),
    st.builds(Alert, days, symbols, anywhere),
    st.builds(Change, days, symbols, st.one_of(st.none(), symbols), anywhere).filter(
        lambda one: one.symbol != one.renamed_to
    ),
)


def one_change_a_day(given_events):
    """A symbol changes at most once a day: of several the store would keep the one that came first."""
    named = {(one.day, one.symbol) if isinstance(one, Change) else one: one for one in given_events}
    return list(named.values())


@long_on_postgresql
@lengths.examples(50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(events, min_size=1, max_size=25).map(one_change_a_day), data=st.data())
def test_what_belongs_where_does_not_depend_on_order_and_batches(store, told, data):
    shuffled = data.draw(st.permutations(told))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(told)), max_size=4)))
    batches = [shuffled[since:until] for since, until in zip([0, *cuts], [*cuts, len(told)], strict=True)]

    together, one_by_one, mixed = (
        left_by(store, told, batches) for batches in ([told], [[one] for one in told], batches)
    )
    assert together == one_by_one == mixed


def left_by(store, told, batches):
    """Where everything belongs after these batches, and that all of it that ever moved was touched; it is undone."""
    with store.begin() as work:
        desk = Desk(work)
        for place, one in enumerate(told, start=1):
            desk.sequences[one] = place
        for batch in batches:
            before, listings = homes(desk), desk.take(*batch)
            after = homes(desk)
            moved = {name for name, home in before.items() if after[name] != home}
            assert {
                name.removeprefix("alerts ") for name in moved if name.startswith("alerts ")
            } <= listings.touched_units
            books = {
                (home, "paper") for name in moved if name.startswith("fills ") for home in (before[name], after[name])
            }
            assert books <= listings.touched_books
        assert {str(one) for one in told if isinstance(one, Bar)} <= desk.first_names().keys()
        return desk.meanings(), desk.first_names()


def homes(desk):
    """The number of the instrument that each fact is of."""
    found = {}
    for table in (tables.alerts, tables.fills):
        found |= {row.event_id: row.instrument for row in desk.work.connection.execute(select(table))}
    return found
