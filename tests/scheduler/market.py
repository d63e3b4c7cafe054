"""A market in which something may be planted, lived through by the real join, and the weekly cycle up to the gate."""

import itertools

import msgspec
import numpy as np

from events.codec import decode
from scheduler.run import OWNER
from scheduler.weekly_run import WeeklyRun
from schemas.calendar import Calendar
from schemas.event import Envelope
from schemas.parameters import Parameter, Registry
from schemas.params import ParamsProposed, ProposalKind
from schemas.settings import Mode
from store.cycles import Cycles
from store.mailbag import Mailbag
from store.outbox import Outbox
from store.proposals import Proposals, ProposalState
from store.versions import Versions
from tests.workers.desk import Stream
from workers.attribution import Attribution
from workers.deployment import Deployment
from workers.thompson import Thompson

NYSE = Calendar.named("XNYS")
FIRST = "2024-01-02"
SYMBOLS = [f"S{number}" for number in range(12)]
FEATURES = ("a", "b", "c")
WEIGHTS = {f"weight.{name}": name for name in FEATURES}
SIZES = {"S0": 0.5, "S1": 0.1}
LONGEST = 4
FLAT = np.array([0.0, 0.004, -0.004, 0.0])
"""A bar by its logarithms against the close before: open, high, low, close."""


def parameter(name, default, bounds, step, **more):
    low, high = bounds
    kept = {"category": "test", "affects": "test", "description": "For tests.", "reward": "unit_pnl:close"} | more
    return Parameter(name=name, default=default, min=low, max=high, step=step, **kept)


PARAMETERS = [
    *(
        parameter(name, default, (0.0, 1.0), 0.01, group="score", max_change=0.05)
        for name, default in zip(WEIGHTS, (0.34, 0.33, 0.33), strict=True)
    ),
    parameter("threshold", 0.6, (0.1, 0.9), 0.05, max_change=0.1),
    parameter("target", 0.06, (0.02, 0.10), 0.01, max_change=0.02, unit="fraction"),
    parameter("stop", 0.01, (0.01, 0.05), 0.005, max_change=0.01, unit="fraction"),
    parameter("hold", 2, (1, LONGEST), 1, max_change=1, type="integer", unit="sessions"),
    parameter("cap", 0.5, (0.05, 0.5), 0.05, max_change=0.1, unit="fraction"),
]


def registry(*learners, **more):
    plain = {
        "market": {"horizons": ["1d"], "primary_horizon": "1d", "close_after": 3, "sources": ["scanner"]},
        "gate": {"minimum_units": 100, "minimum_sessions": 20},
        "parameters": {one.name: msgspec.to_builtins(one) for one in PARAMETERS},
        "learners": learners,
    }
    return msgspec.convert(plain | more, Registry)


class Desk:
    """Attribution, thompson and the gate over one store, session by session."""

    def __init__(self, store, rules, *, seed=1, lived=0):
        self.store = store
        self.rules = rules
        self.chance = np.random.default_rng(seed)
        self.stream = Stream()
        self.stream.count = 100_000 * bool(lived)  # no name is given twice
        self.lived = lived
        self.closes = dict.fromkeys(SYMBOLS, 100.0)
        self.features = {}
        self.silent = set()
        self.attribution = Attribution(
            store, registries={"main": rules}, clock=lambda: NYSE.close_of(FIRST), on_settled=lambda *_: None
        )
        self.thompson = Thompson(mend=lambda _: None)
        self.gate = self.gate_of(rules)
        with store.begin() as work:
            self.gate.open(work)
            work.commit()

    def gate_of(self, rules):
        return Deployment(registries={"main": rules}, mode=Mode.ACT, mend=lambda: None)

    def session(self, number):
        return NYSE.shift(FIRST, number)

    def live(self, sessions, move):
        """So many sessions more. ``move(features, chance)`` is the next bar of what was alerted with these features."""
        for _ in range(sessions):
            day = self.session(self.lived)
            close = NYSE.close_of(day)
            batch = [self._bar(symbol, day, move) for symbol in SYMBOLS if symbol not in self.silent]
            batch += [self._alert(symbol, day, close) for symbol in SYMBOLS]
            batch += self._position(day, close)
            self.take(*batch, self.stream.closed(day))
            self.settle()
            self.lived += 1
        return day

    def take(self, *batch):
        with self.store.begin() as work:
            assert [] == [refusal.reason for refusal in self.attribution.handle(work, batch)]
            work.commit()

    def settle(self):
        self.attribution.rest(lambda: 10**15)
        self._carry("attribution", self.thompson)

    def decided(self):
        """Let the gate decide what the cycles proposed; the version in force then."""
        self._carry(OWNER, self.gate)
        with self.store.read() as reading:
            return Versions(reading).latest("main")

    def week(self, session):
        """Run the weekly cycle; what it said."""
        assert self.run(session)
        with self.store.read() as reading:
            return Cycles(reading).finished("main", "weekly", session).completed

    def run(self, session):
        ticks = itertools.count()
        run = WeeklyRun(
            self.store,
            self.rules,
            stages=None,
            clock=lambda: 1,
            timer=lambda: float(next(ticks)),
            pause=lambda _: None,
            patience=5.0,
        )
        return run.run(session)

    def letters(self, stream):
        """What waits to be sent on a stream, of cycles and of the gate."""
        with self.store.read() as reading:
            waiting = [one for owner in (OWNER, "deployment") for one in Outbox(reading).waiting(owner, 1_000)]
        return [_opened(letter).data for letter in waiting if letter.stream == stream]

    def judge(self, proposal):
        """Hand a proposal to the gate."""
        envelope = Envelope(source="test", id=proposal.proposal_id, time=1, data=proposal)
        with self.store.begin() as work:
            self.gate.handle(work, [envelope])
            work.commit()

    def put_in_force(self, values):
        """A person's wish, let in."""
        wish = {
            "proposal_id": "wish",
            "session": self.session(self.lived - 1),
            "proposed_by": "ada",
            "reason": "a wish",
        }
        self.judge(ParamsProposed(strategy="main", kind=ProposalKind.VALUES, values=values, **wish))

    def refusal(self, name=None):
        """Why the newest proposal, or the one of that name, was rejected."""
        with self.store.read() as reading:
            rows = Proposals(reading).history("main")
        [row] = [row for row in rows if row.proposal.proposal_id == name or (name is None and row.proposal.evidence)]
        assert ProposalState.REJECTED is row.state
        return row.decided

    def revise(self, number):
        """Tell the bars of a session, and what its large position earned, anew and otherwise."""
        day = self.session(number)
        bars = [
            self.stream.bar(day, 100.0, 130.0, 70.0, 80.0 + 5 * place, symbol=symbol, revision=1)
            for place, symbol in enumerate(SYMBOLS)
        ]
        named = {"decision_id": f"S0-{day}", "horizon": "close"}
        self.take(*bars, self.stream.outcome(f"S0-{day}-anew", NYSE.close_of(day), net=0.3, **named))

    def _bar(self, symbol, day, move):
        logs = move(self.features.get(symbol), self.chance)
        prices = [float(price) for price in self.closes[symbol] * np.exp(logs)]
        self.closes[symbol] = prices[3]
        return self.stream.bar(day, prices[0], max(prices), min(prices), prices[3], symbol=symbol)

    def _alert(self, symbol, day, close):
        told = dict(zip(FEATURES, (float(one) for one in self.chance.random(3)), strict=True))
        self.features[symbol] = told
        score = sum(PARAMETERS[place].default * told[name] for place, name in enumerate(FEATURES))
        return self.stream.alert(f"{symbol}-{day}", close, symbol=symbol, features=told, score=score)

    def _position(self, day, close):
        """Two positions a session, which end at once: the large one loses as a rule, the small one wins."""
        told = []
        for symbol, size in SIZES.items():
            name, net = f"{symbol}-{day}", float(0.01 * self.chance.standard_normal() + (-0.01 if size > 0.3 else 0.01))
            told.append(self.stream.decision(name, close, symbol=symbol, alert_id=name, size=size))
            told.append(self.stream.outcome(name, close, decision_id=name, horizon="close", net=net))
        return told

    def _carry(self, owner, reader):
        """Carry the letters of one to another, as relay and streams would."""
        mailbag = Mailbag(self.store, owner)
        letters = mailbag.waiting(100_000)
        mailbag.sent([letter.id for letter in letters])
        batch = [_opened(letter) for letter in letters if letter.stream in reader.reads]
        with self.store.begin() as work:
            assert not reader.handle(work, batch)
            work.commit()


def _opened(letter):
    return decode({b"event": letter.body}, stream=letter.stream, entry=f"{letter.id}-0", now=2**60)


def planted(features, chance):
    """The first feature pays from 0.4 on; every other bar dips by 1.5 % and comes back."""
    edge = 0.0 if features is None else 0.09 * (features["a"] - 0.4)
    dip = -0.015 if chance.random() < 0.5 else 0.0
    return FLAT + np.array([0.0, 0.0, dip, edge + 0.01 * chance.standard_normal()])
