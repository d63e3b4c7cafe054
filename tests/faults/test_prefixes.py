"""Two engines with different prefixes on one broker, and neither ever touches what the other has."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from events.heartbeat import heartbeats
from events.publisher import Publisher
from schemas.alert import AlertRaised
from schemas.calendar import Calendar
from schemas.event import Envelope
from schemas.session import SessionClosed
from store.store import Store
from store.tables import alerts, cycles, sessions
from workers.processes.procfile import read_procfile

ROOT = Path(__file__).parents[2]
PARTS = ("attribution", "thompson", "patterns", "bayesian", "deployment", "health", "cycles", "cron")
PATIENCE = 300.0
NYSE = Calendar.named("XNYS")


class Engine:
    """Every process of the Procfile, with a store of its own, on a broker that it shares."""

    def __init__(self, folder, redis_url, prefix, session):
        folder.mkdir()
        self.prefix = prefix
        self.session = session
        self.log = folder / "log"
        url = f"sqlite:///{folder}/learning.db"
        self.store = Store.open(url, clock=lambda: time.time_ns() // 1_000)
        self.store.migrate()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LEARNING_", "RQ_"))}
        self.environment = inherited | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{inherited['PATH']}",
            "RQ_REDIS_URL": redis_url,
            "RQ_CONFIG": "scheduler.rq_settings",
            "LEARNING_STORE_URL": url,
            "LEARNING_MODE": "act",
            "LEARNING_PREFIX": prefix,
        }
        self.processes = {}

    def start(self):
        commands = read_procfile(ROOT / "Procfile", prefix=self.prefix)
        assert set(PARTS) == set(commands)
        for name, command in commands.items():
            with self.log.open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    command.split(), cwd=ROOT, env=self.environment, stdout=log, stderr=log
                )

    def stop(self):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.store.close()

    def live(self, broker):
        """One session: an alert, and its end."""
        close = NYSE.close_of(self.session)
        alert = AlertRaised(alert_id=f"a-{self.session}", symbol="ACME", score=0.5)
        told = [
            Envelope(source="bot", id="same", time=close - 1, data=alert),
            Envelope(source="bot", id="closed", time=close, data=SessionClosed(session=self.session)),
        ]
        Publisher(broker, prefix=self.prefix).publish(told)

    def rows(self, column):
        with self.store.read() as reading:
            return list(reading.execute(select(column)).scalars())


@pytest.fixture
def engines(tmp_path, redis_url):
    made = [
        Engine(tmp_path / "paper", redis_url, "paper:", "2024-01-02"),
        Engine(tmp_path / "live", redis_url, "live:", "2024-01-03"),
    ]
    yield made
    for engine in made:
        engine.stop()


def until(happened, what):
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, f"waited for {what}"
        threading.Event().wait(0.1)


def healthy(broker, engine, part):
    overview = msgspec.json.decode(broker.get(f"{engine.prefix}health:overview"))
    return (part, "healthy") in {(one["part"], one["state"]) for one in overview["parts"]}


@pytest.mark.at_length
def test_two_engines_on_one_broker_never_touch_each_other(engines, broker):
    for engine in engines:
        engine.start()
    for engine in engines:
        until(lambda engine=engine: broker.exists(f"{engine.prefix}params.updated"), "the first version")
        engine.live(broker)
    for engine in engines:
        until(lambda engine=engine: [engine.session] == engine.rows(cycles.c.session), f"the cycle of {engine.prefix}")
        until(lambda engine=engine: broker.xlen(f"{engine.prefix}cycle.completed"), "the word of it")

    for engine in engines:
        assert [f"a-{engine.session}"] == engine.rows(alerts.c.alert_id)
        assert [engine.session] == engine.rows(sessions.c.session)
        assert 1 == broker.xlen(f"{engine.prefix}alert.raised")
        alive = heartbeats(broker, prefix=engine.prefix)
        assert {*PARTS} - {"cycles"} == {name.split(":")[0] for name in alive}
        assert len(alive) == len(PARTS) - 1
        until(lambda engine=engine: healthy(broker, engine, "cycles"), f"health of {engine.prefix} to hear the cycles")
        assert broker.exists(f"{engine.prefix}params:main:snapshot")
    prefixes = tuple(engine.prefix.encode() for engine in engines)
    strangers = [key for key in broker.scan_iter() if not key.startswith((*prefixes, b"rq:"))]
    assert [] == strangers
    assert {b"rq:queue:paper:learning", b"rq:queue:live:learning"} >= broker.smembers("rq:queues")
