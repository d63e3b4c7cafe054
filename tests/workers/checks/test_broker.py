import pytest

from events.condition import Condition
from schemas.reports import HealthState
from schemas.settings import Settings
from workers.checks import broker as module
from workers.checks.broker import Broker

HEALTHY, DEGRADED, CRITICAL = HealthState
SOUND = Condition(used=10, limit=100, policy="noeviction", evicted=0, appends=True, written=True)


STREAMS = ["alert.raised", "fill.reported", "never.told"]


def check(broker, clock=lambda: 0):
    return Broker(broker, streams=STREAMS, settings=Settings(prefix="p:"), clock=clock)


@pytest.fixture
def look(broker, monkeypatch):
    def ask(**changes):
        monkeypatch.setattr(module, "condition", lambda _: SOUND._replace(**changes))
        [reading] = check(broker).look()
        return reading

    return ask


def test_a_real_server_of_ours_is_healthy(broker):
    [reading] = check(broker).look()
    assert (HEALTHY, "broker") == (reading.state, reading.part)
    assert {"broker_memory_bytes", "broker_memory_limit_bytes"} == set(reading.counts)


@pytest.mark.parametrize(
    ("changes", "code", "state"),
    [
        ({"used": 80}, "memory", DEGRADED),
        ({"used": 95}, "memory", CRITICAL),
        ({"policy": "allkeys-lru", "evicted": 7}, "policy", DEGRADED),
        ({"appends": False}, "appends", DEGRADED),
        ({"written": False}, "written", CRITICAL),
    ],
)
def test_what_may_cost_facts_is_told(look, changes, code, state):
    [reason] = look(**changes).reasons
    assert (code, state) == (reason.code, reason.state)


@pytest.mark.parametrize("changes", [{}, {"used": 79}, {"limit": 0}])
def test_room_enough_or_no_word_of_it_is_no_trouble(look, changes):
    assert () == look(**changes).reasons


def test_streams_that_reach_less_far_than_before_are_told_for_an_hour(broker):
    now = [0]
    one = check(broker, clock=lambda: now[0])
    for key, entry in (("p:alert.raised", "1700000000000-7"), ("p:fill.reported", "1600000000000-0")):
        broker.xadd(key, {"event": "x"}, id=entry)
    assert [()] == [reading.reasons for reading in one.look()]
    broker.xtrim("p:alert.raised", maxlen=0)
    assert [()] == [reading.reasons for reading in one.look()]

    broker.delete("p:alert.raised", "p:fill.reported")
    [[reason]] = [reading.reasons for reading in one.look()]
    assert ("went back", DEGRADED) == (reason.code, reason.state)
    assert "p:alert.raised reached to 2023-11-14T22:13:20Z and then nowhere, and 1 other streams" in reason.text
    broker.xadd("p:alert.raised", {"event": "x"}, id="1650000000000-0")
    now[0] += 3_599_000_000
    [[reason]] = [reading.reasons for reading in one.look()]
    assert "nowhere" in reason.text

    now[0] += 2_000_000
    assert [()] == [reading.reasons for reading in one.look()]
