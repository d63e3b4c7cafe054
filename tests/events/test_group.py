"""Reading streams as one of a group."""

import threading
import time
from contextlib import contextmanager
from math import inf

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from redis.exceptions import ResponseError

from events.errors import BrokerRefused, BrokerUnreachable
from events.group import ConsumerGroup, Delivery
from tests import lengths
from tests.events.hand import Hand

LONG_AGO_MS = 1_000_000


@pytest.fixture
def consumer(broker):
    """Makes consumers of the group "g", each with a clock that stands still."""

    def make(name="a", *, streams=("s",), redis=broker, **rest):
        group = ConsumerGroup(
            redis,
            group="g",
            consumer=name,
            streams=streams,
            claim_after_ms=60_000,
            clock=rest.pop("clock", Hand()),
            **rest,
        )
        group.ensure()
        return group

    return make


@contextmanager
def soon(act):
    """Does it while the block runs, in a thread."""
    timer = threading.Timer(0.05, act)
    timer.start()
    yield
    timer.join()


def add(broker, *words, stream="s"):
    return [broker.xadd(stream, {"word": word}).decode() for word in words]


def words(deliveries):
    return [delivery.fields[b"word"].decode() for delivery in deliveries]


def read(group, count=100, block_ms=0):
    return group.read(count=count, block_ms=block_ms)


def drain(group, count=100):
    found = []
    while batch := read(group, count):
        found += batch
    return found


def abandon(broker, name="dead", *, stream="s", count=100):
    """Read as a consumer that dies at once, long ago."""
    taken = broker.xreadgroup("g", name, {stream: ">"}, count=count)
    ids = [entry for _, entries in taken for entry, _ in entries]
    broker.xclaim(stream, "g", name, 0, ids, idle=LONG_AGO_MS, retrycount=1, justid=True)
    return ids


def test_hands_out_what_is_there_in_order(broker, consumer):
    ids = add(broker, "one", "two")
    assert [Delivery("s", ids[0], {b"word": b"one"}, 1), Delivery("s", ids[1], {b"word": b"two"}, 1)] == read(
        consumer()
    )


def test_reads_what_was_there_before_the_group_was(broker, consumer):
    add(broker, "early")
    group = consumer()
    add(broker, "late")
    assert ["early", "late"] == words(drain(group))


def test_creating_a_group_that_is_there_changes_nothing(broker, consumer):
    add(broker, "one")
    group = consumer()
    group.acknowledge(read(group))
    group.ensure()
    assert [] == read(group)


def test_one_read_brings_no_more_than_asked_for_and_the_next_ones_bring_the_rest(broker, consumer):
    group = consumer(streams=("s", "t", "u"))
    for stream in ("s", "t", "u"):
        add(broker, *"abcde", stream=stream)
    batches = [read(group, 4) for _ in range(6)]
    assert 4 == max(len(batch) for batch in batches)
    for stream in ("s", "t", "u"):
        assert list("abcde") == words(one for batch in batches for one in batch if one.stream == stream)


def test_the_names_of_streams_go_without_the_prefix_that_keeps_environments_apart(broker, consumer):
    paper, live = consumer(prefix="paper:"), consumer()
    add(broker, "play", stream="paper:s")
    add(broker, "real")
    batch = read(paper)
    paper.acknowledge(batch)
    assert [("s", ["play"])] == [(one.stream, words([one])) for one in batch]
    assert 0 == broker.xpending("paper:s", "g")["pending"]
    assert ["real"] == words(drain(live))


def test_consumers_share_the_entries(broker, consumer):
    one, two = consumer("a"), consumer("b")
    add(broker, *"abcdef")
    found = [words(read(group, 2)) for group in (one, two, one)]
    assert [["a", "b"], ["c", "d"], ["e", "f"]] == found


def test_two_groups_each_get_everything(broker, consumer):
    first = consumer()
    second = ConsumerGroup(broker, group="other", consumer="a", streams=["s"], claim_after_ms=60_000)
    add(broker, "one")
    assert ["one"] == words(read(first))
    assert ["one"] == words(read(second))  # which did not create itself first


def test_waits_for_an_entry_no_longer_than_it_takes(broker, consumer):
    group = consumer()
    began = time.monotonic()
    with soon(lambda: add(broker, "late")):
        assert ["late"] == words(read(group, block_ms=3000))
    assert 2.0 > time.monotonic() - began


def test_does_not_wait_when_told_so(consumer):
    began = time.monotonic()
    assert [] == read(consumer(), block_ms=0)
    assert 1.0 > time.monotonic() - began


def test_what_is_acknowledged_never_comes_again(broker, consumer):
    add(broker, *"abc")
    group = consumer()
    group.acknowledge(read(group, 2))
    group.again()
    assert ["c"] == words(drain(group))
    assert 1 == broker.xpending("s", "g")["pending"]


def test_acknowledges_entries_of_several_streams_at_once(broker, consumer):
    group = consumer(streams=("s", "t"))
    add(broker, *"ab")
    add(broker, *"cd", stream="t")
    group.acknowledge(reversed(drain(group)))
    assert [0, 0] == [broker.xpending(stream, "g")["pending"] for stream in ("s", "t")]
    group.acknowledge([])


def test_a_consumer_that_starts_again_first_gets_what_it_had_not_acknowledged(broker, consumer):
    add(broker, *"abcde")
    first = consumer()
    first.acknowledge(read(first, 2)[:1])
    add(broker, "f")
    second = consumer()
    assert [("b", 2)] == [(words([one])[0], one.attempts) for one in read(second)]
    assert [("c", 1), ("d", 1), ("e", 1), ("f", 1)] == [(words([one])[0], one.attempts) for one in read(second)]


def test_every_time_that_it_is_handed_out_counts(broker, consumer):
    add(broker, "one")
    assert [1, 2, 3, 4] == [read(consumer())[0].attempts for _ in range(4)]


def test_reads_through_a_long_list_of_its_own_in_pieces(broker, consumer):
    for stream in ("s", "t"):
        add(broker, *map(str, range(25)), stream=stream)
    drain(consumer(streams=("s", "t")))
    again = drain(consumer(streams=("s", "t")), 10)
    assert {2} == {one.attempts for one in again}
    for stream in ("s", "t"):
        assert [str(number) for number in range(25)] == words(one for one in again if one.stream == stream)


def test_takes_over_what_a_dead_consumer_left(broker, consumer):
    group = consumer("alive")
    add(broker, *"abc")
    abandon(broker, count=2)
    assert [("a", 2), ("b", 2)] == [(words([one])[0], one.attempts) for one in read(group)]
    assert ["c"] == words(read(group))
    assert {"alive"} == {one["consumer"].decode() for one in broker.xpending_range("s", "g", "-", "+", 10)}


def test_leaves_alone_what_a_living_consumer_is_at_work_on(broker, consumer):
    clock = Hand()
    one, two = consumer("a", clock=clock), consumer("b", clock=clock)
    add(broker, "busy")
    read(one)
    clock.now = 3600.0
    assert [] == drain(two)


def test_looks_for_abandoned_entries_every_so_often_and_not_at_every_read(broker, consumer):
    clock = Hand()
    group = consumer("alive", clock=clock)
    drain(group)
    add(broker, *"ab")
    abandon(broker)
    assert [] == drain(group)
    clock.now += 31.0
    assert ["a", "b"] == words(drain(group))


def test_takes_over_any_number_without_pausing_in_between(broker, consumer):
    group = consumer("alive", streams=("s", "t"))
    for stream in ("s", "t"):
        add(broker, *map(str, range(35)), stream=stream)
        abandon(broker, stream=stream)
    found = drain(group, 10)
    assert 70 == len({(one.stream, one.entry) for one in found})
    group.acknowledge(found)
    assert [0, 0] == [broker.xpending(stream, "g")["pending"] for stream in ("s", "t")]


def test_takes_over_any_number_on_one_stream_while_others_hold_none(broker, consumer):
    group = consumer("alive", streams=("s", "t"))
    add(broker, *map(str, range(35)))
    abandon(broker)
    assert 35 == len(drain(group, 10))


@pytest.mark.parametrize("count", [1, 100])
def test_taking_over_does_not_bring_what_it_is_at_work_on_itself(broker, consumer, count):
    clock = Hand()
    group = consumer("alive", clock=clock)
    drain(group)
    add(broker, "left")
    abandon(broker)
    add(broker, "busy")
    assert ["busy"] == words(read(group))
    clock.now += 31.0
    assert ["left"] == words(drain(group, count))


def test_counts_the_attempts_of_its_own_entries_among_those_of_others(broker, consumer):
    a, b = consumer("a"), consumer("b")
    add(broker, *"123456")
    for group in (a, b, a, b, a, b):
        read(group, 1)
    drain(consumer("b"))
    assert [("1", 2), ("3", 2), ("5", 2)] == [(words([one])[0], one.attempts) for one in drain(consumer("a"))]
    assert [("2", 3), ("4", 3), ("6", 3)] == [(words([one])[0], one.attempts) for one in drain(consumer("b"))]


def test_what_it_did_not_finish_itself_comes_again_too(broker, consumer):
    clock = Hand()
    group = consumer("a", clock=clock)
    drain(group)
    add(broker, "failed")
    abandon(broker, "a")
    clock.now += 31.0
    assert [("failed", 2)] == [(words([one])[0], one.attempts) for one in read(group)]


@pytest.mark.parametrize("name", ["a", "dead"])
def test_a_pending_entry_that_was_deleted_is_done_and_stops_nobody(broker, consumer, name):
    ids = add(broker, *"abcde")
    group = consumer("a")
    abandon(broker, name)
    broker.xdel("s", ids[0], ids[2], ids[4])
    add(broker, "f")
    assert ["b", "d", "f"] == words(drain(group))
    assert 3 == broker.xpending("s", "g")["pending"]


def test_when_all_that_was_pending_is_deleted_fresh_entries_come(broker, consumer):
    ids = add(broker, *"abc")
    group = consumer("a")
    abandon(broker)
    broker.xdel("s", *ids)
    add(broker, "fresh")
    assert ["fresh"] == words(drain(group, 2))


def test_everything_deleted_under_it_is_created_again(broker, consumer):
    group = consumer(streams=("s", "t"))
    add(broker, "old")
    drain(group)
    broker.flushall()
    add(broker, "new")
    assert ["new"] == words(drain(group))
    add(broker, "other", stream="t")
    assert ["other"] == words(drain(group))


def test_a_group_that_was_deleted_starts_from_the_first_entry_again(broker, consumer):
    group = consumer()
    add(broker, *"ab")
    group.acknowledge(drain(group))
    broker.xgroup_destroy("s", "g")
    add(broker, "c")
    assert ["a", "b", "c"] == words(drain(group))


def test_a_stream_that_is_deleted_while_it_waits_is_created_again(broker, redis_url, consumer):
    group = consumer()
    with soon(lambda: broker.delete("s")):
        assert [] == read(group, block_ms=300)
    add(broker, "new")
    assert ["new"] == words(drain(group))


@pytest.mark.parametrize(
    "answer",
    [
        "NOGROUP the consumer group this client was blocked on no longer exists",
        "UNBLOCKED the stream key no longer exists",
    ],
)
def test_every_way_in_which_a_broker_says_that_a_group_has_gone_is_understood(broker, consumer, monkeypatch, answer):
    group = consumer()
    drain(group)
    add(broker, "new")
    answers = [ResponseError(answer)]
    ask = broker.xreadgroup

    def answer_or_ask(*args, **rest):
        if answers:
            raise answers.pop()
        return ask(*args, **rest)

    monkeypatch.setattr(broker, "xreadgroup", answer_or_ask)
    assert ["new"] == words(read(group))


def test_a_stream_that_vanished_is_created_again_by_who_asks_how_far_it_is(broker, consumer):
    group = consumer()
    broker.delete("s")
    assert 0 < group.settled_before()
    assert 1 == broker.exists("s")


def test_a_group_that_vanished_is_created_again_by_who_asks_how_far_it_is(broker, consumer):
    group = consumer()
    add(broker, "a")
    group.acknowledge(drain(group))
    broker.xgroup_destroy("s", "g")
    first = int(broker.xrange("s")[0][0].split(b"-")[0])
    assert first == group.settled_before()


def test_entries_whose_delivery_was_lost_on_the_way_come_first(broker, line, far_broker, consumer):
    group = consumer(redis=far_broker)
    drain(group)
    add(broker, *"ab")
    line.deaf = inf
    with pytest.raises(BrokerUnreachable):
        read(group)
    assert 2 == broker.xpending("s", "g")["pending"]
    line.deaf = 0
    add(broker, "c")
    assert [("a", 2), ("b", 2), ("c", 1)] == [(words([one])[0], one.attempts) for one in drain(group)]


def test_what_was_not_acknowledged_because_the_line_broke_comes_again(broker, line, far_broker, consumer):
    group = consumer(redis=far_broker)
    add(broker, *"ab")
    batch = read(group)
    line.losing = True
    with pytest.raises(BrokerUnreachable):
        group.acknowledge(batch)
    line.losing = False
    assert ["a", "b"] == words(drain(group))


def test_an_acknowledgement_whose_answer_is_lost_is_made_once(broker, line, far_broker, consumer):
    group = consumer(redis=far_broker)
    add(broker, *"ab")
    batch = read(group)
    line.deaf = inf
    with pytest.raises(BrokerUnreachable):
        group.acknowledge(batch)
    line.deaf = 0
    assert [] == drain(group)


def test_entries_that_were_waiting_when_the_line_broke_come_once_and_in_order(broker, line, far_broker, consumer):
    group = consumer(redis=far_broker, streams=("s", "t"))
    add(broker, *"ab")
    add(broker, *"cd", stream="t")
    first = read(group, 2)
    line.deaf = inf
    with pytest.raises(BrokerUnreachable):
        group.acknowledge(first)
    line.deaf = 0
    assert ["c", "d"] == words(drain(group))


def test_what_is_asked_for_ahead_comes_next_and_once_and_nobody_else_gets_it(broker, consumer):
    one, two = consumer("a"), consumer("b")
    add(broker, *"abcdef")
    first = read(one, 2)
    one.look_ahead(count=2)
    assert ["e", "f"] == words(drain(two))
    assert [["a", "b"], ["c", "d"], []] == [words(first), words(read(one, 2)), words(read(one, 2))]


@pytest.mark.parametrize("ahead", [True, False])
def test_of_a_backlog_no_stream_is_read_much_further_than_another(broker, consumer, ahead):
    for ms in range(1, 301):
        broker.xadd("s", {"word": f"s{ms}"}, id=f"{ms}-0")
        if ms % 3 == 0:
            broker.xadd("t", {"word": f"t{ms}"}, id=f"{ms}-0")
    group = consumer(streams=("s", "t", "empty"))
    reached, came = {"s": 0, "t": 0}, []
    while batch := read(group, count=10):
        if ahead:
            group.look_ahead(count=10)
        group.acknowledge(batch)
        came += words(batch)
        for one in batch:
            reached[one.stream] = int(one.entry.partition("-")[0])
        assert reached["t"] <= reached["s"] + 30
    assert sorted([f"s{ms}" for ms in range(1, 301)] + [f"t{ms}" for ms in range(3, 301, 3)]) == sorted(came)


def test_nothing_is_asked_for_ahead_where_no_backlog_is_left(broker, consumer):
    one, two = consumer("a"), consumer("b")
    add(broker, "a")
    assert ["a"] == words(read(one, 2))
    one.look_ahead(count=2)
    add(broker, "b")
    assert ["b"] == words(read(two))


def test_a_backlog_does_not_keep_from_looking_for_abandoned_entries(broker, consumer):
    clock = Hand()
    group = consumer(clock=clock)
    add(broker, *"abcdefgh")
    assert ["a", "b"] == words(read(group, 2))
    abandon(broker, count=1)
    clock.now += 60
    found = []
    for _ in range(2):
        group.look_ahead(count=2)
        found += words(read(group, 2))
    assert "c" in found


def test_what_was_asked_for_ahead_when_the_line_broke_comes_again(broker, line, far_broker, consumer):
    group = consumer(redis=far_broker)
    add(broker, *"abcd")
    group.acknowledge(read(group, 2))
    line.deaf = inf
    group.look_ahead(count=2)
    with pytest.raises(BrokerUnreachable):
        read(group, 2)
    line.deaf = 0
    assert ["c", "d"] == words(drain(group))


def test_what_was_asked_for_ahead_comes_once_when_everything_is_begun_again(consumer, broker):
    group = consumer()
    add(broker, *"abcd")
    read(group, 2)
    group.look_ahead(count=2)
    group.again()
    assert ["a", "b", "c", "d"] == words(drain(group))


def test_a_stream_that_is_deleted_when_its_entries_were_asked_for_ahead_is_created_again(broker, consumer):
    group = consumer()
    add(broker, *"abc")
    group.acknowledge(read(group, 2))
    broker.delete("s")
    group.look_ahead(count=2)
    assert [] == read(group)
    add(broker, "d")
    assert ["d"] == words(read(group))


def test_who_leaves_hands_back_what_was_not_handed_out(broker, consumer):
    one = consumer("a", streams=("s", "t"))
    add(broker, *"abcd")
    add(broker, *"ef", stream="t")
    mine = read(one, 2)
    assert ["a", "b"] == words(mine)
    assert ["e", "f"] == words(read(one, 2))
    one.look_ahead(count=2)
    one.leave()
    assert ["c", "d"] == words(drain(consumer("b", streams=("s", "t"))))
    one.acknowledge(mine)
    assert 4 == broker.xpending("s", "g")["pending"] + broker.xpending("t", "g")["pending"]


def test_a_broker_that_is_gone_is_said_at_once_and_every_time(line, far_broker, consumer):
    group = consumer(redis=far_broker)
    line.close()
    began = time.monotonic()
    for ask in (lambda: read(group), group.settled_before, group.ensure):
        with pytest.raises(BrokerUnreachable):
            ask()
    assert 2.0 > time.monotonic() - began


def test_something_else_under_the_name_of_a_stream_is_refused(broker):
    broker.set("s", "not a stream")
    with pytest.raises(BrokerRefused, match="WRONGTYPE"):
        ConsumerGroup(broker, group="g", consumer="a", streams=["s"], claim_after_ms=60_000).ensure()


def test_one_thread_reads_while_another_acknowledges(broker, consumer):
    add(broker, *map(str, range(2000)))
    group, done = consumer(), []
    for batch in iter(lambda: read(group, 50), []):
        done.append(threading.Thread(target=group.acknowledge, args=(batch,)))
        done[-1].start()
    for thread in done:
        thread.join()
    assert 0 == broker.xpending("s", "g")["pending"]
    assert 40 == len(done)


# How far a group is: streams "s" and "t", entries at milliseconds that the test chooses.


def put(broker, stream, *ids):
    for entry in ids:
        broker.xadd(stream, {"word": entry}, id=entry)


def finish(group, *entries):
    """Read everything, and acknowledge these alone."""
    group.acknowledge(one for one in drain(group) if one.entry in entries)


def test_with_nothing_to_do_everything_before_now_is_settled(broker, consumer):
    group = consumer(streams=("s", "t"))
    seconds, _ = broker.time()
    assert seconds * 1000 <= group.settled_before() <= time.time() * 1000 + 1000


def test_an_entry_that_nobody_has_read_is_not_settled(broker, consumer):
    group = consumer(streams=("s", "t"))
    put(broker, "s", "1000-0", "1005-0")
    put(broker, "t", "1001-0")
    finish(group, "1000-0", "1005-0", "1001-0")
    put(broker, "t", "1003-0", "1009-0")
    assert 1003 == group.settled_before()


def test_an_entry_that_is_pending_is_not_settled_whoever_has_it(broker, consumer):
    group, other = consumer("a", streams=("s", "t")), consumer("b", streams=("s", "t"))
    put(broker, "s", "1000-0", "1002-0")
    put(broker, "t", "1004-0", "1006-0")
    drain(other)
    assert 1000 == group.settled_before()
    broker.xack("s", "g", "1000-0", "1002-0")
    assert 1004 == group.settled_before()
    broker.xack("t", "g", "1004-0")
    assert 1006 == group.settled_before()


def test_entries_of_one_millisecond_settle_together(broker, consumer):
    group = consumer()
    put(broker, "s", "1000-0", "1000-1", "1000-2")
    finish(group, "1000-0", "1000-1")
    assert 1000 == group.settled_before()
    group.again()
    finish(group, "1000-2")
    assert 1000 < group.settled_before()


def test_undelivered_entries_of_a_millisecond_of_which_some_are_done_are_not_settled(broker, consumer):
    group = consumer()
    put(broker, "s", "1000-0", "1000-1")
    group.acknowledge(read(group, 1))
    assert 1000 == group.settled_before()


def test_the_oldest_of_pending_and_unread_decides(broker, consumer):
    group = consumer(streams=("s", "t"))
    put(broker, "s", "1007-0")
    drain(group)
    put(broker, "t", "1003-0")
    assert 1003 == group.settled_before()
    put(broker, "s", "1008-0")
    finish(group, "1003-0")
    assert 1007 == group.settled_before()


def test_an_entry_that_was_deleted_unread_is_not_waited_for(broker, consumer):
    group = consumer()
    put(broker, "s", "1000-0", "1005-0")
    broker.xdel("s", "1000-0")
    assert 1005 == group.settled_before()


def test_other_groups_do_not_count(broker, consumer):
    group = consumer()
    broker.xgroup_create("s", "a-slow-one", id="0")
    put(broker, "s", "1000-0")
    finish(group, "1000-0")
    assert 1000 < group.settled_before()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from("st")),
        st.tuples(st.just("read"), st.sampled_from("abc"), st.integers(1, 4)),
        st.tuples(st.just("look_ahead"), st.sampled_from("abc"), st.integers(1, 4)),
        st.tuples(st.just("leave"), st.sampled_from("abc")),
        st.tuples(st.just("acknowledge"), st.sampled_from("abc")),
        st.tuples(st.just("lose"), st.sampled_from("abc")),
        st.tuples(st.just("restart"), st.sampled_from("abc")),
        st.tuples(
            st.just("age"),
        ),
        st.tuples(st.just("delete"), st.sampled_from("st"), st.integers(0, 5)),
    ),
    max_size=40,
)


class World:
    """Three consumers, two streams and a book of what was added, handed out and acknowledged."""

    def __init__(self, broker):
        broker.flushall()
        self.broker = broker
        self.clock = Hand()
        self.added, self.seen, self.done, self.deleted = set(), set(), set(), set()
        self.hands = {name: [] for name in "abc"}
        self.groups = {name: self._consumer(name) for name in "abc"}

    def _consumer(self, name):
        group = ConsumerGroup(
            self.broker, group="g", consumer=name, streams=["s", "t"], claim_after_ms=60_000, clock=self.clock
        )
        group.ensure()
        return group

    def add(self, stream):
        self.added.add((stream, self.broker.xadd(stream, {"word": 1}).decode()))

    def read(self, name, count):
        batch = self.groups[name].read(count=count, block_ms=0)
        assert len(batch) <= count
        self.hands[name] += batch
        self.seen |= {(one.stream, one.entry) for one in batch}

    def look_ahead(self, name, count):
        self.groups[name].look_ahead(count=count)

    def leave(self, name):
        self.groups[name].leave()

    def acknowledge(self, name):
        self.groups[name].acknowledge(self.hands[name])
        self.done |= {(one.stream, one.entry) for one in self.hands[name]}
        self.hands[name] = []

    def lose(self, name):
        self.hands[name] = []

    def restart(self, name):
        self.lose(name)
        self.groups[name] = self._consumer(name)

    def age(self):
        self.clock.now += 60.0
        for stream in "st":
            for one in self.broker.xpending_range(stream, "g", "-", "+", 1000):
                self.broker.xclaim(stream, "g", one["consumer"], 0, [one["message_id"]], idle=70_000, justid=True)

    def delete(self, stream, place):
        entries = self.broker.xrange(stream)
        if place < len(entries):
            self.broker.xdel(stream, entries[place][0])
            self.deleted.add((stream, entries[place][0].decode()))

    def check(self):
        settled = self.groups["a"].settled_before()
        for stream, entry in self.added - self.deleted - self.done:
            assert settled <= int(entry.split("-")[0]), (stream, entry)


@lengths.examples(120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_nothing_is_missed_and_the_settled_time_never_lies(broker, steps):
    world = World(broker)
    for step, *rest in steps:
        getattr(world, step)(*rest)
        world.check()
    world.restart("a")
    world.age()
    for _ in range(200):
        world.read("a", 3)
        if not world.hands["a"]:
            break
        world.acknowledge("a")
    assert world.added - world.deleted <= world.done
    assert [0, 0] == [broker.xpending(stream, "g")["pending"] for stream in "st"]


def pending(broker):
    return broker.xpending("s", "g")["pending"]


def test_the_word_that_a_batch_is_done_goes_out_with_the_next_question_and_never_later_than_the_backlog_ends(
    broker, consumer
):
    add(broker, *"abcdef")
    group = consumer()
    first = read(group, 2)
    group.look_ahead(count=2)
    group.acknowledge(first)
    second = read(group, 2)
    assert (["c", "d"], 4) == (words(second), pending(broker))
    group.look_ahead(count=2)
    group.acknowledge(second)
    third = read(group, 2)
    assert (["e", "f"], 4) == (words(third), pending(broker))
    group.look_ahead(count=2)
    group.acknowledge(third)
    assert ([], 0) == (read(group, 2), pending(broker))


@pytest.mark.parametrize("after", ["settled_before", "leave", "again and read"])
def test_what_is_done_is_told_before_anything_that_follows_from_it(broker, consumer, after):
    add(broker, *"abc")
    group = consumer()
    first = read(group, 2)
    group.look_ahead(count=2)
    group.acknowledge(first)
    assert 3 == pending(broker)
    if after == "again and read":
        group.again()
        assert ["c"] == words(read(group, 2))
    else:
        getattr(group, after)()
    assert 1 == pending(broker)
