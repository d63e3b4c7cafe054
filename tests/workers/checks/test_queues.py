"""Whether an RQ worker listens, seen by its subscription, on a real server with a real worker."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from schemas.reports import HealthState
from schemas.settings import Settings
from workers.checks.queues import Queues

HEALTHY, DEGRADED, CRITICAL = HealthState


class Place:
    def __init__(self, broker):
        self.broker = broker
        self.now = 1_700_000_000_000_000
        self.check = Queues(broker, expected={"cycles": ("learning",)}, settings=Settings(), clock=lambda: self.now)

    def state(self):
        [reading] = self.check.look()
        return reading.state

    def listening(self):
        return self.check.look()[0].counts["worker_alive cycles"]

    def until_listening(self, count):
        deadline = time.monotonic() + 30
        while self.listening() != count:
            assert time.monotonic() < deadline
            threading.Event().wait(0.02)


@pytest.fixture
def place(broker):
    return Place(broker)


@pytest.fixture
def worker(redis_url):
    rq = Path(sys.executable).parent / "rq"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RQ_")}
    process = subprocess.Popen([rq, "worker", "learning", "--url", redis_url, "--quiet"], env=environment)
    yield process
    process.kill()
    process.wait()


def test_a_worker_listens_and_one_that_was_killed_is_missed_after_three_seconds(place, worker):
    assert DEGRADED is place.state()
    place.until_listening(1)
    assert HEALTHY is place.state()
    worker.kill()
    worker.wait()
    assert place.broker.smembers("rq:workers:learning"), "RQ itself still believes in it"
    place.until_listening(0)
    place.now += 3_000_000
    assert HEALTHY is place.state()
    place.now += 1
    [reading] = place.check.look()
    assert CRITICAL is reading.state
    assert "no `rq worker` listens to the queue learning, for 3.0 s now" in reading.texts[0]


def test_after_a_while_in_which_nobody_could_look_a_worker_has_time_to_connect_again(place, worker):
    place.until_listening(1)
    worker.kill()
    worker.wait()
    place.now += 60_000_000
    assert HEALTHY is place.state()
    place.now += 3_000_000
    assert HEALTHY is place.state()
    place.now += 1
    assert CRITICAL is place.state()


def test_a_worker_that_never_came_is_critical_after_the_time_to_start(place):
    assert DEGRADED is place.state()
    place.now += 20_000_001
    assert CRITICAL is place.state()


def test_jobs_that_wait_and_jobs_that_failed_are_counted(place):
    place.broker.rpush("rq:queue:learning", "a", "b")
    place.broker.zadd("rq:failed:learning", {"c": 1})
    [reading] = place.check.look()
    assert {"worker_alive cycles": 0, "queue_jobs learning": 2, "queue_failed_jobs learning": 1} == reading.counts
