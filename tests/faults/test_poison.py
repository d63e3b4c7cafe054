"""Real processes meet events that end them or that they fail at; all others are taken in, and as fast as before."""

import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import pytest
from sqlalchemy import func, select

from events.publisher import Publisher
from schemas.alert import AlertRaised
from schemas.event import Envelope
from store.dead_letters import DeadLetters
from store.store import Store
from store.tables import alerts
from tests.faults.poisoned import DEADLY, FAILING
from workers.turn import ALONE, MOST_ATTEMPTS

ROOT = Path(__file__).parents[2]
PATIENCE = 600.0
LIVES = 1 + ALONE + MOST_ATTEMPTS
"""So often one event may end a process: in its batch, in portions, and alone."""

MANY = 10_000


class Place:
    """A store, and the worker ``attribution``, which is started again whenever it dies."""

    def __init__(self, folder, redis_url):
        self.url = f"sqlite:///{folder}/learning.db"
        self.store = Store.open(self.url, clock=lambda: time.time_ns() // 1_000)
        self.store.migrate()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LEARNING_", "RQ_"))}
        self.environment = inherited | {
            "RQ_REDIS_URL": redis_url,
            "LEARNING_STORE_URL": self.url,
            "LEARNING_CLAIM_AFTER_SECONDS": "0.3",
            "LEARNING_BLOCK_MS": "20",
            "LEARNING_LOG_LEVEL": "error",
        }
        self.died = folder / "died"
        self.process = None

    def start(self):
        command = [sys.executable, "-m", "tests.faults.poisoned", "attribution"]
        with self.died.open("wb") as died, (self.died.parent / "log").open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=died, stderr=log, start_new_session=True
            )

    def signal(self, number):
        os.killpg(self.process.pid, number)

    def stop(self):
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.process.wait()
        self.store.close()

    @property
    def deaths(self):
        """The signals that the worker died of."""
        return [int(line) for line in self.died.read_text().split() if line.isdecimal()]

    def until(self, happened, what):
        """Wait for it; the seconds that took."""
        began = time.monotonic()
        while not happened():
            assert self.process.poll() is None, "the worker has ended"
            assert time.monotonic() < began + PATIENCE, f"waited for {what}"
            threading.Event().wait(0.02)
        return time.monotonic() - began

    def taken_in(self):
        with self.store.read() as reading:
            return reading.execute(select(func.count()).select_from(alerts)).scalar_one()

    def buried(self):
        with self.store.read() as reading:
            return DeadLetters(reading).list()


@pytest.fixture
def place(tmp_path, redis_url):
    place = Place(tmp_path, redis_url)
    yield place
    place.stop()


def send(broker, names):
    Publisher(broker).publish([alert(name) for name in names])


def alert(name):
    """One of a few alerts of its symbol on that day; each part of a test has symbols of its own."""
    symbol = f"{name.partition('-')[0]}{zlib.crc32(name.encode()) % 5_000}".upper()
    data = AlertRaised(alert_id=name, symbol=symbol, score=0.5)
    return Envelope(source="bot", id=name, time=time.time_ns() // 1_000, data=data)


def named(sort, count):
    return [f"{sort}-{number}" for number in range(count)]


@pytest.mark.at_length
@pytest.mark.parametrize("poison", [[f"{DEADLY}-1"], named(FAILING, 5), [*named(DEADLY, 3), *named(FAILING, 2)]])
def test_poison_among_ten_thousand_events_is_buried_and_the_rest_is_taken_in_as_fast_as_before(place, broker, poison):
    place.start()
    send(broker, ["first"])
    place.until(lambda: place.taken_in() == 1, "the worker to run")
    send(broker, named("before", MANY))
    before = place.until(lambda: place.taken_in() == MANY + 1, "events to be taken in")

    events = named("among", MANY)
    send(broker, [*events[:5_200], *poison, *events[5_200:]])
    found = place.until(
        lambda: place.taken_in() == 2 * MANY + 1 and len(place.buried()) == len(poison), "the poison to be found"
    )
    place.until(lambda: not broker.xpending("alert.raised", "attribution")["pending"], "the last acknowledgement")
    send(broker, named("after", MANY))
    after = place.until(lambda: place.taken_in() == 3 * MANY + 1, "events to be taken in")

    print(f"{MANY:,} events: {before:.1f} s before, {after:.1f} s after,")
    print(f"{found:.1f} s with {poison} among them, over which the process died {len(place.deaths)} times")
    deadly = [name for name in poison if name.startswith(DEADLY)]
    assert {signal.SIGSEGV for _ in deadly} == set(place.deaths)
    assert len(deadly) <= len(place.deaths) <= LIVES * len(deadly)
    for letter in place.buried():
        [name] = [name for name in poison if f'"{name}"'.encode() in letter.body]
        expected = "came to no end" if name.startswith(DEADLY) else "ValueError('poison')"
        assert expected in letter.reason
    told = [fields[b"event"] for _, fields in broker.xrange("dead.letter")]
    assert len(poison) == len(told)
    assert 0 == broker.exists("suspects:attribution")


@pytest.mark.at_length
def test_a_backlog_in_the_hands_of_killed_workers_is_taken_in_by_portions(place, broker):
    place.start()
    send(broker, ["first"])
    place.until(lambda: place.taken_in() == 1, "the worker to run")
    place.signal(signal.SIGSTOP)
    names = named("handed", MANY)
    send(broker, names)
    broker.xreadgroup("attribution", "killed", {"alert.raised": ">"}, count=MANY)
    for _ in range(3):
        broker.xreadgroup("attribution", "killed", {"alert.raised": "0"}, count=MANY)
    place.signal(signal.SIGCONT)
    handed = place.until(lambda: place.taken_in() == MANY + 1, "the backlog to be taken in")
    place.until(lambda: not broker.xpending("alert.raised", "attribution")["pending"], "the last acknowledgement")
    send(broker, named("fresh", MANY))
    fresh = place.until(lambda: place.taken_in() == 2 * MANY + 1, "events to be taken in")
    print(f"{MANY:,} events: {handed:.1f} s from the hands of a killed worker, {fresh:.1f} s as fresh ones")
    assert [] == place.deaths
    assert [] == place.buried()
