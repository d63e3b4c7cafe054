"""PostgreSQL goes away, hangs, loses an answer or breaks a turn off: a worker waits, says so, and goes on by itself."""

import threading
import time
from datetime import datetime
from itertools import pairwise

import psycopg
import pytest

from schemas.reports import HealthState
from tests import postgresql
from tests.faults.crew import SAID_WITHIN, Crew
from tests.faults.days import Calm, day
from tests.faults.wire import AFTER, BEFORE, WHOLE, Wire

SHORTEST, LONGEST = 0.1, 5.0
"""Seconds that a worker pauses: from 0.1, each at the most twice the last, to 5, and never less than half of that."""


MANY = 3
"""An event that a worker fails at so often is buried; what the store fails at is not."""


class Place:
    """A server, workers that reach it by a wire, and the days that were told so far."""

    def __init__(self, server, crew, calm, wire, url):
        self.server = server
        self.crew = crew
        self.wire = wire
        self.url = url
        self._calm = calm
        self._days = 0

    def next_day(self):
        """The events of a day that nobody was told of."""
        self._days += 1
        return day(self._days - 1)

    def waits(self):
        """What attribution has logged each time that it waited."""
        return self.crew.lines("attribution", "worker.waiting")

    def balance(self, *told):
        """Wait until the books are those of workers whom nothing ever happened to."""
        wanted = self._calm.after(told, settled=self._days)
        assert [] == wanted["refused"]
        self.crew.until_balanced(wanted)


server = pytest.fixture(scope="module")(postgresql.own)


@pytest.fixture(scope="module")
def place(server, redis_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("away")
    wire = Wire(server.socket)
    url = server.create()
    seen = f"postgresql://{postgresql.USER}@127.0.0.1:{wire.port}/{url.partition('?')[0].rpartition('/')[2]}"
    crew = Crew(folder / "crew", redis_server, prefix="away:", url=url, seen=seen)
    crew.launch("attribution", "workers", "attribution")
    calm = Calm(folder / "calm", redis_server)
    try:
        crew.start("attribution")
        yield Place(server, crew, calm, wire, url)
    finally:
        server.go_on()
        crew.stop()
        calm.close()
        wire.close()


@pytest.fixture(scope="module")
def health(place):
    """The process that watches the others."""
    place.crew.start("health")


def stay(seconds):
    """The fault lasts so long."""
    threading.Event().wait(seconds)


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.at_length)])
def test_a_server_that_is_stopped_is_waited_for_with_growing_pauses(place, seconds):
    crew, events = place.crew, place.next_day()
    crew.tell(events[:10])
    before, troubles = len(place.waits()), crew.troubles("attribution")
    began = time.monotonic()
    place.server.stop()
    try:
        crew.tell(events[10:])
        crew.until_said("attribution", "failed: ", after=troubles, since=began)
        taken = crew.acknowledged()
        stay(seconds - (time.monotonic() - began))
        assert taken == crew.acknowledged()
    finally:
        place.server.start()
    place.balance(*events)

    waits = place.waits()[before:]
    pauses = [wait["seconds"] for wait in waits]
    most = [min(LONGEST, SHORTEST * 2**place) for place in range(len(pauses))]
    shares = [pause / longest for pause, longest in zip(pauses, most, strict=True)]
    assert all(0.5 <= share <= 1.0 for share in shares), pauses
    assert len(set(shares)) > len(shares) // 2, pauses
    assert len(pauses) >= (4 if seconds < 60 else 14)
    moments = [datetime.fromisoformat(wait["timestamp"]) for wait in waits]
    assert all(
        pause <= (following - moment).total_seconds()
        for pause, (moment, following) in zip(pauses, pairwise(moments), strict=False)
    ), waits


def test_a_commit_whose_answer_is_lost_was_made_and_changes_nothing_twice(place):
    crew, events = place.crew, place.next_day()
    bar, alert, *others = events
    troubles, began = crew.troubles("attribution"), time.monotonic()
    place.wire.commits.append(AFTER)
    place.wire.loosens = True
    try:
        crew.tell([alert])
        crew.until(place.wire.cut.is_set, "a commit to be cut")
        crew.until_said("attribution", "failed: ", after=troubles, since=began)
        with psycopg.connect(place.url) as direct:
            named = "SELECT count(*) FROM learning.alerts WHERE alert_id = %s"
            assert (1,) == direct.execute(named, (alert.data.alert_id,)).fetchone()
        assert 1 == crew.left()
    finally:
        place.wire.loose = place.wire.loosens = False
    crew.tell([bar, *others])
    place.balance(*events)


def test_connections_that_are_cut_around_their_commits_lose_nothing_and_count_nothing_twice(place):
    crew, events = place.crew, place.next_day()
    place.wire.commits.extend([AFTER, BEFORE, WHOLE, AFTER, WHOLE, BEFORE, WHOLE, WHOLE, AFTER])
    before = len(place.waits())
    for event in events[:12]:
        crew.tell([event])
    crew.tell(events[12:])
    crew.until(lambda: not place.wire.commits, "every commit to come")
    place.balance(*events)
    assert len(place.waits()) > before


@pytest.mark.at_length
def test_a_server_that_hangs_is_said_to_be_away_and_the_turn_in_hand_goes_on_with_it(place, health):
    crew, events = place.crew, place.next_day()
    crew.tell(events[:10])
    began = time.monotonic()
    place.server.hang()
    try:
        crew.tell(events[10:])
        crew.until_health_says("store", HealthState.CRITICAL, "not answered", within=SAID_WITHIN)
        taken = crew.acknowledged()
        crew.until(lambda: crew.beat("attribution").turn_since, "attribution to be in a turn")
        stay(60 - (time.monotonic() - began))
        assert taken == crew.acknowledged()
        assert crew.beat("attribution").turn_since
        crew.until_health_says("attribution", HealthState.DEGRADED, "in one turn for", within=SAID_WITHIN)
    finally:
        place.server.go_on()
    place.balance(*events)
    crew.until_health_says("store", HealthState.HEALTHY, within=SAID_WITHIN)


@pytest.mark.at_length
def test_a_server_that_is_stopped_is_said_by_health(place, health):
    events = place.next_day()
    place.server.stop()
    try:
        place.crew.until_health_says("store", HealthState.CRITICAL, "failed", within=SAID_WITHIN)
        place.crew.tell(events)
        place.crew.until_health_says("attribution", HealthState.DEGRADED, "attribution says", within=SAID_WITHIN)
    finally:
        place.server.start()
    place.balance(*events)


@pytest.mark.at_length
def test_a_turn_that_loses_a_deadlock_is_repeated(place):
    crew, before = place.crew, place.next_day()
    crew.tell(before)
    place.balance(*before)
    troubles, events = crew.troubles("attribution"), place.next_day()
    with psycopg.connect(place.url, options="-c deadlock_timeout=1min -c search_path=learning") as other:
        other.execute("SELECT 1 FROM examples FOR UPDATE")
        crew.tell(events)
        with psycopg.connect(place.url, autocommit=True) as looking:
            waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            crew.until(lambda: looking.execute(waits).fetchone()[0], "attribution to wait for an example")
        other.execute("UPDATE counters SET value = value WHERE name = 'ingest'")
        crew.until_said("attribution", "deadlock", after=troubles, since=time.monotonic())
        other.rollback()
    place.balance(*events)


REFUSALS = {
    "serialization failure": "40001",
    "disk full": "53100",
    "out of memory": "53200",
    "too many connections": "53300",
    "canceled by a timeout": "57014",
    "shut down by an administrator": "57P01",
    "crash of another session": "57P02",
    "input or output error": "58030",
}


@pytest.mark.at_length
@pytest.mark.parametrize("code", REFUSALS.values(), ids=REFUSALS)
def test_a_turn_that_the_server_breaks_off_is_repeated_until_it_does_not(place, code):
    crew, events = place.crew, place.next_day()
    began, troubles = time.monotonic(), crew.troubles("attribution")
    with psycopg.connect(place.url, autocommit=True, options="-c search_path=learning") as other:
        other.execute(
            f"CREATE OR REPLACE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'broken off' USING ERRCODE = '{code}'; END $$"
        )
        other.execute("CREATE TRIGGER broken BEFORE INSERT ON examples EXECUTE FUNCTION broken()")
        try:
            crew.tell(events)
            crew.until_said("attribution", "broken off", after=troubles + MANY, since=began)
            assert crew.left() > 0
        finally:
            other.execute("DROP TRIGGER broken ON examples")
    place.balance(*events)
