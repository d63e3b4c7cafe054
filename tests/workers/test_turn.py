import base64

import msgspec
import pytest

from events.connection import connect
from events.errors import BrokerUnreachable
from events.group import ConsumerGroup
from events.publisher import Publisher
from schemas.event import Envelope
from schemas.session import SessionClosed
from store.counts import refusals
from store.dead_letters import DeadLetters
from store.errors import StoreBusy, StoreOutdated, StoreUnavailable
from store.inbox import Inbox
from store.outbox import Outbox
from store.tables import inbox
from workers.tally import Tally
from workers.turn import MOST_ATTEMPTS, Limits, Turns
from workers.worker import Refusal

NOW = 1_700_000_000_000_000


class Recorder:
    """A worker that notes every event once and answers each new one with a letter."""

    name = "recorder"
    reads = ("session.closed",)

    def __init__(self):
        self.poison = None
        self.unwanted = None
        self.unkept = None
        self.batches = []
        self.rested = 0

    def handle(self, work, batch):
        self.batches.append(len(batch))
        if self.poison in {envelope.id for envelope in batch}:
            raise ValueError("poison")
        if self.unkept in {envelope.id for envelope in batch}:
            work.insert(inbox, [{"worker": self.name, "source": "s", "event_id": self.unkept, "recorded_at": None}])
        wanted = [one for one in batch if one.id != self.unwanted]
        new = Inbox(work.connection).new(self.name, [(one.source, one.id) for one in wanted], now=work.now)
        for envelope, is_new in zip(wanted, new, strict=True):
            if is_new:
                Outbox(work.connection).add(self.name, "answers", envelope.id.encode(), now=work.now)
        return [Refusal(one, "unwanted") for one in batch if one.id == self.unwanted]

    def rest(self, settled_before):
        self.rested += 1


class Bench:
    """A recorder with everything that it needs to take turns."""

    def __init__(self, store, broker):
        self.store = store
        self.broker = broker
        self.worker = Recorder()
        self.tally = Tally("recorder", clock=lambda: NOW)
        self.group = self.consumer("one")
        self.group.ensure()

    def consumer(self, name):
        return ConsumerGroup(
            self.broker, group="recorder", consumer=name, streams=["session.closed"], claim_after_ms=60_000
        )

    def send(self, *names):
        closed = SessionClosed(session="2023-11-14")
        Publisher(self.broker).publish([Envelope(source="test", id=name, time=NOW, data=closed) for name in names])

    def turn(self, group=None, count=500):
        turns = Turns(
            self.worker,
            store=self.store,
            broker=self.broker,
            group=group or self.group,
            prefix="",
            limits=Limits(2**20, 0),
            clock=lambda: NOW,
            tally=self.tally,
        )
        return turns.turn(count=count, block_ms=1)

    def answers(self):
        return [fields[b"event"].decode() for _, fields in self.broker.xrange("answers")]

    def pending(self):
        return self.broker.xpending("session.closed", "recorder")["pending"]


@pytest.fixture
def bench(store, broker):
    return Bench(store, broker)


def test_takes_a_batch_in_acknowledges_it_and_sends_its_letters(bench):
    bench.send("a", "b")
    assert 2 == bench.turn()
    assert (["a", "b"], 0) == (bench.answers(), bench.pending())
    assert 2 == bench.tally.counts["taken"]


def test_rests_after_every_turn_also_an_idle_one(bench):
    assert 0 == bench.turn()
    assert 1 == bench.worker.rested


def test_learns_once_when_it_dies_between_commit_and_acknowledgement(bench, monkeypatch):
    bench.send("a")
    monkeypatch.setattr(bench.group, "acknowledge", lambda deliveries: (_ for _ in ()).throw(BrokerUnreachable("gone")))
    with pytest.raises(BrokerUnreachable):
        bench.turn()
    assert (1, []) == (bench.pending(), bench.answers())
    bench.turn(group=bench.consumer("one"))
    assert (0, ["a"]) == (bench.pending(), bench.answers())


def test_sends_the_letters_of_a_turn_that_died_before_its_relay(bench):
    with bench.store.begin() as work:
        Outbox(work.connection).add("recorder", "answers", b"left over", now=NOW)
        work.commit()
    bench.turn()
    assert ["left over"] == bench.answers()


def test_buries_what_does_not_decode_with_its_bytes_and_goes_on(bench):
    bench.broker.xadd("session.closed", {"event": b'{"type": "session.closed"'})
    bench.send("a")
    bench.turn()
    with bench.store.read() as reading:
        [buried] = DeadLetters(reading).list()
    [(_, fields)] = bench.broker.xrange("dead.letter")
    letter = msgspec.json.decode(fields[b"event"])["data"]
    assert b'{"type": "session.closed"' == buried.body == base64.b64decode(letter["body"])
    assert (["a"], 0) == (bench.answers(), bench.pending())


def test_buries_what_its_worker_refuses_in_the_same_turn(bench):
    bench.worker.unwanted = "b"
    bench.send("a", "b", "c")
    bench.turn()
    with bench.store.read() as reading:
        assert {("session.closed", "unwanted"): 1} == refusals(reading)
    assert ["a", "c"] == bench.answers()


def test_finds_one_poisonous_event_by_splitting_and_leaves_only_that_one(bench):
    bench.worker.poison = "e7"
    bench.send(*(f"e{number}" for number in range(20)))
    bench.turn()
    assert (1, 19) == (bench.pending(), len(bench.answers()))
    assert "failed: ValueError: poison" in bench.tally.health().reasons


def test_buries_a_poisonous_event_after_its_last_attempt(bench):
    bench.worker.poison = "bad"
    bench.send("bad")
    for _ in range(MOST_ATTEMPTS):
        assert 1 == bench.turn(group=bench.consumer("one"))
    with bench.store.read() as reading:
        [buried] = DeadLetters(reading).list()
    assert "ValueError('poison')" in buried.reason
    assert (MOST_ATTEMPTS, 0) == (buried.attempts, bench.pending())


def test_an_event_whose_row_the_store_refuses_holds_nobody_up_and_is_buried_with_the_reason(bench):
    bench.worker.unkept = "e7"
    bench.send(*(f"e{number}" for number in range(20)))
    bench.turn()
    assert (1, 19) == (bench.pending(), len(bench.answers()))
    for _ in range(MOST_ATTEMPTS - 1):
        assert 1 == bench.turn(group=bench.consumer("one"))

    with bench.store.read() as reading:
        [buried] = DeadLetters(reading).list()
    assert "refused a row" in buried.reason
    assert "recorded_at" in buried.reason
    assert (MOST_ATTEMPTS, 0) == (buried.attempts, bench.pending())
    assert 19 == len(bench.answers())


@pytest.mark.parametrize("trouble", [StoreUnavailable("full"), StoreBusy("held"), StoreOutdated("old")])
def test_waits_out_a_store_that_will_be_there_again(bench, monkeypatch, trouble):
    bench.send("a", "b")
    monkeypatch.setattr(bench.worker, "handle", lambda work, batch: (_ for _ in ()).throw(trouble))
    with pytest.raises(type(trouble)):
        bench.turn()
    assert 2 == bench.pending()
    monkeypatch.undo()
    bench.turn(group=bench.consumer("one"))
    assert (["a", "b"], 0) == (bench.answers(), bench.pending())


def test_a_reason_that_shows_what_no_database_need_hold_is_kept_all_the_same(bench):
    event = {"id": "n", "source": "s", "type": "session.closed", "time": "a\0b", "data": {"session": "2023-11-14"}}
    bench.broker.xadd("session.closed", {"event": msgspec.json.encode(event)})
    bench.turn()
    with bench.store.read() as reading:
        [buried] = DeadLetters(reading).list()
    assert 'time is "a\N{SYMBOL FOR NULL}b"' in buried.reason
    assert 0 == bench.pending()


def test_leaves_an_event_of_a_newer_schema_for_a_newer_worker(bench):
    event = {"id": "n", "source": "s", "type": "session.closed", "time": "2023-11-14T00:00:00Z", "schemaversion": 99}
    bench.broker.xadd("session.closed", {"event": msgspec.json.encode({**event, "data": {}})})
    bench.turn()
    with bench.store.read() as reading:
        assert [] == list(DeadLetters(reading).list())
    assert 1 == bench.pending()


def test_counts_fields_that_nobody_declared_by_name(bench):
    event = {"id": "n", "source": "s", "type": "session.closed", "time": "2023-11-14T00:00:00Z"}
    body = {**event, "data": {"session": "2023-11-14", "sesion": "typo"}}
    bench.broker.xadd("session.closed", {"event": msgspec.json.encode(body)})
    bench.turn()
    assert 1 == bench.tally.counts["undeclared sesion"]


def test_says_when_the_broker_cannot_be_reached(store, broker):
    gone = connect("redis://127.0.0.1:1/0", timeout=0.2)
    group = ConsumerGroup(gone, group="recorder", consumer="one", streams=["session.closed"], claim_after_ms=1)
    bench = Bench(store, broker)
    with pytest.raises(BrokerUnreachable, match=r"127\.0\.0\.1:1 cannot be reached"):
        bench.turn(group=group)
