"""Some days of trading for workers to live through, and what has to stand in the books afterwards."""

import random
import time

from sqlalchemy import func, select

from events.connection import connect
from events.drain import drain
from events.group import ConsumerGroup
from events.publisher import Publisher
from schemas.alert import AlertRaised
from schemas.calendar import Calendar
from schemas.decision import DecisionMade
from schemas.event import Envelope
from schemas.outcome import OutcomeObserved
from schemas.price import PriceObserved
from schemas.registries import load_registries
from schemas.session import SessionClosed
from schemas.settings import Mode
from store.mailbag import Mailbag
from store.statistics import statistics_at
from store.store import Store
from store.tables import (
    alerts,
    dead_letters,
    decisions,
    examples,
    journal,
    listings,
    outbox,
    outcomes,
    prices,
    sessions,
)
from tests.standing import learned
from workers.attribution import Attribution
from workers.deployment import Deployment
from workers.tally import Tally
from workers.thompson import Thompson
from workers.turn import Limits, Turns

NYSE = Calendar.named("XNYS")
FIRST = "2024-01-02"
SYMBOLS = [f"S{number}" for number in range(6)]

REGISTRY = """
strategy = "main"

[market]
horizons = ["1d", "3d"]
primary_horizon = "3d"
close_after = 2

[learning]
budget = 0.2

[[parameter]]
name = "threshold"
default = 0.5
min = 0.0
max = 1.0
category = "threshold"
affects = "decision"
description = "From which score on a candidate is bought."
max_change = 0.1
reward = "unit_pnl:close"

[[trial]]
id = "threshold"
layer = "threshold"
share = 0.2
offsets = [{ threshold = 0.1 }, { threshold = -0.1 }]
"""


def now():
    return time.time_ns() // 1_000


def day(number):
    """What a trading process says in one session: bars, alerts, decisions, outcomes, and that it is over."""
    dice = random.Random(number)
    session = NYSE.shift(FIRST, number)
    close = NYSE.close_of(session)
    told = []
    for symbol in SYMBOLS:
        name, price = f"{symbol}-{session}", 100 + dice.uniform(-3, 3)
        values = {"symbol": symbol, "params_version": "1-1", "unit": f"{symbol}/{session}"}
        bought = dice.random() < 0.5
        action = "BUY" if bought else "IGNORE"
        told += [
            PriceObserved(symbol=symbol, interval="1d", open=price, high=price + 1, low=price - 1, close=price + 0.5),
            AlertRaised(alert_id=name, score=dice.random(), **values),
            DecisionMade(decision_id=name, alert_id=name, action=action, size=0.1, **values),
        ]
        if bought:
            told.append(OutcomeObserved(outcome_id=name, decision_id=name, net=round(dice.gauss(0, 0.02), 6)))
    told.append(SessionClosed(session=session))
    return [Envelope(source="bot", id=f"{session}-{place}", time=close, data=data) for place, data in enumerate(told)]


def opened(url, broker, *, prefix, folder):
    """A new store at ``url`` with the first version in force, and the registries."""
    (folder / "registry.toml").write_text(REGISTRY)
    registries = load_registries(["registry.toml"], folder=folder)
    store = Store.open(url, clock=now)
    store.migrate()
    with store.begin() as work:
        Deployment(registries=registries, mode=Mode.ACT, mend=lambda: None).open(work)
        work.commit()
    drain(broker, Mailbag(store, "deployment"), prefix=prefix)
    return store, registries


def rows(reading, *columns):
    return sorted(map(tuple, reading.execute(select(*columns))), key=repr)


def books(store):
    """All that must be the same whatever happened on the way; empty where letters or revisions are still on theirs."""
    with store.read() as reading:
        told = reading.execute(select(func.coalesce(func.sum(examples.c.revision), 0))).scalar_one()
        if told != len(rows(reading, journal.c.revision)) or rows(reading, outbox.c.id):
            return {}
        return {
            "alerts": rows(reading, alerts.c.alert_id, alerts.c.unit, alerts.c.time),
            "decisions": rows(reading, decisions.c.decision_id, decisions.c.unit),
            "outcomes": rows(reading, outcomes.c.outcome_id),
            "bars": rows(reading, prices.c.session, prices.c.close),
            "listings": rows(reading, listings.c.symbol, listings.c.since),
            "sessions": rows(reading, sessions.c.session),
            "examples": learned(reading),
            "statistics": statistics_at(reading, strategy="main", cut=2**60),
            "refused": rows(reading, dead_letters.c.stream, dead_letters.c.entry, dead_letters.c.reason),
        }


def turning(worker, store, redis, *, prefix):
    """What takes turns for a worker by hand."""
    group = ConsumerGroup(
        redis, group=worker.name, consumer="hand", streams=worker.reads, prefix=prefix, claim_after_ms=60_000
    )
    group.ensure()
    return Turns(
        worker,
        store=store,
        broker=redis,
        group=group,
        prefix=prefix,
        limits=Limits(2**20, 300_000_000),
        clock=now,
        tally=Tally(worker.name, clock=now),
    )


class Calm:
    """The same workers, turned by hand, with nothing going wrong: their books are what the others are held against."""

    def __init__(self, folder, redis_url):
        folder.mkdir()
        self._redis = connect(redis_url)
        self.store, registries = opened(f"sqlite:///{folder}/calm.db", self._redis, prefix="calm:", folder=folder)
        attribution = Attribution(self.store, registries=registries, clock=now, on_settled=lambda *_: None)
        self._turns = [
            turning(one, self.store, self._redis, prefix="calm:")
            for one in (attribution, Thompson(mend=lambda settled_before: None))
        ]

    def after(self, events, *, settled):
        """The books after these events too, when so many sessions are settled."""
        Publisher(self._redis, prefix="calm:").publish(events)
        deadline = time.monotonic() + 60
        while True:
            for turns in self._turns:
                turns.turn(count=500, block_ms=1)
            if len((found := books(self.store)).get("sessions", "")) == settled:
                return found
            assert time.monotonic() < deadline, found

    def close(self):
        self.store.close()
        self._redis.close()
