"""Entries of a schema that this engine does not know, set aside for one that does."""

from types import SimpleNamespace

import pytest

from events.group import ConsumerGroup
from events.lag import lags
from tests.events.hand import Hand

LONG_AGO_MS = 1_000_000
DAY_MS = 86_400_000


@pytest.fixture
def engine(broker):
    """Makes engines, consumers of the group "g", which look for what they may take over when they read first."""

    def make(name, *, newer_ms=7 * DAY_MS):
        group = ConsumerGroup(
            broker,
            group="g",
            consumer=name,
            streams=["s"],
            claim_after_ms=60_000,
            newer_ms=newer_ms,
            clock=Hand(),
        )
        group.ensure()
        return group

    return make


def aged(broker):
    """As if what is pending had been handed out long ago."""
    for one in broker.xpending_range("s", "g", "-", "+", 1000):
        broker.xclaim("s", "g", one["consumer"], 0, [one["message_id"]], idle=LONG_AGO_MS, justid=True)


def read(group):
    return [one.fields[b"word"].decode() for one in group.read(count=100, block_ms=0)]


def set_aside(broker, group, *versions):
    """One entry of each schema version, read and set aside."""
    for version in versions:
        broker.xadd("s", {"word": f"of {version}"})
    for delivery, version in zip(group.read(count=100, block_ms=0), versions, strict=True):
        assert [] == group.set_aside([delivery], version=version)
    aged(broker)


@pytest.fixture
def known(monkeypatch):
    """Says which schema version of the stream engines know that are made from now on."""

    def know(version):
        monkeypatch.setattr("events.pending.EVENTS", {"s": SimpleNamespace(schema_version=version)})

    return know


def test_what_was_set_aside_is_left_alone_by_engines_that_do_not_know_its_version(broker, engine):
    set_aside(broker, engine("old"), 2)
    broker.xadd("s", {"word": "usual"})
    assert ["usual"] == read(engine("another"))
    assert [] == read(engine("a third"))
    assert 2 == broker.xpending("s", "g")["pending"]


def test_a_newer_engine_takes_over_what_it_knows_and_nothing_newer(broker, engine, known):
    set_aside(broker, engine("old"), 2, 3, 2)
    known(2)
    new = engine("new")
    found = new.read(count=100, block_ms=0)
    assert [b"of 2", b"of 2"] == [one.fields[b"word"] for one in found]
    new.acknowledge(found)
    known(3)
    assert ["of 3"] == read(engine("newest"))


def test_a_version_that_is_far_away_is_found_on_the_way_there(broker, engine, known):
    set_aside(broker, engine("old"), 1_000_000)
    assert 1 == len([one for one in broker.xinfo_consumers("s", "g") if one["pending"]])
    known(1_000_000)
    assert ["of 1000000"] == read(engine("new"))


def test_producers_that_invent_versions_make_few_places(broker, engine):
    set_aside(broker, engine("old"), *range(2, 80))
    assert 25 > len(broker.xinfo_consumers("s", "g"))


def test_what_has_waited_for_the_stated_time_is_handed_back_at_once(broker, engine):
    seconds, _ = broker.time()
    group = engine("old")
    for days in (7.1, 6.9):
        broker.xadd("s", {"word": f"{days} days"}, id=f"{round(seconds * 1000 - days * DAY_MS)}-0")
    late = group.set_aside(group.read(count=100, block_ms=0), version=2)
    assert [b"7.1 days"] == [one.fields[b"word"] for one in late]


def test_what_waited_when_the_stated_time_is_over_comes_again(broker, engine):
    set_aside(broker, engine("old"), 2)
    assert [] == read(engine("patient"))
    [delivery] = engine("impatient", newer_ms=0).read(count=100, block_ms=0)
    assert b"of 2" == delivery.fields[b"word"]


def test_nothing_later_is_settled_until_it_is_taken_in(broker, engine, known):
    old = engine("old")
    set_aside(broker, old, 2)
    first = int(broker.xrange("s")[0][0].split(b"-")[0])
    assert first == old.settled_before()
    known(2)
    new = engine("new")
    new.acknowledge(new.read(count=100, block_ms=0))
    assert first < old.settled_before()


def test_what_waits_for_a_newer_engine_is_counted_apart_from_what_is_in_hand(broker, engine):
    seconds, _ = broker.time()
    broker.xadd("s", {"word": "of 2"}, id=f"{seconds * 1000 - 3_600_000}-0")
    group = engine("old")
    group.set_aside(group.read(count=1, block_ms=0), version=2)
    [lag] = lags(broker, ["s"])
    assert (1, 0, 0) == (lag.newer, lag.pending, lag.pending_ms)
    broker.xadd("s", {"word": "usual"}, id=f"{seconds * 1000 - 60_000}-0")
    group.read(count=1, block_ms=0)
    [lag] = lags(broker, ["s"])
    assert (1, 1) == (lag.newer, lag.pending)
    assert 60_000 <= lag.pending_ms < 120_000
