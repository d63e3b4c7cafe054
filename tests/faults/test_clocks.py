"""Clocks that are wrong, differ or jump by an hour: the books are the same, and who watches is not misled."""

import resource
import signal
import threading
import time
from pathlib import Path

import pytest

from schemas.alert import AlertRaised
from schemas.decision import DecisionMade
from schemas.event import Envelope
from schemas.reports import HealthState
from tests.faults.crew import PATIENCE, SAID_WITHIN, Crew
from tests.faults.days import Calm, day, now

pytestmark = pytest.mark.at_length
HOUR = 3_600


class Place:
    """Workers with clocks that are set from here."""

    def __init__(self, folder, redis_url):
        self.file = folder / "crew" / "learning.db"
        self.crew = Crew(folder / "crew", redis_url, prefix="clocks:", url=f"sqlite:///{self.file}")
        self.calm = Calm(folder / "calm", redis_url)
        self._told = []
        self.days = 0

    def launch(self, **clocks):
        """Start processes ``NAME`` or ``NAME_SOMETHING`` with clocks that are wrong by so many seconds."""
        for called, wrong in clocks.items():
            self.set(called, wrong)
            worker = called.partition("_")[0]
            self.crew.launch(called, "tests.faults.skewed", str(self._clock(called)), worker)
        self.crew.until(lambda: all(map(self.crew.beat, clocks)), "them to be heard")

    def set(self, called, wrong):
        """Set the clock of one."""
        new = self._clock(called).with_suffix(".new")
        new.write_text(str(wrong))
        new.replace(self._clock(called))

    def tell(self):
        """A day of the past, and what is seen and decided at this moment."""
        moment, name = now(), f"live-{self.days}"
        live = [
            AlertRaised(alert_id=name, symbol="LIVE", score=0.5),
            DecisionMade(decision_id=name, alert_id=name, symbol="LIVE", action="BUY", size=0.1),
        ]
        events = day(self.days) + [
            Envelope(source="bot", id=f"live-{self.days}-{place}", time=moment, data=data)
            for place, data in enumerate(live)
        ]
        self.days += 1
        self._told += events
        self.crew.tell(events)

    def balance(self):
        wanted = self.calm.after(self._told, settled=self.days)
        assert [] == wanted["refused"]
        self.crew.until_balanced(wanted)

    def _clock(self, called) -> Path:
        return self.crew.folder / f"{called}.clock"


@pytest.fixture
def place(tmp_path, redis_url):
    place = Place(tmp_path, redis_url)
    yield place
    place.crew.stop()
    place.calm.close()


def test_workers_on_clocks_hours_apart_write_the_same_books(place):
    place.launch(attribution_behind=-HOUR, attribution_ahead=HOUR, health=0)
    place.crew.until_health_says("attribution", HealthState.DEGRADED, "behind the broker's", within=SAID_WITHIN)

    def taken():
        return [place.crew.beat(name).counts.get("taken", 0) for name in ("attribution_behind", "attribution_ahead")]

    deadline = time.monotonic() + PATIENCE
    while place.days < 6 or not all(taken()):
        place.tell()
        assert time.monotonic() < deadline, taken()
        threading.Event().wait(0.2)
    place.balance()


def test_both_are_heard_all_the_time(place):
    place.launch(attribution_behind=0, attribution_ahead=2 * HOUR)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        assert all(map(place.crew.beat, place.crew.processes))
        threading.Event().wait(0.02)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_clock_that_jumps_while_the_store_is_away_changes_nothing(place, jump):
    place.launch(attribution=0)
    place.tell()
    place.balance()
    pid = place.crew.processes["attribution"].pid
    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
    troubles, began = place.crew.troubles("attribution"), time.monotonic()
    log = place.file.with_name("learning.db-wal")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (log.stat().st_size, hard))
    try:
        place.tell()
        place.crew.until_said("attribution", "disk I/O error", after=troubles, since=began)
        place.set("attribution", jump)
        after = place.crew.troubles("attribution")
        place.crew.until_said("attribution", "disk I/O error", after=after, since=time.monotonic())
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    place.tell()
    place.balance()
    lines = place.crew.lines("attribution", "worker.waiting")
    assert all(line["seconds"] <= 5.0 for line in lines)

    def forgotten():
        return place.crew.beat("attribution").state is HealthState.HEALTHY

    place.crew.until(forgotten, "the trouble to be forgotten")


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_health_misses_a_worker_in_time_also_when_its_own_clock_has_jumped(place, jump):
    place.launch(attribution=0, health=0)
    say = place.crew.until_health_says
    say("attribution", HealthState.HEALTHY, within=SAID_WITHIN)
    place.set("health", jump)
    place.tell()
    place.balance()
    assert not [line for line in place.crew.lines("health", "health.changed") if "in one turn" in str(line)]
    place.crew.processes["attribution"].send_signal(signal.SIGSTOP)
    try:
        say("attribution", HealthState.CRITICAL, "silent", within=SAID_WITHIN)
    finally:
        place.crew.processes["attribution"].send_signal(signal.SIGCONT)
    say("attribution", HealthState.HEALTHY, within=SAID_WITHIN)
