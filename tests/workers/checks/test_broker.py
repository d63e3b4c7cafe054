import pytest

from events.condition import Condition
from schemas.reports import HealthState
from schemas.settings import Settings
from workers.checks import broker as module
from workers.checks.broker import Broker

HEALTHY, DEGRADED, CRITICAL = HealthState
SOUND = Condition(used=10, limit=100, policy="noeviction", evicted=0, appends=True, written=True)


@pytest.fixture
def look(broker, monkeypatch):
    def ask(**changes):
        monkeypatch.setattr(module, "condition", lambda _: SOUND._replace(**changes))
        [reading] = Broker(broker, settings=Settings()).look()
        return reading

    return ask


def test_a_real_server_of_ours_is_healthy(broker):
    [reading] = Broker(broker, settings=Settings()).look()
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
