from schemas.reports import HealthState
from workers.tally import REMEMBER_US, Tally


class Clock:
    now = 0

    def __call__(self):
        return self.now


def test_is_healthy_until_something_goes_wrong_and_again_a_minute_after():
    clock = Clock()
    tally = Tally("part", clock=clock)
    assert HealthState.HEALTHY is tally.health().state
    tally.refused("a score of 83")
    health = tally.health()
    assert (HealthState.DEGRADED, ["refused: a score of 83"]) == (health.state, health.reasons)
    clock.now = REMEMBER_US + 1
    health = tally.health()
    assert (HealthState.HEALTHY, []) == (health.state, health.reasons)
    assert 1 == health.counts["refused"]


def test_looks_through_one_event_of_a_batch_at_another_place_each_time():
    tally = Tally("part", clock=lambda: 0)
    assert [1, 2, 0, 1] == [tally.sampled(3, now=second * 1_000_000) for second in range(4)]


def test_looks_through_no_more_than_ten_events_a_second():
    tally = Tally("part", clock=lambda: 0)
    looks = [tally.sampled(1, now=now) for now in range(0, 2_000_000, 1_000)]
    assert 20 == looks.count(0)
    assert 1980 == looks.count(None)


def test_looks_on_when_the_clock_was_set_back():
    tally = Tally("part", clock=lambda: 0)
    assert [0, 0] == [tally.sampled(1, now=now) for now in (5_000_000, 1_000_000)]
