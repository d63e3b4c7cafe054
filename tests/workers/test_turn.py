import base64

import msgspec
import pytest
from structlog.testing import capture_logs

from events.connection import connect
from events.errors import BrokerUnreachable
from events.group import ConsumerGroup
from events.publisher import Publisher
from schemas.event import Envelope
from schemas.session import SessionClosed
from store.counts import refusals
from store.dead_letters import DeadLetters
from store.errors import StoreBusy, StoreOutdated, StoreUnavailable
from store.outbox import Outbox
from tests.workers.recorder import NOW, Bench
from workers.turn import MOST_ATTEMPTS


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


@pytest.mark.parametrize("events", [0, 1])
def test_sends_what_another_process_committed_and_what_its_worker_writes_at_rest(bench, events, monkeypatch):
    def letter(body):
        with bench.store.begin() as work:
            Outbox(work.connection).add("recorder", "answers", body, now=NOW)
            work.commit()

    bench.send(*map(str, range(events)))
    monkeypatch.setattr(bench.worker, "rest", lambda _: letter(b"at rest"))
    turns = bench.turns(bench.group)
    letter(b"by another")
    turns.turn(count=500, block_ms=1)
    assert ["by another", *map(str, range(events)), "at rest"] == bench.answers()


def test_sends_no_letter_of_a_turn_that_was_not_kept(bench, monkeypatch):
    def full(_):
        raise StoreBusy("full")

    bench.send("a")
    turns = bench.turns(bench.group)
    with monkeypatch.context() as patched:
        patched.setattr("store.work.Work.commit", full)
        with pytest.raises(StoreBusy):
            turns.turn(count=500, block_ms=1)
    assert 0 == turns.turn(count=500, block_ms=1)
    assert [] == bench.answers()


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


def test_buries_an_event_of_a_newer_schema_that_no_newer_worker_came_for(bench):
    event = {"id": "n", "source": "s", "type": "session.closed", "time": "2023-11-14T00:00:00Z", "schemaversion": 99}
    body = msgspec.json.encode({**event, "data": {}})
    bench.broker.xadd("session.closed", {"event": body}, id="1700000000000-0")
    bench.send("a")
    bench.turn()
    with bench.store.read() as reading:
        [buried] = DeadLetters(reading).list()
    assert "session.closed has schema version 99, this engine knows versions up to 1" in buried.reason
    assert "newer_days" in buried.reason
    assert (body, ["a"], 0) == (buried.body, bench.answers(), bench.pending())


def test_says_once_that_events_of_a_newer_schema_were_left_however_many_they_are(bench):
    event = {"id": "n", "source": "s", "type": "session.closed", "time": "2023-11-14T00:00:00Z", "schemaversion": 99}
    for _ in range(50):
        bench.broker.xadd("session.closed", {"event": msgspec.json.encode({**event, "data": {}})})
    with capture_logs() as lines:
        bench.turn()
        for _ in range(3):
            bench.turn(group=bench.consumer("one"))
    assert [("events.newer", 50)] == [(line["event"], line["entries"]) for line in lines]
    assert 50 == bench.pending()


def test_an_event_of_now_is_not_refused_by_a_worker_whose_clock_is_behind(bench):
    """The broker's clock, which is years ahead of this worker's, says when it was told."""
    seconds, _ = bench.broker.time()
    closed = SessionClosed(session="2023-11-14")
    times = {"now": seconds * 1_000_000, "in an hour": (seconds + 3_600) * 1_000_000}
    Publisher(bench.broker).publish(
        [Envelope(source="test", id=name, time=time, data=closed) for name, time in times.items()]
    )
    bench.turn()
    with bench.store.read() as reading:
        [buried] = DeadLetters(reading).list()
    assert ["now"] == bench.answers()
    assert "in the future" in buried.reason


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
