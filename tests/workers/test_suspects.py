"""Events over which the process dies: found over several lives, and nobody else is buried in their place."""

import pytest

from events.errors import BrokerUnreachable
from events.reader import Reader
from store.dead_letters import DeadLetters
from store.errors import StoreUnavailable
from tests.workers.recorder import Bench, Death
from workers.turn import ALONE, MOST_ATTEMPTS, PORTIONS

LIVES = 1 + ALONE + MOST_ATTEMPTS
"""So often a process may die over one event: as the batch, as portions, and alone."""


@pytest.fixture
def bench(sqlite_store, broker):
    return Bench(sqlite_store, broker)


def live(bench):
    """Lives until nothing is left to take in; how many of them ended in death."""
    deaths = 0
    group = bench.consumer("one")
    while True:
        try:
            if not bench.turn(group=group):
                return deaths
        except Death:
            deaths += 1
            group = bench.consumer("one")


def buried(bench):
    with bench.store.read() as reading:
        return {letter.entry: letter for letter in DeadLetters(reading).list()}


def entries(bench):
    return {entry.decode(): fields[b"event"] for entry, fields in bench.broker.xrange("session.closed")}


def killed(bench):
    """Everything that is there is handed to a consumer that dies at once."""
    bench.consumer("one").read(count=500, block_ms=0)


@pytest.mark.parametrize("deadly", [{"e250"}, {"e0"}, {"e499"}, {f"e{number}" for number in (3, 4, 150, 151, 152)}])
def test_events_that_end_the_process_are_buried_with_bytes_and_reason_and_all_others_are_taken_in(bench, deadly):
    names = [f"e{number}" for number in range(500)]
    bench.send(*names)
    bench.worker.deadly = deadly
    deaths = live(bench)
    assert len(deadly) <= deaths <= LIVES * len(deadly)
    assert sorted(set(names) - deadly) == sorted(bench.answers())
    found, sent = buried(bench), entries(bench)
    assert deadly == {name for name in deadly for letter in found.values() if f'"{name}"'.encode() in letter.body}
    assert [sent[entry] for entry in found] == [letter.body for letter in found.values()]
    assert {
        f"handling it alone was begun {MOST_ATTEMPTS} times and came to no end: it ends the process that handles it"
    } == {letter.reason for letter in found.values()}
    assert (0, 0) == (bench.pending(), bench.broker.exists("suspects:recorder"))


def test_a_backlog_that_was_only_handed_out_is_taken_in_by_portions_however_often_it_was_handed_out(bench):
    bench.send(*(f"e{number}" for number in range(500)))
    for _ in range(10):
        killed(bench)
    assert 0 == live(bench)
    assert 500 == len(bench.answers())
    assert -(-500 // PORTIONS[0]) == len(bench.worker.batches)


def test_what_comes_for_the_first_time_leaves_no_note_at_the_broker(bench, monkeypatch):
    bench.send("a", "b")
    monkeypatch.setattr(bench.broker, "hmget", None)
    monkeypatch.setattr(bench.broker, "hset", None)
    assert 2 == bench.turn()
    assert ["a", "b"] == bench.answers()


def test_a_process_that_is_killed_over_good_events_again_and_again_buries_none(bench):
    bench.send(*(f"e{number}" for number in range(20)))
    bench.worker.deadly = {"e7"}
    for _ in range(LIVES - 1):
        with pytest.raises(Death):
            bench.turn(group=bench.consumer("one"))
    bench.worker.deadly = set()
    assert 0 == live(bench)
    assert ({}, 20) == (buried(bench), len(bench.answers()))


def test_a_store_that_is_away_for_long_counts_as_no_attempt(bench, monkeypatch):
    bench.worker.poison = "bad"
    bench.send("bad", "good")
    gone = StoreUnavailable("away")
    handle = bench.worker.handle
    monkeypatch.setattr(bench.worker, "handle", lambda work, batch: (_ for _ in ()).throw(gone))
    group = bench.consumer("one")
    turns = bench.turns(group)
    for _ in range(2 * LIVES):
        group.again()
        with pytest.raises(StoreUnavailable):
            turns.turn(count=500, block_ms=1)
    monkeypatch.setattr(bench.worker, "handle", handle)
    for attempt in range(MOST_ATTEMPTS):
        assert {} == buried(bench), attempt
        group.again()
        turns.turn(count=500, block_ms=1)
    [letter] = buried(bench).values()
    assert f"handling failed {MOST_ATTEMPTS} times: ValueError('poison')" == letter.reason
    assert ["good"] == bench.answers()


def test_acknowledgements_that_are_lost_again_and_again_bury_nothing(bench, monkeypatch):
    bench.send("a", "b")
    killed(bench)
    group = bench.consumer("one")
    turns = bench.turns(group)
    with monkeypatch.context() as cut:
        cut.setattr(group, "acknowledge", lambda deliveries: (_ for _ in ()).throw(BrokerUnreachable("gone")))
        for _ in range(2 * LIVES):
            group.again()
            with pytest.raises(BrokerUnreachable):
                turns.turn(count=500, block_ms=1)
    group.again()
    turns.turn(count=500, block_ms=1)
    assert ({}, ["a", "b"], 0) == (buried(bench), bench.answers(), bench.pending())


def test_an_event_that_ends_the_process_where_it_is_decoded_is_buried_without_being_decoded_again(bench, monkeypatch):
    bench.send("a", "deadly", "b")
    whole = Reader.read

    def read(reader, fields, *more, **named):
        if b"deadly" in fields[b"event"]:
            raise Death
        return whole(reader, fields, *more, **named)

    monkeypatch.setattr(Reader, "read", read)
    assert LIVES == live(bench)
    [letter] = buried(bench).values()
    assert b'"deadly"' in letter.body
    assert ["a", "b"] == bench.answers()
