"""Sessions of alerts with features, of which one may foretell the return, as attribution tells what followed."""

import random

from events.codec import decode, encode
from schemas.event import Envelope
from schemas.parameters import Market, Parameter, PatternRules, Registry
from schemas.reports import CycleCompleted
from store.outbox import Outbox
from store.sessions import Sessions
from tests.workers.desk import NOW, NYSE, Desk, Stream
from workers.patterns import Patterns

FIRST = "2024-01-02"
SYMBOLS = [f"S{number}" for number in range(8)]
LATER = 2**60


def weight(name):
    return Parameter(
        name=f"weight.{name}",
        default=0.5,
        min=0.1,
        max=0.9,
        category="scoring",
        affects="score",
        description="For tests.",
        group="weights",
        max_change=0.05,
        reward="alert_return:3d",
        decides_trade=False,
    )


RULES = Registry(
    market=Market(horizons=["1d", "3d"], primary_horizon="3d", close_after=3, sources=["scanner"]),
    parameters={f"weight.{name}": weight(name) for name in ("gap", "noise")},
    patterns=PatternRules(edges={"gap": [0.5]}, cases=10),
)


class Scene:
    """A desk whose alerts show ``gap`` and ``noise``; a wide gap is followed by a rise of ``edge`` a session."""

    def __init__(self, store, *, edge=0.06, seed=1):
        self.store = store
        self.desk = Desk(store, rules=RULES)
        self._stream = Stream()
        self._dice = random.Random(seed)
        self._edge = edge
        self._prices = dict.fromkeys(SYMBOLS, 100.0)
        self._gaps = dict.fromkeys(SYMBOLS, 0.0)
        self._day = 0

    def live(self, sessions):
        """So many sessions go by; bars first, then alerts after the close, and it is over."""
        for _ in range(sessions):
            session = NYSE.shift(FIRST, self._day)
            self._day += 1
            self.desk.take(*(self._bar(symbol, session) for symbol in SYMBOLS))
            self.desk.take(*(self._alert(symbol, session) for symbol in SYMBOLS))
            self.desk.take(self._decision(session), *self._outcome(session), self._stream.closed(session))
            self.desk.rest()

    def _bar(self, symbol, session):
        before = self._prices[symbol]
        drift = self._edge * (self._gaps[symbol] - 0.5)
        after = before * (1 + drift + self._dice.gauss(0, 0.01))
        self._prices[symbol] = after
        return self._stream.bar(session, before, max(before, after), min(before, after), after, symbol=symbol)

    def _alert(self, symbol, session):
        self._gaps[symbol] = self._dice.random()
        features = {"gap": self._gaps[symbol], "noise": self._dice.random()}
        moment = NYSE.close_of(session) + 60_000_000
        name = f"{symbol}-{session}"
        return self._stream.alert(name, moment, symbol=symbol, features=features, confidence=self._dice.random())

    def _decision(self, session):
        """The first symbol is bought; the decision has the name of its alert."""
        name = f"{SYMBOLS[0]}-{session}"
        moment = NYSE.close_of(session) + 120_000_000
        return self._stream.decision(name, moment, symbol=SYMBOLS[0], alert_id=name, size=0.1)

    def _outcome(self, session):
        """What was bought two sessions ago is sold."""
        if self._day < 3:
            return
        bought = f"{SYMBOLS[0]}-{NYSE.shift(session, -2)}"
        net = round(self._dice.gauss(0, 0.02), 6)
        yield self._stream.outcome(bought, NYSE.close_of(session), decision_id=bought, horizon="close", net=net)

    def told(self):
        """What attribution told of examples, as it comes off the stream."""
        with self.store.read() as reading:
            waiting = [one for one in Outbox(reading).waiting("attribution", 10**6) if one.stream == Patterns.reads[0]]
        return [
            decode({b"event": one.body}, stream=one.stream, entry=f"{place}-0", now=LATER)
            for place, one in enumerate(waiting, 1)
        ]

    def settled(self):
        """The newest settled session."""
        with self.store.read() as reading:
            return Sessions(reading).latest("main")


def cycle(session, cut, *, kind="daily", entry=10**6):
    """The event that a cycle is done, as it comes off the stream."""
    done = CycleCompleted(
        cycle_id=f"{kind}/main/{session}",
        kind=kind,
        session=session,
        cut=cut,
        proposals=[],
        stages=[],
        report="",
    )
    envelope = Envelope(source="cycles", id=done.cycle_id, time=NYSE.close_of(session), data=done)
    return decode({b"event": encode(envelope)}, stream=done.type, entry=f"{entry}-0", now=LATER)


def worker(store, rules=RULES):
    return Patterns(store, registries={"main": rules}, clock=lambda: NOW)


def take(patterns, store, batch):
    with store.begin() as work:
        assert not patterns.handle(work, list(batch))
        work.commit()
