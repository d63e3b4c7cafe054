"""Both sides of health, turn by turn: what is kept, what is sent, and by which way."""

import socket
from contextlib import contextmanager

import pytest

from events.codec import decode
from events.drain import drain
from events.errors import BrokerUnreachable
from events.moments import microseconds
from schemas.client import ClientReported
from schemas.event import Envelope
from schemas.reports import HealthState
from schemas.settings import Settings
from store.client_reports import ClientReports
from store.errors import StoreBusy
from store.health import HealthRows
from store.mailbag import Mailbag
from workers.health import SHORTEN_EVERY_US, Health
from workers.last_word import at_broker, in_store

HEALTHY, DEGRADED, CRITICAL = HealthState
NOW = 1_700_000_000_000_000
"""Also what the clock of the store says."""


class Scene:
    def __init__(self, store, broker, settings):
        self.store = store
        self.broker = broker
        self.settings = settings
        self.now = NOW
        self.anew()

    def anew(self):
        self.health = Health(
            self.store, settings=self.settings, processes={}, clock=lambda: self.now, steady=lambda: self.now
        )
        self.of_broker, self.of_store = self.health.sides

    def sent(self):
        found = []
        for entry, fields in self.broker.xrange("health.reported"):
            found.append(decode(fields, stream="health.reported", entry=entry.decode(), now=self.now))
        return [(one.id, one.data.part, one.data.state) for one in found]

    def relay(self):
        return drain(self.broker, Mailbag(self.store, Health.name))

    def history(self, part):
        with self.store.read() as reading:
            return [(row.state, row.recorded_at) for row in HealthRows(reading).history(part)]


@pytest.fixture
def scene(store, broker, redis_url):
    scene = Scene(store, broker, Settings(redis_url=redis_url, store_url=store.place))
    yield scene
    scene.health.stop()


@contextmanager
def locked(scene, monkeypatch):
    """Nobody can write into the store; reading goes on."""

    def refuse():
        raise StoreBusy("held by another writer")

    with monkeypatch.context() as patch:
        patch.setattr(scene.store, "begin", refuse)
        yield


@contextmanager
def unplugged(scene, monkeypatch):
    def refuse():
        raise BrokerUnreachable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(scene.of_broker, "_look", refuse)
        yield


def test_what_changed_goes_into_the_history_and_through_the_outbox_to_the_stream(scene):
    assert scene.of_store.turn()
    assert [] == scene.sent()
    assert 4 == scene.relay()
    assert {("store", HEALTHY), ("outbox", HEALTHY), ("dead_letters", HEALTHY), ("trading", HEALTHY)} == {
        (part, state) for _, part, state in scene.sent()
    }
    assert [(HEALTHY, NOW)] == scene.history("store")


def test_a_look_that_finds_nothing_new_writes_no_history_and_sends_nothing(scene):
    for _ in range(3):
        scene.now += 1
        assert scene.of_store.turn()
        assert scene.of_broker.turn()
    scene.relay()
    sent = scene.sent()
    assert len(sent) == len(set(sent))
    assert 1 == len(scene.history("store"))


def test_the_last_word_lies_at_the_broker_and_in_the_store(scene):
    assert scene.of_store.turn()
    assert scene.of_broker.turn()
    scene.now += 1
    assert scene.of_store.turn()
    there, here = at_broker(scene.broker, prefix=""), in_store(scene.store, settings=scene.settings)
    assert (NOW, NOW + 1) == (there.at, here.at)
    for word in (there, here):
        assert {"broker", "dead_letters", "outbox", "store", "trading"} == {part.part for part in word.parts}


def test_while_the_store_takes_nothing_it_is_sent_without_it_and_written_down_later_but_not_sent_twice(
    scene, monkeypatch
):
    with locked(scene, monkeypatch):
        assert not scene.of_store.turn()
        assert scene.of_broker.turn()
        assert ("store", CRITICAL) in {(part, state) for _, part, state in scene.sent()}
        assert not scene.of_store.turn()
        assert not scene.of_store.turn()
        assert scene.of_broker.turn()
        assert 1 == len([state for _, part, state in scene.sent() if (part, state) == ("store", CRITICAL)])
    before = scene.sent()
    scene.now += 1
    scene.of_store.turn()
    scene.of_store.turn()
    scene.relay()
    assert [("store", HEALTHY)] == [(part, state) for _, part, state in scene.sent()[len(before) :]]
    assert [HEALTHY, CRITICAL, HEALTHY] == [state for state, _ in scene.history("store")]


def test_a_store_that_can_be_read_and_not_written_stays_critical_until_a_commit_went_well(scene, monkeypatch):
    assert scene.of_store.turn()
    with locked(scene, monkeypatch):
        assert not scene.of_store.turn()
        [store] = [reading for reading in scene.health._look_store() if reading.part == "store"]
        assert CRITICAL is store.state
        assert "takes no commit" in store.texts[0]
    assert scene.of_store.turn()
    assert HEALTHY is next(reading for reading in scene.health._look_store() if reading.part == "store").state


def test_while_the_broker_is_away_the_store_has_the_word_and_the_letters_wait(scene, monkeypatch):
    assert scene.of_broker.turn()
    assert scene.of_store.turn()
    scene.relay()
    with unplugged(scene, monkeypatch):
        scene.now += 1
        assert not scene.of_broker.turn()
        assert scene.of_store.turn()
    assert [(CRITICAL, NOW + 1), (HEALTHY, NOW)] == scene.history("broker")
    assert [CRITICAL] == [p.state for p in in_store(scene.store, settings=scene.settings).parts if p.part == "broker"]
    count = len(scene.sent())
    assert 1 == scene.relay()
    assert ("broker", CRITICAL) == scene.sent()[count][1:]


def test_a_word_bears_the_same_name_by_both_ways(scene, monkeypatch):
    with locked(scene, monkeypatch):
        scene.of_store.turn()
        scene.of_broker.turn()
    names = [name for name, _, _ in scene.sent()]
    assert f"{socket.gethostname()[:60]}/store/critical/{NOW}" in names
    assert len(names) == len(set(names))


def test_a_restart_keeps_since_when(scene):
    assert scene.of_store.turn()
    scene.now += 1_000_000
    scene.anew()
    assert scene.of_store.turn()
    assert scene.of_broker.turn()
    parts = {part.part: microseconds(part.since) for part in at_broker(scene.broker, prefix="").parts}
    assert (NOW, NOW + 1_000_000) == (parts["store"], parts["broker"])


def test_the_history_is_shortened_now_and_then(scene, monkeypatch):
    cuts = []
    monkeypatch.setattr(HealthRows, "shorten", lambda self, *, before: cuts.append(before))
    assert scene.of_store.turn()
    assert scene.of_store.turn()
    assert [NOW - 30 * 86_400_000_000] == cuts
    monkeypatch.setattr(scene.store, "_clock", lambda: NOW + SHORTEN_EVERY_US + 1)
    assert scene.of_store.turn()
    assert 2 == len(cuts)


def test_keeps_what_trading_processes_say_of_themselves(scene, store):
    events = [
        Envelope(source="s", id=str(n), time=NOW + n, data=ClientReported(client="bot", queued=n)) for n in range(3)
    ]
    with store.begin() as work:
        assert () == scene.health.handle(work, events)
        work.commit()
    with store.read() as reading:
        assert [2] == [report.said.queued for report in ClientReports(reading).latest()]


def test_a_port_that_is_taken_is_told_and_everything_else_goes_on(store, broker, redis_url):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = Settings(
            redis_url=redis_url,
            store_url=store.place,
            metrics_address=f"127.0.0.1:{taken.getsockname()[1]}",
        )
        scene = Scene(store, broker, settings)
        scene.of_broker.start = scene.of_store.start = scene.of_broker.stop = scene.of_store.stop = lambda: None
        scene.health.start()
        assert scene.of_broker.turn()
        parts = {part.part: part for part in at_broker(broker, prefix="").parts}
        scene.health.stop()
    assert (DEGRADED, HEALTHY) == (parts["metrics"].state, parts["broker"].state)
    assert "no metrics are served at" in parts["metrics"].reasons[0]
