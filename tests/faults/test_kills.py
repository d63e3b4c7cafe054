"""Workers are killed while they work; afterwards the books agree with a run in which nobody died."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from events.publisher import Publisher
from schemas.alert import AlertRaised
from schemas.calendar import Calendar
from schemas.decision import DecisionMade
from schemas.event import Envelope
from schemas.outcome import OutcomeObserved
from schemas.price import PriceObserved
from schemas.session import SessionClosed
from store.statistics import statistics_at
from store.store import Store
from store.tables import alerts, dead_letters, decisions, examples, journal, outbox, outcomes, prices, sessions
from store.versions import Versions

FOLDER = Path(__file__).parents[2]
NYSE = Calendar.named("XNYS")
FIRST = "2024-01-02"
SESSIONS = 12
SYMBOLS = [f"S{number}" for number in range(12)]
WORKERS = ("attribution", "thompson", "deployment")
KILLS = 40
PATIENCE = 120.0

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


class Engine:
    """Real worker processes on a store of their own."""

    def __init__(self, folder, redis_url, prefix):
        self.prefix = prefix
        folder.mkdir()
        (folder / "registry.toml").write_text(REGISTRY)
        self.url = f"sqlite:///{folder}/learning.db"
        self.store = Store.open(self.url, clock=lambda: time.time_ns() // 1_000)
        self.store.migrate()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LEARNING_", "RQ_"))}
        self.environment = inherited | {
            "RQ_REDIS_URL": redis_url,
            "LEARNING_STORE_URL": self.url,
            "LEARNING_MODE": "act",
            "LEARNING_PREFIX": prefix,
            "LEARNING_REGISTRIES": str(folder / "registry.toml"),
            "LEARNING_CLAIM_AFTER_SECONDS": "0.3",
            "LEARNING_BATCH": "25",
            "LEARNING_BLOCK_MS": "20",
            "LEARNING_LOG_LEVEL": "error",
        }
        self.processes = {}

    def start(self, name):
        command = [sys.executable, "-m", "workers", name]
        self.processes[name] = subprocess.Popen(command, cwd=FOLDER, env=self.environment)

    def kill(self, name):
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def stop(self):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(10)

    def rows(self, *columns):
        with self.store.read() as reading:
            return sorted(map(tuple, reading.execute(select(*columns))), key=repr)

    def until(self, happened, what):
        deadline = time.monotonic() + PATIENCE
        while not happened():
            assert time.monotonic() < deadline, f"waited for {what}"
            threading.Event().wait(0.05)

    def books(self):
        """What must not depend on who died when."""
        with self.store.read() as reading:
            version = Versions(reading).latest("main")
            statistics = statistics_at(reading, strategy="main", cut=2**60)
        table = examples.c
        name = (table.subject, table.subject_id, table.horizon, table.origin)
        return {
            "alerts": self.rows(alerts.c.alert_id, alerts.c.unit),
            "decisions": self.rows(decisions.c.decision_id, decisions.c.unit),
            "outcomes": self.rows(outcomes.c.outcome_id),
            "bars": self.rows(prices.c.session, prices.c.close),
            "sessions": self.rows(sessions.c.session),
            "examples": self.rows(*name, table.state, table["return"], table.net, table.contributions),
            "statistics": statistics,
            "version": version.checksum,
        }


def scene(version):
    """Everything that a trading process says in twelve sessions, in order."""
    random.seed(7)
    for number in range(SESSIONS):
        session = NYSE.shift(FIRST, number)
        close = NYSE.close_of(session)
        for symbol in SYMBOLS:
            name = f"{symbol}-{session}"
            unit = f"{symbol}/{session}"
            price = 100 + random.uniform(-3, 3)
            bar = PriceObserved(
                symbol=symbol, interval="1d", open=price, high=price + 1, low=price - 1, close=price + 0.5
            )
            yield Envelope(source="bot", id=f"bar-{name}", time=close, data=bar)
            alert = AlertRaised(alert_id=name, symbol=symbol, score=random.random(), params_version=version, unit=unit)
            yield Envelope(source="bot", id=f"alert-{name}", time=close, data=alert)
            bought = random.random() < 0.5
            decision = DecisionMade(
                decision_id=name,
                symbol=symbol,
                alert_id=name,
                action="BUY" if bought else "IGNORE",
                size=0.1,
                params_version=version,
                unit=unit,
            )
            yield Envelope(source="bot", id=f"decision-{name}", time=close, data=decision)
            if bought:
                outcome = OutcomeObserved(outcome_id=name, decision_id=name, net=round(random.gauss(0, 0.02), 6))
                yield Envelope(source="bot", id=f"outcome-{name}", time=close, data=outcome)
        yield Envelope(source="bot", id=f"closed-{session}", time=close + 1, data=SessionClosed(session=session))


def run(engine, broker, *, kills):
    """Live through the scene with ``kills`` workers dying on the way, until nothing is left to do."""
    for name in WORKERS:
        engine.start(name)
    engine.until(lambda: broker.xlen(f"{engine.prefix}params.updated") > 0, "the first version")
    dice = random.Random(11)
    events = list(scene("1-1"))
    publisher = Publisher(broker, prefix=engine.prefix)
    for portion in range(kills):
        share = len(events) // kills + 1
        publisher.publish(events[portion * share : (portion + 1) * share])
        threading.Event().wait(dice.uniform(0.0, 0.25))
        victim = dice.choice(WORKERS)
        engine.kill(victim)
        engine.start(victim)
    publisher.publish(events if not kills else [])
    engine.until(lambda: len(engine.rows(sessions.c.session)) == SESSIONS, "all sessions to settle")
    engine.until(lambda: done(engine), "the statistics to take in every revision")
    engine.stop()
    return engine.books()


def done(engine):
    told = sum(revision for (revision,) in engine.rows(examples.c.revision))
    return told == len(engine.rows(journal.c.revision)) and not engine.rows(outbox.c.id)


@pytest.fixture
def engine(tmp_path, redis_url):
    made = []

    def make(prefix):
        made.append(Engine(tmp_path / prefix.strip(":"), redis_url, prefix))
        return made[-1]

    yield make
    for each in made:
        for process in each.processes.values():
            process.kill()
        each.store.close()


def test_the_books_agree_after_forty_kills(engine, broker):
    calm, stormy = engine("calm:"), engine("stormy:")
    wanted = run(calm, broker, kills=0)
    found = run(stormy, broker, kills=KILLS)
    assert len(SYMBOLS) * SESSIONS == len(wanted["alerts"])
    assert [] == stormy.rows(dead_letters.c.reason)
    for book, rows in wanted.items():
        assert rows == found[book], book
