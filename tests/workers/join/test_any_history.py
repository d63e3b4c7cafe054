"""Whatever comes, in whatever order: the books balance whenever a session settles."""

import random

import msgspec
import pytest
from sqlalchemy import select

from events.moments import moment
from schemas.thesis import ThesisFormed
from schemas.vocabulary import Direction, Recommendation, Side
from store.books import counted, ownerless, tallied
from store.reconciliations import Reconciliations
from store.tables import sessions
from tests.workers.desk import NOW, NYSE, Desk, Stream, registry
from workers.join.balance import recounted

FIRST = NYSE.place("2024-01-03")
DAYS = NYSE.sessions[FIRST : FIRST + 14]
SYMBOLS = ("AAPL", "MSFT", "IBM")
RULES = {"infer_within_minutes": 30, "lost_after": 2, "jump_hold": 1, "close_after": 3, "waiting_sessions": 2}


def seeds(of_sqlite, of_postgresql):
    """Each history on the one database, and some of them on the other, where it takes longer."""
    chosen = [("sqlite", seed) for seed in of_sqlite] + [("postgresql", seed) for seed in of_postgresql]
    return pytest.mark.parametrize(("stores", "seed"), chosen, indirect=["stores"])


@pytest.fixture
def fresh(stores):
    return lambda: Desk(stores.fresh(lambda: NOW), rules=registry(**RULES))


class History:
    """Random facts of two weeks, as a careless trading process would tell them: bars and reports are missing."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.stream = Stream()
        self.names = [f"n{number}" for number in range(8)]
        self.told = []

    def events(self):
        days = [event for day in DAYS for event in self.day(day)]
        return [*days, *(self.any_of(day)(day) for day in self.rng.choices(DAYS, k=10))]

    def day(self, day):
        told = [self.any_of(day)(day) for _ in range(self.rng.randint(0, 5))]
        bars = [self.bar(day, symbol) for symbol in SYMBOLS if self.rng.random() < 0.7]
        return [*told, *bars, self.stream.closed(day)]

    def any_of(self, _day):
        return self.rng.choice(
            [self.alert, self.alert, self.decision, self.thesis, self.outcome, self.nameless, self.fill]
        )

    def time(self, day):
        return NYSE.open_of(day) + self.rng.randint(-120, 420) * 60_000_000

    def name(self):
        return self.rng.choice(self.names)

    def new(self):
        return f"{self.stream.count}" if self.rng.random() < 0.5 else self.name()

    def side(self):
        return self.rng.choice(list(Direction))

    def alert(self, day):
        time, symbol, direction = told = (self.time(day), self.rng.choice(SYMBOLS), self.side())
        self.told.append(told)
        return self.stream.alert(self.new(), time, symbol=symbol, direction=direction)

    def decision(self, day):
        more = {"alert_id": self.name(), "position_id": self.rng.choice([None, self.name()]), "direction": self.side()}
        more |= self.rng.choice([{}, {"stop": 90.0}, {"target": 120.0, "max_hold": 2}])
        action = self.rng.choice(["BUY", "BUY", "SELL", "IGNORE"])
        symbol = self.rng.choice(SYMBOLS)
        return self.stream.decision(self.new(), self.time(day), action=action, size=0.1, symbol=symbol, **more)

    def thesis(self, day):
        data = ThesisFormed(
            thesis_id=self.new(),
            symbol=self.rng.choice(SYMBOLS),
            recommendation=self.rng.choice(list(Recommendation)),
            decision_id=self.rng.choice([None, self.name()]),
        )
        return self.stream.event(data, self.time(day))

    def outcome(self, day):
        about = self.rng.choice(["decision_id", "alert_id", "position_id"])
        horizon = self.rng.choice(["close", "1d", "2h"])
        said = {about: self.name(), "horizon": horizon, "net": 0.01, "returns": self.rng.choice([None, {"3d": 0.1}])}
        return self.stream.outcome(f"o{self.stream.count}", self.time(day), **said)

    def nameless(self, day):
        """Of a trade that was entered shortly after something was told, if anything was."""
        time, symbol, direction = self.rng.choice(self.told) if self.told else (self.time(day), "IBM", self.side())
        said = {"symbol": symbol, "direction": direction, "entry_time": moment(time + 600_000_000)}
        return self.stream.outcome(f"o{self.stream.count}", self.time(day), net=0.02, **said)

    def fill(self, day):
        about = {"decision_id": self.name(), "position_id": self.rng.choice([None, self.name()])}
        side = self.rng.choice(list(Side))
        return self.stream.fill(f"f{self.stream.count}", self.time(day), side=side, quantity=10, price=100.0, **about)

    def bar(self, day, symbol):
        price = self.rng.choice([90.0, 100.0, 100.0, 140.0])
        return self.stream.bar(day, price, price + 5, price - 5, price + 1, symbol=symbol)


def settled(desk):
    """What was reconciled at every settled session."""
    with desk.store.read() as connection:
        found = connection.execute(select(sessions.c.session).order_by(sessions.c.cut)).scalars().all()
        return [Reconciliations(connection).get("main", session) for session in found]


@seeds(range(10), range(3))
def test_the_books_balance_and_every_count_is_what_counting_finds(fresh, seed):
    desk, history = fresh(), History(seed)
    events = history.events()
    if seed % 2:
        history.rng.shuffle(events)
    while events:
        cut = history.rng.randint(1, 7)
        desk.take(*events[:cut])
        desk.worker = desk.start()
        desk.rest()
        events = events[cut:]

    made = settled(desk)
    assert len(DAYS) == len(made)
    assert [[]] * len(made) == [books.issues for books in made]
    with desk.store.read() as connection:
        assert counted(connection, "main") == tallied(connection, "main")
        assert [] == list(recounted(connection, "main"))
        assert 0 == ownerless(connection, "main")


@seeds(range(10, 16), range(10, 12))
def test_in_the_end_the_order_of_arrival_shows_nowhere_in_the_books(fresh, seed):
    """All sessions settle last, so that nothing was given up for facts that were merely late."""
    history = History(seed)
    told = history.events()
    closings = [event for event in told if event.data.type == "session.closed"]
    facts = [event for event in told if event.data.type != "session.closed"]
    found = []
    for shuffled in (False, True):
        desk = fresh()
        order = sorted(facts, key=lambda event: int(event.id[1:]))
        if shuffled:
            history.rng.shuffle(order)
        order = first_of_each_name(order)
        while order:
            cut = history.rng.randint(1, 9)
            desk.take(*order[:cut])
            order = order[cut:]
        desk.take(*closings)
        desk.rest()
        last = settled(desk)[-1]
        found.append(msgspec.structs.replace(last, cut=0))
    assert found[0] == found[1]
    assert found[0].outcomes["joined"] and found[0].outcomes["waiting"] + found[0].outcomes["unclaimed"]


def first_of_each_name(events):
    """Without those whose name belongs to an event before them: which of two is refused hangs on their order."""
    kept, names = [], set()
    for event in sorted(events, key=lambda event: int(event.id[1:])):
        key = (event.data.type, getattr(event.data, f"{event.data.type.split('.')[0]}_id", event.id))
        if key not in names:
            kept.append(event)
        names.add(key)
    return [event for event in events if event in kept]
