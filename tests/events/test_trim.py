"""Shortening streams."""

import time

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from events.errors import BrokerRefused
from events.group import ConsumerGroup
from events.trim import trim
from tests import lengths

HOUR = 3_600_000


@pytest.fixture
def now(broker):
    seconds, _ = broker.time()
    return seconds * 1000


def fill(broker, stream, *moments):
    for place, moment in enumerate(moments):
        broker.xadd(stream, {"a": 1}, id=f"{moment}-{place}")


def left(broker, stream):
    return [int(entry.split(b"-")[0]) for entry, _ in broker.xrange(stream)]


def reader(broker, name, streams=("s",)):
    group = ConsumerGroup(broker, group=name, consumer="a", streams=streams, claim_after_ms=60_000)
    group.ensure()
    return group


def test_without_groups_age_alone_decides(broker, now):
    fill(broker, "s", now - 3 * HOUR, now - 2 * HOUR, now)
    assert {"s": 2} == trim(broker, ["s"], keep_ms=HOUR)
    assert [now] == left(broker, "s")


def test_what_is_young_stays_even_when_everybody_has_read_it(broker, now):
    fill(broker, "s", now - HOUR // 2, now)
    group = reader(broker, "g")
    group.acknowledge(group.read(count=10, block_ms=0))
    assert {"s": 0} == trim(broker, ["s"], keep_ms=HOUR)
    assert 2 == broker.xlen("s")


def test_the_slowest_group_decides(broker, now):
    old = [now - hours * HOUR for hours in (9, 8, 7, 6)]
    fill(broker, "s", *old)
    fast, slow = reader(broker, "fast"), reader(broker, "slow")
    fast.acknowledge(fast.read(count=10, block_ms=0))
    slow.acknowledge(slow.read(count=2, block_ms=0))
    assert {"s": 2} == trim(broker, ["s"], keep_ms=HOUR)
    assert old[2:] == left(broker, "s")
    slow.acknowledge(slow.read(count=10, block_ms=0))
    assert {"s": 2} == trim(broker, ["s"], keep_ms=HOUR)
    assert [] == left(broker, "s")


def test_nothing_that_is_pending_goes_nor_what_came_after_it(broker, now):
    old = [now - hours * HOUR for hours in (9, 8, 7, 6)]
    fill(broker, "s", *old)
    group = reader(broker, "g")
    batch = group.read(count=10, block_ms=0)
    group.acknowledge([batch[0], batch[2]])
    assert {"s": 1} == trim(broker, ["s"], keep_ms=HOUR)
    assert old[1:] == left(broker, "s")


def test_a_group_that_has_read_nothing_keeps_everything(broker, now):
    fill(broker, "s", now - 9 * HOUR)
    reader(broker, "g")
    assert {"s": 0} == trim(broker, ["s"], keep_ms=HOUR)
    assert 1 == broker.xlen("s")


def test_entries_of_one_millisecond_are_told_apart(broker, now):
    fill(broker, "s", *[now - 9 * HOUR] * 4)
    group = reader(broker, "g")
    group.acknowledge(group.read(count=2, block_ms=0))
    assert {"s": 2} == trim(broker, ["s"], keep_ms=HOUR)


def test_a_stream_that_is_not_there_stays_so(broker):
    assert {"s": 0, "t": 0} == trim(broker, ["s", "t"], keep_ms=HOUR)
    assert [] == broker.keys()


def test_every_stream_has_groups_of_its_own(broker, now):
    for stream in ("paper:s", "paper:t", "s"):
        fill(broker, stream, now - 9 * HOUR)
    broker.xgroup_create("paper:t", "g", id="0")
    assert {"s": 1, "t": 0} == trim(broker, ["s", "t"], prefix="paper:", keep_ms=HOUR)
    assert 1 == broker.xlen("s")


def test_something_else_under_the_name_of_a_stream_is_refused(broker):
    broker.set("s", "not a stream")
    with pytest.raises(BrokerRefused, match="WRONGTYPE"):
        trim(broker, ["s"], keep_ms=HOUR)


def test_a_group_that_nobody_has_read_as_for_so_long_is_not_waited_for(broker, now):
    fill(broker, "s", now - 9 * HOUR, now - 8 * HOUR, now)
    fast, left_behind = reader(broker, "fast"), reader(broker, "left-behind")
    fast.acknowledge(fast.read(count=10, block_ms=0))
    left_behind.read(count=1, block_ms=0)
    assert {"s": 0} == trim(broker, ["s"], keep_ms=HOUR)
    until_unused(broker, "left-behind", 50)
    assert {"s": 0} == trim(broker, ["s"], keep_ms=50, ours={"left-behind"})
    assert 2 <= trim(broker, ["s"], keep_ms=50, ours={"fast"})["s"]


def test_a_group_that_nobody_ever_read_as_is_watched_from_when_it_is_seen_and_then_not_waited_for(broker, now):
    fill(broker, "s", now - 9 * HOUR)
    broker.xgroup_create("s", "never", id="0")
    assert {"s": 0} == trim(broker, ["s"], keep_ms=50)
    until_unused(broker, "never", 50)
    assert {"s": 0} == trim(broker, ["s"], keep_ms=50, ours={"never"})
    assert {"s": 1} == trim(broker, ["s"], keep_ms=50)


def until_unused(broker, group, ms):
    deadline = time.monotonic() + 10
    while min(one["idle"] for one in broker.xinfo_consumers("s", group)) < ms:
        assert time.monotonic() < deadline


BOUND = 200_000


def size(broker, *streams):
    return sum(broker.memory_usage(stream, samples=0) for stream in streams)


def crowd(broker, stream, count, first=0):
    """Young entries of a kilobyte each."""
    with broker.pipeline(transaction=False) as pipe:
        for number in range(first, first + count):
            pipe.xadd(stream, {"number": number, "a": "x" * 1_000})
        pipe.execute()


def numbers(broker, stream):
    return [int(fields[b"number"]) for _, fields in broker.xrange(stream)]


def test_what_is_young_goes_too_where_the_streams_take_too_much_memory_and_the_oldest_first(broker):
    crowd(broker, "s", 1_000)
    group = reader(broker, "g")
    group.acknowledge(group.read(count=1_000, block_ms=0))
    assert {"s": 0} == trim(broker, ["s"], keep_ms=HOUR, keep_bytes=2 * size(broker, "s"))
    gone = trim(broker, ["s"], keep_ms=HOUR, keep_bytes=BOUND)["s"]
    assert 700 < gone < 950
    assert list(range(gone, 1_000)) == numbers(broker, "s")
    assert size(broker, "s") < 1.1 * BOUND


def test_for_memory_too_nothing_goes_that_a_group_has_not_read_or_not_acknowledged(broker):
    crowd(broker, "s", 1_000)
    group, slow = reader(broker, "g"), reader(broker, "slow")
    group.acknowledge(group.read(count=1_000, block_ms=0))
    batch = slow.read(count=500, block_ms=0)
    slow.acknowledge([*batch[:300], *batch[301:]])
    assert 300 >= trim(broker, ["s"], keep_ms=HOUR, keep_bytes=BOUND)["s"] > 280
    assert {300, *range(301, 1_000)} <= set(numbers(broker, "s"))
    slow.acknowledge(batch)
    trim(broker, ["s"], keep_ms=HOUR, keep_bytes=BOUND)
    assert set(range(500, 1_000)) <= set(numbers(broker, "s"))
    assert 520 > broker.xlen("s")


def test_for_memory_the_largest_streams_give_first(broker):
    crowd(broker, "small", 50)
    crowd(broker, "large", 1_000)
    crowd(broker, "larger", 2_000)
    gone = trim(broker, ["small", "large", "larger"], keep_ms=HOUR, keep_bytes=500_000)
    assert 0 == gone["small"]
    assert 0.8 < size(broker, "large") / size(broker, "larger") < 1.25
    assert size(broker, "small", "large", "larger") < 1.1 * 500_000


@lengths.examples(40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moments=st.lists(st.integers(0, 6), max_size=12).map(sorted),
    readers=st.lists(st.tuples(st.integers(0, 12), st.sets(st.integers(0, 11))), max_size=3),
    keep=st.integers(1, 6),
)
def test_exactly_what_is_old_and_needed_by_nobody_goes(broker, now, moments, readers, keep):
    broker.flushall()
    ages = [now - (10 - moment) * HOUR - HOUR // 2 for moment in moments]
    fill(broker, "s", *ages)
    needed = len(moments)
    for number, (count, done) in enumerate(readers):
        group = reader(broker, f"g{number}")
        batch = group.read(count=count, block_ms=0) if count and moments else []
        group.acknowledge([one for place, one in enumerate(batch) if place in done])
        needed = min([needed, len(batch), *(place for place in range(len(batch)) if place not in done)])
    old = sum(moment < now - keep * HOUR for moment in ages)
    if moments or readers:
        assert {"s": min(old, needed)} == trim(broker, ["s"], keep_ms=keep * HOUR)
    assert ages[min(old, needed) :] == left(broker, "s")
