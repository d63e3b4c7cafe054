from schemas.reports import HealthState
from workers.tally import REMEMBER_US, SAMPLE_EVERY, Tally


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


def test_looks_through_one_event_in_so_many():
    tally = Tally("part", clock=lambda: 0)
    assert 2 == sum(tally.sampled() for _ in range(2 * SAMPLE_EVERY))
