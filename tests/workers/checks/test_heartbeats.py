"""Who lives, who is silent since when, who never came and who said goodbye."""

import msgspec
import pytest
from fakeredis import FakeRedis

from events.heartbeat import Heartbeat
from schemas.beat import Beat
from schemas.reports import HealthState
from schemas.settings import Settings
from workers.checks.heartbeats import Heartbeats

HEALTHY, DEGRADED, CRITICAL = HealthState
START = 1_700_000_000_000_000


class Place:
    """A broker and a clock that the test moves; words fade by hand."""

    def __init__(self):
        self.redis = FakeRedis()
        self.now = START
        self.check = self.anew()

    def anew(self, **settings):
        return Heartbeats(
            self.redis, expected={"thompson": "thompson"}, settings=Settings(**settings), clock=lambda: self.now
        )

    def beat(self, consumer="1", lasts=60.0, **more):
        """Said now: it lasts in full. The broker's clock is right."""
        said = Beat(at=self.now, lasts=lasts, **more)
        Heartbeat(self.redis, part="thompson", consumer=consumer).beat(msgspec.json.encode(said), lasts=lasts)
        self.redis.zadd("heartbeats", {f"thompson:{consumer}": self.now})

    def fade(self, seconds, consumer="1"):
        """So much later, the broker's clock included."""
        self.now += round(seconds * 1e6)
        key = f"heartbeat:thompson:{consumer}"
        left = self.redis.pttl(key)
        if left > 0:
            self.redis.pexpire(key, max(1, round(left - seconds * 1000)))

    def look(self):
        [reading] = self.check.look()
        return reading

    def later(self, seconds):
        """How it is after so long, if it was looked at all the while."""
        for _ in range(seconds):
            self.now += 1_000_000
            found = self.look()
        return found


@pytest.fixture
def place():
    return Place()


def codes(reading):
    return [(reason.code, reason.state) for reason in reading.reasons]


def test_who_beats_lives(place):
    place.beat()
    reading = place.look()
    assert (HEALTHY, "thompson") == (reading.state, reading.part)
    assert 1 == reading.counts["worker_alive thompson"]


def test_who_was_not_heard_for_three_seconds_is_silent_also_while_its_word_still_lies_there(place):
    place.beat()
    place.look()
    place.fade(2.5)
    assert HEALTHY is place.look().state
    place.fade(1.0)
    reading = place.look()
    assert [("silent", CRITICAL)] == codes(reading)
    assert "last heard 3.5 s ago (limit 3.0 s)" in reading.reasons[0].text


def test_who_is_forgotten_by_the_broker_is_silent_since_it_was_heard_last(place):
    place.beat()
    place.look()
    place.redis.flushall()
    for _ in range(4):
        place.now += 1_750_000
        found = place.look()
    assert "last heard 7.0 s ago" in found.reasons[0].text


def test_after_a_while_in_which_nobody_could_look_everyone_has_time_to_be_heard_again(place):
    place.beat()
    place.look()
    place.redis.flushall()
    place.now += 60_000_000
    assert HEALTHY is place.look().state
    place.now += 2_900_000
    assert HEALTHY is place.look().state
    place.now += 200_000
    assert [("silent", CRITICAL)] == codes(place.look())


def test_slow_heartbeats_have_three_beats_before_they_are_silence(place):
    place.check = place.anew(heartbeat_seconds=10.0)
    place.beat()
    place.look()
    place.fade(29)
    assert HEALTHY is place.look().state
    place.fade(2)
    assert CRITICAL is place.look().state


def test_one_living_process_of_several_is_enough(place):
    place.beat("1")
    place.look()
    place.fade(5)
    place.beat("2")
    assert HEALTHY is place.look().state


def test_who_never_came_is_told_at_once_and_critical_after_the_time_to_start(place):
    assert [("starting", DEGRADED)] == codes(place.look())
    place.now += 20_000_001
    assert [("silent", CRITICAL)] == codes(place.look())
    assert "never heard" in place.look().reasons[0].text


def test_who_said_goodbye_has_time_to_be_back_and_is_then_missed_but_not_critical(place):
    place.beat()
    place.look()
    place.fade(1.0)
    place.beat(stopped=True)
    reading = place.look()
    assert (HEALTHY, 0) == (reading.state, reading.counts["worker_alive thompson"])
    place.redis.flushall()
    assert HEALTHY is place.later(19).state
    assert [("stopped", DEGRADED)] == codes(place.later(2))
    place.beat()
    assert HEALTHY is place.look().state


def test_a_goodbye_at_the_heels_of_a_beat_is_the_last_word(place):
    """The broker tells the age of a word in whole milliseconds, a few after it was asked."""
    place.beat()
    place.look()
    place.beat(stopped=True)
    place.redis.pexpire("heartbeat:thompson:1", 60_000 - 40)
    place.look()
    place.redis.flushall()
    assert HEALTHY is place.later(19).state


def test_a_goodbye_of_one_that_is_already_back_is_not_its_last_word(place):
    place.beat("old", stopped=True)
    place.beat("new")
    assert HEALTHY is place.look().state
    place.redis.flushall()
    assert [("silent", CRITICAL)] == codes(place.later(4))


def test_what_a_worker_says_of_itself_is_passed_on(place):
    place.beat(state=DEGRADED, reasons=["refused: 83"])
    assert ["thompson says: refused: 83"] == place.look().texts


@pytest.mark.parametrize(("seconds", "state"), [(59, HEALTHY), (61, DEGRADED), (601, CRITICAL)])
def test_a_turn_that_takes_long_is_told(place, seconds, state):
    place.beat(turn_since=place.now - seconds * 1_000_000)
    assert state is place.look().state


def test_a_heartbeat_that_nobody_can_read_is_told_and_stops_nothing(place):
    Heartbeat(place.redis, part="thompson", consumer="1").beat(b"{", lasts=60.0)
    assert "cannot be read" in place.look().texts[0] or HEALTHY is not place.look().state


def test_another_part_whose_name_begins_alike_is_not_meant(place):
    Heartbeat(place.redis, part="thompson2", consumer="1").beat(
        msgspec.json.encode(Beat(at=START, lasts=60.0)), lasts=60.0
    )
    assert [("starting", DEGRADED)] == codes(place.look())


@pytest.mark.parametrize(("ahead", "said"), [(-3_630, "behind"), (3_630, "ahead of"), (4, None)])
def test_a_process_whose_clock_is_wrong_is_told(broker, ahead, said):
    seconds, microseconds = broker.time()
    beat = Beat(at=seconds * 1_000_000 + microseconds + ahead * 1_000_000, lasts=60.0)
    Heartbeat(broker, part="thompson", consumer="1").beat(msgspec.json.encode(beat), lasts=60.0)
    expected = {"thompson": "thompson"}
    [reading] = Heartbeats(broker, expected=expected, settings=Settings(), clock=lambda: START).look()
    if said is None:
        assert () == reading.reasons
    else:
        [reason] = reading.reasons
        assert ("clock", DEGRADED) == (reason.code, reason.state)
        assert f"the clock of thompson is 1 h 0 min {said} the broker's (limit 5.0 s)" in reason.text
