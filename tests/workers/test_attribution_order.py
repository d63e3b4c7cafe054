"""Whatever is shuffled, repeated, delayed, revised or dropped: the books balance, and are those of what arrived."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from events.moments import moment
from schemas.vocabulary import Direction, Recommendation, Side
from store.tables import open_lots, round_trips
from tests import lengths
from tests.standing import COLUMNS
from tests.workers.desk import NOW, NYSE, Desk, Stream, registry
from workers.join.view import WITHDRAWN

SESSIONS = [NYSE.shift("2023-01-04", place) for place in range(7)]
SYMBOLS = ("AAPL", "MSFT")
RULES = registry(
    benchmark="SPY",
    jump_guard=0.3,
    jump_hold=2,
    lost_after=1,
    infer_within_minutes=3_000,
    gap_sessions=10,
    venues={"X": "24/7"},
)

session = st.sampled_from(SESSIONS)
symbol = st.sampled_from(SYMBOLS)
direction = st.sampled_from(Direction)
version = st.sampled_from(["1-1", "1-1", "1-1", "1-2", "1-9", None])
unit = st.sampled_from([None, None, None, "AAPL/2023-01-05", "mine"])
fraction = st.none() | st.sampled_from([-0.3, -0.01, 0.0, 0.02, 0.7])
level = st.integers(50, 150)
venue = st.sampled_from([None, None, None, "X"])
assignments = st.sampled_from([None, None, {"look.1-1": {"look": 0.5}}, {"look.1-1": {"look": 0.6}}])


def maybe(*names):
    return st.sampled_from([None, *names])


@st.composite
def moments(draw):
    """Before the open, or two hours after it."""
    return NYSE.open_of(draw(session)) + draw(st.sampled_from([-3_600_000_000, 7_200_000_000]))


@st.composite
def alert(draw, stream, name):
    more = {"direction": draw(direction), "regime": draw(maybe("bull")), "unit": draw(unit), "venue": draw(venue)}
    more["assignments"] = draw(assignments)
    return stream.alert(name, draw(moments()), symbol=draw(symbol), version=draw(version), **more)


@st.composite
def decision(draw, stream, name):
    more = {
        "action": draw(st.sampled_from(["BUY", "BUY", "IGNORE", "SELL"])),
        "alert_id": draw(maybe("a0", "a1", "a2")),
        "position_id": draw(maybe("p0", "p1")),
        "direction": draw(st.none() | direction),
        "venue": draw(venue),
        "size": draw(st.sampled_from([0.1, 0.1, 0.25, None])),
        "unit": draw(unit),
        "fill_price": draw(maybe(80, 100)),
        "stop": draw(maybe(70, 95)),
        "target": draw(maybe(105, 140)),
        "max_hold": draw(maybe(2)),
    }
    return stream.decision(name, draw(moments()), symbol=draw(symbol), version=draw(version), **more)


@st.composite
def outcome(draw, stream, name):
    names = {
        "decision_id": draw(maybe("d0", "d1", "d2")),
        "alert_id": draw(maybe("a0", "a1")),
        "position_id": draw(maybe("p0", "p1")),
    }
    time = draw(moments())
    if not any(names.values()):
        names = {"symbol": draw(symbol), "direction": draw(direction), "entry_time": moment(draw(moments()))}
    told = {
        "horizon": draw(st.sampled_from(["close", "close", "3d", "4h"])),
        "net": draw(fraction),
        "return_": draw(fraction),
        "returns": draw(st.sampled_from([None, {"1d": 0.5, "close": 0.4}])),
    }
    return stream.outcome(name, time, **names, **told)


@st.composite
def fill(draw, stream, name):
    names = {"decision_id": draw(maybe("d0", "d1", "d2")), "position_id": draw(maybe("p0", "p1"))}
    told = {"quantity": draw(st.integers(1, 3)), "price": draw(level), "fees": draw(maybe(0.5))}
    told |= {"account": draw(maybe("one")), "venue": draw(venue)}
    return stream.fill(name, draw(moments()), side=draw(st.sampled_from(Side)), symbol=draw(symbol), **names, **told)


@st.composite
def thesis(draw, stream, name):
    names = {"decision_id": draw(maybe("d0", "d1")), "position_id": draw(maybe("p0")), "alert_id": draw(maybe("a0"))}
    recommendation = draw(st.sampled_from(Recommendation))
    return stream.thesis(name, draw(moments()), symbol=draw(symbol), recommendation=recommendation, **names)


@st.composite
def bar(draw, stream):
    first, close = draw(level), draw(level)
    final, factor = draw(st.sampled_from([True, True, True, False])), draw(st.sampled_from([None, None, 0.5]))
    on, name, where = draw(st.sampled_from(SESSIONS)), draw(st.sampled_from([*SYMBOLS, "SPY"])), draw(venue)
    levels = (first, max(first, close) + 5, min(first, close) - 5, close)
    return stream.bar(
        on, *levels, symbol=name, venue=where, final=final, factor=factor, revision=draw(st.integers(0, 2))
    )


@st.composite
def worlds(draw):
    """Facts in the order in which they were told, and the same ones shuffled, repeated and cut into batches."""
    stream, other = Stream(), Stream("other")
    told = [draw(alert(stream, f"a{place}")) for place in range(draw(st.integers(1, 3)))]
    told += [draw(decision(stream, f"d{place}")) for place in range(draw(st.integers(0, 3)))]
    told += [draw(outcome(stream, f"o{place}")) for place in range(draw(st.integers(0, 3)))]
    told += [draw(fill(stream, f"f{place}")) for place in range(draw(st.integers(0, 4)))]
    told += [draw(thesis(stream, f"t{place}")) for place in range(draw(st.integers(0, 2)))]
    told += [
        stream.bar(on, 100, 110, 90, 105, symbol=name)
        for on in SESSIONS
        for name in (*SYMBOLS, "SPY")
        if draw(st.booleans())
    ]
    told += [draw(bar(stream)) for _ in range(draw(st.integers(0, 6)))]
    told += [draw(bar(other)) for _ in range(draw(st.integers(0, 3)))]
    if draw(st.integers(0, 4)) == 0:
        told.append(stream.changed("AAPL", draw(session), renamed_to=draw(maybe("MSFT", "AAPX"))))
    told += [stream.closed(on) for on in SESSIONS if draw(st.integers(0, 3))]
    repeated = told + draw(st.lists(st.sampled_from(told), max_size=5))
    shuffled = draw(st.permutations(repeated))
    cuts = sorted(draw(st.sets(st.integers(1, len(shuffled) - 1), max_size=8))) if len(shuffled) > 1 else []
    batches = [shuffled[start:end] for start, end in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]
    return told, batches


def books_of(batches, stores):
    """Examples, positions and statistics after the batches, with a rest after each; the books balance throughout."""
    store = stores.fresh(lambda: NOW)
    desk = Desk(store, rules=RULES, versions=2)
    for batch in batches:
        assert [] == desk.take(*batch)
        desk.rest()
    assert [] == [issue for one in desk.told("books.reconciled") for issue in one.data.issues]
    found = standing(desk), positions(store), desk.net(), sorted(desk.settled)
    stores.give_back()
    return found


def standing(desk):
    """The examples, but for the rows that are left of what was reported and taken back."""
    return {name: row for name, row in desk.examples().items() if row["reason"] != WITHDRAWN}


def positions(store):
    """The books of positions; instruments have the numbers that they were first heard of with."""
    with store.read() as reading:
        rows = [
            {**row, "instrument": None}
            for table in (round_trips, open_lots)
            for row in reading.execute(select(table)).mappings()
        ]
    return sorted(map(str, rows))


@lengths.examples(25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(worlds())
def test_order_repeats_and_batches_change_neither_books_nor_statistics(sqlite_stores, world):
    changes_nothing(sqlite_stores, world)


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(worlds())
def test_order_repeats_and_batches_change_nothing_in_postgresql(postgresql_stores, world):
    changes_nothing(postgresql_stores, world)


def changes_nothing(stores, world):
    told, batches = world
    stores.give_back()
    expected = books_of([[one] for one in told], stores)
    assert expected == books_of(batches, stores)
    assert expected == books_of([told], stores)


@lengths.examples(15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(worlds())
def test_the_books_are_what_measuring_everything_again_would_give(stores, world):
    _, batches = world
    stores.give_back()
    desk = Desk(stores.fresh(lambda: NOW), rules=RULES, versions=2)
    for batch in batches:
        desk.take(*batch)
        desk.rest()
    before = desk.examples(*COLUMNS)
    desk.measure_again()
    assert before == desk.examples(*COLUMNS)
