"""A trading desk for tests: makes events as they would come off the streams, and attribution's answers readable."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import select

from events.codec import decode
from schemas.alert import AlertRaised
from schemas.attributed import OutcomeAttributed
from schemas.calendar import Calendar
from schemas.decision import DecisionMade
from schemas.event import Envelope
from schemas.fill import FillReported
from schemas.outcome import OutcomeObserved
from schemas.parameters import LearningRules, Market, Parameter, Registry, Trial
from schemas.price import PriceObserved
from schemas.session import SessionClosed
from schemas.symbol import SymbolChanged
from schemas.thesis import ThesisFormed
from schemas.trials import allocation_for
from schemas.version import Version
from schemas.vocabulary import Action, Recommendation
from store.examples import example_id
from store.outbox import Outbox
from store.sessions import Sessions
from store.tables import alerts, decisions, instruments, theses
from store.versions import Versions
from tests.standing import COLUMNS, standing
from workers.attribution import Attribution
from workers.join.join import Join
from workers.join.ledger import Ledger
from workers.join.rules import Rules
from workers.join.touched import Touched

NYSE = Calendar.named("XNYS")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW = 1_700_000_000_000_000
HISTORY = ("fact", "revision", "sequence", "late")
"""What depends on the order in which facts came."""


def at(text):
    """Microseconds of ``2024-01-03 15:00`` in UTC."""
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def parameter(name, default, reward, **more):
    more = {"category": "test", "affects": "test", "description": "For tests.", "decides_trade": False} | more
    return Parameter(name=name, default=default, min=0.0, max=1.0, step=0.1, max_change=0.5, reward=reward, **more)


def registry(**market):
    """One parameter judged by the return of alerts, one by what a unit earns at the close, one after three days."""
    market = {"horizons": ["1d", "3d"], "primary_horizon": "3d", "close_after": 3, "sources": ["scanner"]} | market
    parameters = [
        parameter("look", 0.5, "alert_return:3d"),
        parameter("entry", 0.5, "unit_pnl:close"),
        parameter("size", 0.5, "unit_pnl:3d"),
    ]
    return Registry(
        market=Market(**market),
        learning=LearningRules(winsorise=0.5),
        parameters={one.name: one for one in parameters},
        trials=[Trial(id=one.name, layer=one.name, share=0.5, offsets=[{one.name: 0.1}]) for one in parameters],
    )


def version(rules, *, number=1):
    """The registry's defaults, with every trial around them."""
    allocations = [allocation_for(trial, rules, rules.defaults, generation="1-1") for trial in rules.trials]
    return Version(
        strategy="main",
        epoch=1,
        number=number,
        previous=None if number == 1 else f"1-{number - 1}",
        session="1970-01-01",
        regime="all",
        registry="r",
        values=rules.defaults,
        allocations=allocations,
    )


class Stream:
    """Gives events their names and places, as the streams of one source would."""

    def __init__(self, source="scanner"):
        self.source = source
        self.count = 0

    def event(self, data, time, *, ms=None):
        self.count += 1
        time = at(time) if isinstance(time, str) else time
        entry = f"{data.type}/{self.count if ms is None else ms}-0"
        return Envelope(source=self.source, id=f"e{self.count}", time=time, data=data, entry=entry)

    def alert(self, name, time, *, symbol="AAPL", version="1-1", score=0.7, **more):
        return self.event(AlertRaised(alert_id=name, symbol=symbol, score=score, params_version=version, **more), time)

    def decision(self, name, time, *, action="BUY", symbol="AAPL", version="1-1", **more):
        data = DecisionMade(decision_id=name, symbol=symbol, action=Action(action), params_version=version, **more)
        return self.event(data, time)

    def outcome(self, name, time, **more):
        return self.event(OutcomeObserved(outcome_id=name, **more), time)

    def fill(self, name, time, **more):
        return self.event(FillReported(fill_id=name, **{"symbol": "AAPL"} | more), time)

    def bar(self, session, first, high, low, close, *, symbol="AAPL", **more):
        data = PriceObserved(symbol=symbol, interval="1d", open=first, high=high, low=low, close=close, **more)
        return self.event(data, NYSE.close_of(session))

    def thesis(self, name, time, *, symbol="AAPL", recommendation=Recommendation.HOLD, **more):
        data = ThesisFormed(thesis_id=name, symbol=symbol, recommendation=recommendation, **more)
        return self.event(data, time)

    def changed(self, symbol, session, **more):
        return self.event(SymbolChanged(symbol=symbol, session=session, **more), NYSE.open_of(session))

    def closed(self, session, *, ms=None):
        return self.event(SessionClosed(session=session), NYSE.close_of(session), ms=ms)


class Desk:
    """Attribution over a store, and what it wrote."""

    def __init__(self, store, *, rules=None, versions=1, strategies=("main",)):
        self.store = store
        self.rules = rules or registry()
        self.settled = []
        self.worker = self.start(strategies)
        with store.begin() as work:
            for number in range(1, versions + 1):
                Versions(work.connection).add(version(self.rules, number=number), proposal_id=None, now=0)
            work.commit()

    def start(self, strategies=("main",)):
        registries = {name: msgspec.structs.replace(self.rules, strategy=name) for name in strategies}
        return Attribution(
            self.store,
            registries=registries,
            clock=lambda: NOW,
            on_settled=lambda strategy, session: self.settled.append((strategy, session)),
        )

    def take(self, *batch):
        """One turn; the reasons of what was refused."""
        with self.store.begin() as work:
            refusals = self.worker.handle(work, list(batch))
            work.commit()
        return [refusal.reason for refusal in refusals]

    def rest(self, reached=10**15):
        self.worker.rest(lambda: reached)

    def measure_again(self):
        """Join every unit of the store once more."""
        with self.store.begin() as work:
            touched = Touched()
            for table in (alerts, decisions, theses):
                for unit in work.connection.execute(select(table.c.unit)).scalars():
                    touched.unit(unit)
            latest = Sessions(work.connection).latest("main")
            join = Join(Rules(self.rules))
            found = join.found(work.connection, touched, settled=latest.session if latest else "")
            Ledger(work, "main").enter(found, touched)
            work.commit()

    def examples(self, *columns):
        """Rows of examples by their names; all that the facts decide, where no columns are named."""
        names = columns or [name for name in COLUMNS if name not in HISTORY]
        with self.store.read() as connection:
            symbols = dict(tuple(row) for row in connection.execute(select(instruments.c.id, instruments.c.symbol)))
            rows = standing(connection)
        found = {name_of(row): {**row, "instrument": symbols[row["instrument"]]} for row in rows}
        return {key: {name: row[name] for name in names} for key, row in sorted(found.items())}

    def example(self, key):
        return self.examples(*COLUMNS)[key]

    def fact(self, table, **named):
        """The one row of a table that has these values."""
        with self.store.read() as connection:
            chosen = select(table).where(*(table.c[name] == value for name, value in named.items()))
            return dict(connection.execute(chosen).mappings().one())

    def letters(self):
        """What was told of examples, in its order, decoded as whoever reads it would."""
        return self.told(OutcomeAttributed.type)

    def told(self, stream):
        """What was told on a stream, in its order."""
        with self.store.read() as connection:
            waiting = [one for one in Outbox(connection).waiting("attribution", 1_000_000) if one.stream == stream]
        return [
            decode({b"event": letter.body}, stream=letter.stream, entry="1-0", now=NOW, max_bytes=1 << 20)
            for letter in waiting
        ]

    def net(self):
        """What the statistics hold after all letters: the sum of what each adds and takes back."""
        total = Counter()
        for letter in self.letters():
            for one in letter.data.contributions:
                _move(total, one, 1)
            for one in letter.data.replaced:
                _move(total, one, -1)
        return {key: number for key, number in total.items() if number}


def name_of(row):
    names = (row["strategy"], row["subject"], row["subject_id"])
    return example_id(*names, horizon=row["horizon"], origin=row["origin"])


def _move(total, one, sign):
    key = (one.allocation, one.arm, one.regime, one.reward, one.session, one.version)
    for name in ("n", "total", "squares"):
        total[(*key, name)] += sign * getattr(one, name)
