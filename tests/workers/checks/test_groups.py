"""Lag, pending entries and groups that nobody reads as, on a real server."""

import time

import pytest

from events.group import ConsumerGroup
from schemas.reports import HealthState
from schemas.settings import Settings
from workers.checks.groups import Groups

HEALTHY, DEGRADED, CRITICAL = HealthState
STREAM = "alert.raised"


class Place:
    def __init__(self, broker):
        self.broker = broker
        self.now = time.time_ns() // 1_000

    def watch(self, **settings):
        return Groups(
            self.broker,
            streams=[STREAM, "price.observed"],
            ours={"attribution"},
            settings=Settings(**settings),
            clock=lambda: self.now,
        )

    def add(self, *ages, stream=STREAM):
        """Entries that came so many seconds ago."""
        now = int(time.time() * 1000)
        for number, age in enumerate(sorted(ages, reverse=True)):
            self.broker.xadd(stream, {"event": "x"}, id=f"{now - round(age * 1000)}-{number}")

    def group(self, name="attribution", stream=STREAM):
        self.broker.xgroup_create(stream, name, id="0", mkstream=True)


@pytest.fixture
def place(broker):
    return Place(broker)


def codes(reading):
    return [(reason.code, reason.state) for reason in reading.reasons]


@pytest.mark.parametrize(("age", "expected"), [(50, []), (70, [DEGRADED]), (601, [CRITICAL])])
def test_an_entry_that_is_not_read_for_long_is_told(place, age, expected):
    place.add(age, 1)
    place.group()
    [reading] = place.watch().look()
    assert "group.attribution" == reading.part
    assert [(f"unread {STREAM}", state) for state in expected] == codes(reading)
    assert 2 == reading.counts[f"group_unread_entries attribution {STREAM}"]


def test_a_backlog_with_an_old_pending_entry_is_told_with_its_number_and_age(place):
    place.add(90, 80, 1)
    place.group()
    place.broker.xreadgroup("attribution", "dead", {STREAM: ">"}, count=2)
    [reading] = place.watch().look()
    assert [(f"pending {STREAM}", DEGRADED)] == codes(reading)
    [text] = reading.texts
    assert text.startswith(f"2 entries of {STREAM} are handed out and not acknowledged by attribution, the oldest for")
    assert "(limit 1 min 0 s)" in text


def test_a_group_that_reads_and_acknowledges_is_healthy_again(place):
    place.add(90)
    place.group()
    [(_, entries)] = place.broker.xreadgroup("attribution", "one", {STREAM: ">"})
    watch = place.watch()
    assert DEGRADED is watch.look()[0].state
    place.broker.xack(STREAM, "attribution", *(entry for entry, _ in entries))
    assert HEALTHY is watch.look()[0].state


def test_a_group_that_nobody_reads_as_for_the_stated_time_is_reported_and_not_waited_for(place):
    place.add(7_200, 1)
    place.group("left-behind")
    watch = place.watch(health_group_hours=1.0)
    [reading] = watch.look()
    assert [(f"unread {STREAM}", CRITICAL)] == codes(reading)
    place.now += 3_601_000_000
    [reading] = watch.look()
    assert [("abandoned", DEGRADED)] == codes(reading)
    assert f"XGROUP DESTROY {STREAM} left-behind" in reading.texts[0]


def test_a_group_whose_last_consumer_is_idle_for_the_stated_time_is_reported(place):
    place.add(7_200, 7_100)
    place.group("left-behind")
    place.broker.xreadgroup("left-behind", "one", {STREAM: ">"}, count=1)
    watch = place.watch(health_group_hours=0.1 / 3_600)
    deadline = time.monotonic() + 10
    while ("abandoned", DEGRADED) not in codes(watch.look()[0]):
        assert time.monotonic() < deadline
    assert ["unread", "pending"] == [code.split()[0] for code, _ in codes(place.watch().look()[0])]


def test_a_group_without_consumers_counts_from_what_it_was_handed_last(place):
    place.add(7_200, 7_100)
    place.group("left-behind")
    place.broker.xreadgroup("left-behind", "one", {STREAM: ">"}, count=1)
    place.broker.xgroup_delconsumer(STREAM, "left-behind", "one")
    assert [("abandoned", DEGRADED)] == codes(place.watch(health_group_hours=1.9).look()[0])
    assert ["unread"] == [code.split()[0] for code, _ in codes(place.watch(health_group_hours=2.1).look()[0])]


def test_a_group_that_is_slow_but_read_as_is_not_abandoned(place):
    place.add(200_000, 190_000)
    place.group("slow")
    place.broker.xreadgroup("slow", "one", {STREAM: ">"}, count=1)
    assert ["unread", "pending"] == [code.split()[0] for code, _ in codes(place.watch().look()[0])]


def test_a_quiet_stream_beside_it_does_not_hide_that_a_group_was_left_behind(place):
    place.add(200_000)
    place.group("left-behind")
    place.group("left-behind", "price.observed")
    watch = place.watch(health_group_hours=1.0)
    watch.look()
    place.now += 3_601_000_000
    [reading] = watch.look()
    assert [("abandoned", DEGRADED)] == codes(reading)
    assert "price.observed" not in reading.texts[0]


def test_a_group_for_which_nothing_waits_is_not_abandoned_however_quiet_its_streams_are(place):
    place.add(7_200)
    place.group()
    [(_, entries)] = place.broker.xreadgroup("attribution", "one", {STREAM: ">"})
    place.broker.xack(STREAM, "attribution", *(entry for entry, _ in entries))
    place.group(stream="price.observed")
    watch = place.watch(health_group_hours=1e-6)
    watch.look()
    place.now += 3_601_000_000
    assert HEALTHY is watch.look()[0].state


def test_a_first_entry_after_a_long_silence_is_not_a_sign_of_an_abandoned_group(place):
    place.add(7_200)
    place.group()
    [(_, entries)] = place.broker.xreadgroup("attribution", "one", {STREAM: ">"})
    place.broker.xack(STREAM, "attribution", *(entry for entry, _ in entries))
    place.broker.xgroup_delconsumer(STREAM, "attribution", "one")
    place.add(1)
    assert HEALTHY is place.watch(health_group_hours=1.0).look()[0].state


def test_our_groups_come_first_and_odd_names_become_names_of_parts(place):
    place.group("a b!")
    place.group()
    assert ["group.attribution", "group.a_b_"] == [reading.part for reading in place.watch().look()]


def test_a_group_that_was_destroyed_is_no_part_any_more(place):
    place.group("brief")
    watch = place.watch()
    assert 1 == len(watch.look())
    place.broker.xgroup_destroy(STREAM, "brief")
    assert [] == watch.look()


def test_what_waits_for_a_newer_engine_is_told_as_that_and_as_nothing_worse(place):
    place.add(90_000)
    place.group()
    place.broker.xreadgroup("attribution", "one", {STREAM: ">"})
    watch = place.watch()
    assert [(f"pending {STREAM}", CRITICAL)] == codes(watch.look()[0])
    group = ConsumerGroup(
        place.broker, group="attribution", consumer="one", streams=[STREAM], claim_after_ms=1, newer_ms=100_000_000
    )
    group.set_aside(group.read(count=1, block_ms=0), version=2)
    [reading] = watch.look()
    assert [(f"newer {STREAM}", DEGRADED)] == codes(reading)
    assert reading.texts[0].startswith(f"1 entries of {STREAM} are of a newer schema than this engine knows")
    assert "upgrade the engine" in reading.texts[0]
