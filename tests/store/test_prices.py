"""Bars: which of what was told of one stands, and which of several sources counts."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import select

from store import portions as portions_module
from store.bar_ends import Ends, ends, neighbours, spans
from store.prices import Bar, Prices, bars, newest
from store.tables import instruments, prices
from tests import lengths

FIGURES = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 100.0, "factor": None}


def told(instrument=1, time=10, *, source="s", name=None, entry="5-0", **more):
    row = {"instrument": instrument, "interval": "1d", "time": time, "source": source}
    row |= {"event_id": name or f"{source}/{instrument}/{time}", "recorded_at": 1, "session": f"day {time}"}
    return row | FIGURES | {"final": 1, "revision": 0, "entry": f"price.observed/{entry}"} | more


@pytest.fixture
def keep(store):
    """Keeps rows in one turn, and says of each whether the bars are other than before."""
    with store.begin() as work:
        known = [{"id": n, "strategy": "main", "venue": "", "symbol": f"S{n}", "currency": None} for n in range(1, 8)]
        work.insert(instruments, known)
        work.commit()
    return lambda *rows: kept(store, rows)


def kept(store, rows):
    with store.begin() as work:
        made = Prices(work.connection, owner="attribution", now=1).keep(rows)
        work.commit()
    return made


def stored(store, *names):
    with store.read() as reading:
        chosen = select(*(prices.c[name] for name in names)).order_by(
            prices.c.instrument, prices.c.time, prices.c.source
        )
        return [tuple(row) for row in reading.execute(chosen)]


def read(store, *numbers, interval="1d", since=0, until=100, precedence=()):
    with store.read() as reading:
        return bars(reading, numbers, interval=interval, since=since, until=until, precedence=precedence)


def test_gives_the_final_bars_of_a_stretch_by_instrument_and_end(store, keep):
    keep(told(2, 10), told(1, 20), told(1, 10), told(1, 9), told(1, 31), told(3, 10), told(1, 30, final=0))

    expected = [
        Bar(n, time, f"day {time}", *FIGURES.values(), confirmed=False) for n, time in ((1, 10), (1, 20), (2, 10))
    ]
    assert expected == read(store, 2, 1, since=10, until=30)


def test_bars_of_another_length_stand_apart(store, keep):
    keep(told(close=11.0), told(interval="1h", close=12.0))

    assert ([11.0], [12.0]) == tuple([bar.close for bar in read(store, 1, interval=length)] for length in ("1d", "1h"))


def test_of_several_sources_the_first_by_precedence_counts_and_then_the_first_by_name(store, keep):
    keep(told(source="b", close=20.0), told(source="c", close=30.0), told(source="a", close=10.0), told(time=11))

    assert [30.0, 11.0] == [bar.close for bar in read(store, 1, precedence=["x", "c", "a"])]
    assert [10.0, 11.0] == [bar.close for bar in read(store, 1)]


@pytest.mark.parametrize(("other", "confirmed"), [(99.0, True), (101.0, True), (98.9, False), (101.1, False)])
def test_another_source_within_a_hundredth_confirms_a_bar(store, keep, other, confirmed):
    keep(told(source="a", close=100.0), told(source="b", close=other), told(source="b", time=11))

    assert [confirmed, False] == [bar.confirmed for bar in read(store, 1)]


def test_a_bar_that_is_not_final_confirms_nothing(store, keep):
    keep(told(source="a"), told(source="b", final=0), told(source="b", time=11))

    assert [False, False] == [bar.confirmed for bar in read(store, 1)]


def test_the_factor_is_that_of_the_source_that_counts_else_of_the_next(store, keep):
    keep(told(source="a", time=1), told(source="b", time=1, factor=0.5), told(source="c", time=1, factor=0.25))
    keep(told(source="a", time=2, factor=0.1), told(source="b", time=2, factor=0.5))

    assert [0.5, 0.1] == [bar.factor for bar in read(store, 1)]


def test_more_instruments_than_one_statement_holds_are_read_in_order(store, keep, monkeypatch):
    monkeypatch.setattr(portions_module, "MOST", 2)
    keep(*(told(number, source=source) for number in range(7, 0, -1) for source in "ab"))

    assert list(range(1, 8)) == [bar.instrument for bar in read(store, *range(7, 0, -1))]


def test_knows_where_final_bars_end(store, keep):
    keep(*(told(1, time) for time in (10, 20, 30)), told(1, 40, final=0), told(1, 50, interval="1h"), told(2, 10))
    keep(told(1, 20, source="other"))

    with store.read() as reading:
        assert {1: (30, "day 30"), 2: (10, "day 10")} == newest(reading, [1, 2, 3], interval="1d")
        assert {1: Ends(10, 30), 3: Ends(None, None)} == spans(reading, [1, 3], interval="1d")
        assert {1: [10, 20, 30], 2: [10]} == ends(reading, [1, 2, 3], interval="1d")
        assert {1: Ends(10, 30), 2: Ends(10, None)} == neighbours(reading, {1: (20, 20), 2: (20, 20)}, interval="1d")
        assert {1: Ends(20, None), 2: Ends(None, None)} == neighbours(
            reading, {1: (25, 30), 2: (10, 10)}, interval="1d"
        )


def test_says_which_bars_are_other_than_before(keep):
    assert [True, True] == keep(told(1), told(2))
    assert [False, True, False] == keep(told(1), told(3), told(2))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"final": 0, "revision": 9, "entry": "9-0"}, {"final": 1}),
        ({"revision": 1, "entry": "9-0"}, {"revision": 2}),
        ({"entry": "9-9"}, {"entry": "10-0"}),
        ({"entry": "9-9"}, {"entry": "9-10"}),
    ],
)
def test_what_is_final_replaces_what_is_not_then_a_higher_revision_then_what_stands_later(keep, store, first, second):
    lower, higher = told(name="lower", close=1.0, **first), told(name="higher", close=2.0, **second)

    assert [True, True] == keep(lower) + keep(higher)
    assert [("higher", 2.0)] == stored(store, "event_id", "close")
    assert [False, False] == keep(lower) + keep(higher)
    assert [("higher", 2.0)] == stored(store, "event_id", "close")

    lower, higher = ({**row, "instrument": 2, "event_id": row["event_id"] + " 2"} for row in (lower, higher))
    assert [True, False] == keep(higher) + keep(lower)
    assert [("higher", 2.0), ("higher 2", 2.0)] == stored(store, "event_id", "close")


def test_an_old_bar_that_is_sent_again_later_changes_nothing(keep, store):
    old, new = told(name="old", close=1.0, entry="1-0"), told(name="new", close=2.0, entry="2-0")
    keep(old)
    keep(new)

    assert [False] == keep(old | {"entry": "price.observed/3-0"})
    assert [("new", 2.0)] == stored(store, "event_id", "close")


def test_an_outranked_bar_that_is_sent_again_later_changes_nothing(keep, store):
    old, new = told(name="old", close=1.0, entry="1-0"), told(name="new", close=2.0, entry="2-0")
    keep(new)
    keep(old)

    assert [False] == keep(old | {"entry": "price.observed/3-0"})
    assert [("new", 2.0)] == stored(store, "event_id", "close")


def test_the_same_figures_told_again_replace_the_name_and_change_no_bar(keep, store):
    keep(told(name="first", entry="1-0"))

    assert [False] == keep(told(name="second", entry="2-0"))
    assert [("second", "price.observed/2-0")] == stored(store, "event_id", "entry")


def test_revisions_within_one_batch_follow_one_another(keep, store):
    rows = [
        told(name=f"e{close:g}", close=close, revision=revision) for close, revision in ((1.0, 0), (3.0, 2), (2.0, 1))
    ]

    assert [True, True, False] == keep(*rows)
    assert [("e3", 3.0, 2)] == stored(store, "event_id", "close", "revision")


def test_each_source_revises_its_own_bar(keep, store):
    keep(told(source="a", close=1.0), told(source="b", close=2.0))

    assert [True] == keep(told(source="b", name="again", close=3.0, revision=1))
    assert [("a", 1.0), ("b", 3.0)] == stored(store, "source", "close")


tellings = st.builds(
    lambda place, instrument, time, source, final, revision, close: told(
        instrument,
        time,
        source=source,
        name=f"e{place}",
        entry=f"{place}-0",
        final=final,
        revision=revision,
        close=close,
    ),
    place=st.integers(1, 40),
    instrument=st.integers(1, 2),
    time=st.integers(1, 3),
    source=st.sampled_from("ab"),
    final=st.integers(0, 1),
    revision=st.integers(0, 2),
    close=st.sampled_from([1.0, 2.0, 3.0]),
)


@lengths.examples(100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(tellings, min_size=1, max_size=25, unique_by=lambda row: row["event_id"]), data=st.data())
def test_the_bars_do_not_depend_on_order_repetition_and_batches(store, rows, data):
    shuffled = data.draw(st.permutations(rows + data.draw(st.lists(st.sampled_from(rows), max_size=10))))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    batches = [shuffled[since:until] for since, until in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]

    assert left_by(store, [[row] for row in rows]) == left_by(store, batches)


def left_by(store, batches):
    """The stored bars and those that count, after these batches, which are undone."""
    with store.begin() as work:
        known = [{"id": n, "strategy": "main", "venue": "", "symbol": f"S{n}", "currency": None} for n in (1, 2)]
        work.insert(instruments, known)
        for batch in batches:
            Prices(work.connection, owner="attribution", now=1).keep(batch)
        rows = sorted(tuple(row) for row in work.connection.execute(select(prices)))
        return rows, bars(work.connection, [1, 2], interval="1d", since=0, until=100, precedence=["b"])


def test_what_was_told_of_a_bar_by_a_moment_is_found_though_it_was_replaced_since(store, keep):
    def known(moment):
        with store.read() as reading:
            found = bars(reading, [1], interval="1d", since=0, until=100, precedence=(), told_by=moment)
            return [(bar.time, bar.close) for bar in found]

    keep(told(time=10, close=10.0, final=0, recorded_at=3))
    keep(told(time=10, close=11.0, recorded_at=5, name="second", entry="6-0"))
    keep(told(time=20, close=12.0, recorded_at=7))
    keep(told(time=10, close=13.0, revision=1, recorded_at=9, name="third", entry="7-0"))

    assert [] == known(4), "what is not final is no bar"
    assert [(10, 11.0)] == known(6)
    assert [(10, 11.0), (20, 12.0)] == known(8)
    assert [(10, 13.0), (20, 12.0)] == known(9)
