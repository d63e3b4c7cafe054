import shutil
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.vocabulary import Direction, Side
from store.store import Store
from tests.workers.desk import NOW, NYSE, Desk, Stream

SESSIONS = [NYSE.shift("2023-01-04", place) for place in range(7)]
SYMBOLS = ("AAPL", "MSFT")

session = st.sampled_from(SESSIONS)
symbol = st.sampled_from(SYMBOLS)
direction = st.sampled_from(Direction)
version = st.sampled_from(["1-1", "1-1", "1-1", "1-2", "1-9", None])
unit = st.sampled_from([None, None, None, "AAPL/2023-01-05", "mine"])
fraction = st.none() | st.sampled_from([-0.3, -0.01, 0.0, 0.02, 0.7])
level = st.integers(50, 150)


def maybe(*names):
    return st.sampled_from([None, *names])


@st.composite
def moment(draw):
    """Before the open, or two hours after it."""
    return NYSE.open_of(draw(session)) + draw(st.sampled_from([-3_600_000_000, 7_200_000_000]))


@st.composite
def alert(draw, stream, name):
    more = {"direction": draw(direction), "regime": draw(maybe("bull")), "unit": draw(unit)}
    return stream.alert(name, draw(moment()), symbol=draw(symbol), version=draw(version), **more)


@st.composite
def decision(draw, stream, name):
    more = {
        "action": draw(st.sampled_from(["BUY", "BUY", "IGNORE", "SELL"])),
        "alert_id": draw(maybe("a0", "a1", "a2")),
        "position_id": draw(maybe("p0", "p1")),
        "direction": draw(direction),
        "size": draw(st.sampled_from([0.1, 0.1, 0.25, None])),
        "unit": draw(unit),
    }
    return stream.decision(name, draw(moment()), symbol=draw(symbol), version=draw(version), **more)


@st.composite
def outcome(draw, stream, name):
    names = {
        "decision_id": draw(maybe("d0", "d1", "d2")),
        "alert_id": draw(maybe("a0", "a1")),
        "position_id": draw(maybe("p0", "p1")),
    }
    if not any(names.values()):
        names["decision_id"] = "d0"
    told = {
        "horizon": draw(st.sampled_from(["close", "close", "3d", "4h"])),
        "net": draw(fraction),
        "return_": draw(fraction),
        "returns": draw(st.sampled_from([None, {"1d": 0.5, "close": 0.4}])),
    }
    return stream.outcome(name, draw(moment()), **names, **told)


@st.composite
def fill(draw, stream, name):
    names = {"decision_id": draw(maybe("d0", "d1", "d2")), "position_id": draw(maybe("p0", "p1"))}
    return stream.fill(name, draw(moment()), side=Side.BUY, quantity=1, price=1, **names)


@st.composite
def bar(draw, stream):
    first, close = draw(level), draw(level)
    final, factor = draw(st.sampled_from([True, True, True, False])), draw(st.sampled_from([None, None, 0.5]))
    on = draw(st.sampled_from(SESSIONS))
    levels = (first, max(first, close) + 5, min(first, close) - 5, close)
    return stream.bar(on, *levels, symbol=draw(symbol), final=final, factor=factor)


@st.composite
def worlds(draw):
    """Facts in the order in which they were told, and the same ones shuffled, repeated and cut into batches."""
    stream = Stream()
    told = [draw(alert(stream, f"a{place}")) for place in range(draw(st.integers(1, 3)))]
    told += [draw(decision(stream, f"d{place}")) for place in range(draw(st.integers(0, 3)))]
    told += [draw(outcome(stream, f"o{place}")) for place in range(draw(st.integers(0, 3)))]
    told += [draw(fill(stream, f"f{place}")) for place in range(draw(st.integers(0, 2)))]
    told += [
        stream.bar(on, 100, 110, 90, 105, symbol=name) for on in SESSIONS for name in SYMBOLS if draw(st.booleans())
    ]
    told += [draw(bar(stream)) for _ in range(draw(st.integers(0, 8)))]
    told += [stream.closed(on) for on in SESSIONS if draw(st.integers(0, 3))]
    repeated = told + draw(st.lists(st.sampled_from(told), max_size=5))
    shuffled = draw(st.permutations(repeated))
    cuts = sorted(draw(st.sets(st.integers(1, len(shuffled) - 1), max_size=8))) if len(shuffled) > 1 else []
    batches = [shuffled[start:end] for start, end in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]
    return told, batches


numbers = count()


def outcome_of(batches, migrated, folder):
    """The examples and the statistics after the batches, with a rest after each."""
    file = shutil.copy(migrated, folder / f"{next(numbers)}.db")
    store = Store.open(f"sqlite:///{file}", clock=lambda: NOW)
    desk = Desk(store, versions=2)
    for batch in batches:
        assert [] == desk.take(*batch)
        desk.rest()
    found = desk.examples(), desk.net(), sorted(desk.settled)
    store.close()
    return found


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(worlds())
def test_order_repeats_and_batches_change_neither_examples_nor_statistics(migrated, tmp_path, world):
    told, batches = world
    expected = outcome_of([[one] for one in told], migrated, tmp_path)
    assert expected == outcome_of(batches, migrated, tmp_path)
    assert expected == outcome_of([told], migrated, tmp_path)
