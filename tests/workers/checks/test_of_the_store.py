"""What health reads in the store: dead letters, outbox, books, the store itself, trading."""

import sqlite3

import pytest

from schemas.client import ClientReported
from schemas.event import Envelope
from schemas.params import ParamsApplied
from schemas.reports import BooksReconciled, HealthState
from schemas.settings import Settings
from schemas.version import Version
from store.applications import Applications
from store.client_reports import ClientReports
from store.dead_letters import DeadLetters, Fate
from store.errors import StoreUnavailable
from store.outbox import Outbox
from store.reconciliations import Reconciliations
from store.sessions import Sessions
from store.versions import Versions
from workers.checks.books import BooksCheck
from workers.checks.letters import HOUR_US, Letters
from workers.checks.outbox import Letterbox
from workers.checks.store import StoreCheck
from workers.checks.trading import DROPPED_FOR_US, HEARD_US, Trading

HEALTHY, DEGRADED, CRITICAL = HealthState
NOW = 1_700_000_000_000_000
SECOND = 1_000_000


@pytest.fixture
def work(store):
    with store.begin() as work:
        yield work


def codes(reading):
    return [(reason.code, reason.state) for reason in reading.reasons]


class Refused:
    def __init__(self, work):
        self.kept = DeadLetters(work.connection)
        self.check = Letters(many=3)
        self.number = 0

    def bury(self, reason="a score of 83", stream="alert.raised", ago=0):
        self.number += 1
        self.kept.bury(
            worker="attribution",
            stream=stream,
            entry=f"{self.number}-0",
            reason=reason,
            body=b"x",
            size=1,
            attempts=1,
            now=NOW - ago,
        )

    def look(self, work):
        [reading] = self.check.look(work.connection, now=NOW)
        return reading


def test_nothing_refused_is_healthy(work):
    assert HEALTHY is Refused(work).look(work).state


def test_open_letters_are_told_by_reason_until_a_person_closes_them(work):
    refused = Refused(work)
    refused.bury(ago=2 * HOUR_US)
    refused.bury("unknown strategy", "price.observed", ago=2 * HOUR_US)
    reading = refused.look(work)
    assert DEGRADED is reading.state
    assert "1 entries of alert.raised were refused by attribution: a score of 83" in reading.texts[0]
    assert {"dead_letters_open alert.raised": 1, "dead_letters_open price.observed": 1} == reading.counts
    for letter in refused.kept.open():
        refused.kept.close(letter, Fate.DROPPED, by="ann", now=NOW)
    assert HEALTHY is refused.look(work).state


def test_many_within_an_hour_are_critical_and_old_ones_do_not_count(work):
    refused = Refused(work)
    for ago in (0, 5, HOUR_US + 5):
        refused.bury(ago=ago)
    assert DEGRADED is refused.look(work).state
    refused.bury()
    reading = refused.look(work)
    assert ("many", CRITICAL) == codes(reading)[0]
    assert "3 entries were refused within an hour (limit 3)" in reading.texts[0]


def test_only_the_most_frequent_reasons_are_told_one_by_one(work):
    refused = Refused(work)
    for number in range(8):
        refused.bury(f"reason {number}", ago=2 * HOUR_US)
    assert "3 more, for 3 other reasons" == refused.look(work).texts[-1]


def test_reasons_that_differ_in_a_value_alone_are_one_reason(work):
    refused = Refused(work)
    for score in range(50):
        refused.bury(f"data.score is {score + 2}, expected a number from 0 to 1", ago=2 * HOUR_US - score)
        refused.bury(f"event cannot be read: it ends in the middle (byte {score}); expected one", ago=2 * HOUR_US)
    reading = refused.look(work)
    assert [
        "50 entries of alert.raised were refused by attribution: data.score is 51, expected a number from 0 to 1",
        "50 entries of alert.raised were refused by attribution: event cannot be read: it ends in the middle",
    ] == [text[: text.index(";" if "score" in text else " (byte")] for text in reading.texts]
    before = codes(reading)
    refused.bury('data.score is "high, expected", expected a number from 0 to 1', ago=2 * HOUR_US)
    assert before == codes(refused.look(work))


@pytest.mark.parametrize(("age", "state"), [(29, HEALTHY), (31, DEGRADED), (301, CRITICAL)])
def test_a_letter_that_waits_for_long_is_told_with_its_owner(work, age, state):
    outbox = Outbox(work.connection)
    outbox.add("deployment", "params.updated", b"x", now=NOW - age * SECOND)
    outbox.add("deployment", "params.updated", b"y", now=NOW)
    outbox.add("thompson", "x", b"z", now=NOW)
    [reading] = Letterbox(limit=30.0).look(work.connection, now=NOW)
    assert state is reading.state
    assert (2, age) == (
        reading.counts["outbox_letters deployment"],
        reading.counts["outbox_oldest_age_seconds deployment"],
    )


def reconciled(work, session, cut, *issues, state=None):
    Sessions(work.connection).add("main", session, cut=cut, pending={}, now=NOW)
    counts = {"came_in": {}, "states": {}, "by_horizon": {}, "marks": {}, "outcomes": {}}
    made = BooksReconciled(session=session, cut=cut, expected=0, issues=list(issues), state=state, **counts)
    Reconciliations(work.connection).add(made)


@pytest.mark.parametrize(("said", "state"), [(CRITICAL, CRITICAL), (DEGRADED, DEGRADED), (None, DEGRADED)])
def test_books_that_do_not_balance_are_told_as_bad_as_they_were_found(work, said, state):
    assert [] == BooksCheck().look(work.connection)
    reconciled(work, "2024-01-02", 1, "alerts: 2 were taken in, and 1 are there", state=said)
    [reading] = BooksCheck().look(work.connection)
    assert ("books.main", state) == (reading.part, reading.state)
    assert "learning books --strategy main" in reading.texts[0]
    reconciled(work, "2024-01-03", 2, state=HEALTHY)
    assert HEALTHY is BooksCheck().look(work.connection)[0].state


def storage(tmp_path, **settings):
    return StoreCheck(settings=Settings(store_url=f"sqlite:///{tmp_path}/learning.db", **settings))


def test_size_room_and_commit_time_are_measured(work, tmp_path):
    [reading] = storage(tmp_path).look(work.connection, commit_seconds=0.2)
    assert HEALTHY is reading.state
    assert reading.counts["store_size_bytes"] > 100_000
    assert reading.counts["store_free_bytes"] > 0


@pytest.mark.parametrize(
    ("settings", "seconds", "expected"),
    [
        ({}, 1.5, [("commit", DEGRADED)]),
        ({}, None, []),
        ({"health_free_gigabytes": 1e6}, None, [("room", CRITICAL)]),
    ],
)
def test_a_slow_commit_and_a_full_disk_are_told(work, tmp_path, settings, seconds, expected):
    assert expected == codes(storage(tmp_path, **settings).look(work.connection, commit_seconds=seconds)[0])


def test_a_file_that_was_moved_away_or_replaced_is_noticed(tmp_path):
    file = tmp_path / "learning.db"
    check = storage(tmp_path)
    with pytest.raises(StoreUnavailable, match="not there"):
        check.ensure_there()
    sqlite3.connect(file).execute("CREATE TABLE t (x)")
    check.ensure_there()
    file.rename(tmp_path / "away.db")
    with pytest.raises(StoreUnavailable, match="not there"):
        check.ensure_there()
    sqlite3.connect(file).execute("CREATE TABLE t (x)")
    with pytest.raises(StoreUnavailable, match="replaced"):
        check.ensure_there()
    (tmp_path / "away.db").rename(file)
    check.ensure_there()


def test_a_store_behind_a_server_or_in_memory_has_no_file_to_look_at(work):
    check = StoreCheck(settings=Settings(store_url="sqlite://"))
    check.ensure_there()
    assert {"store_size_bytes"} == set(check.look(work.connection, commit_seconds=None)[0].counts)


class Floor:
    """Trading processes that say things, and versions that come into force."""

    def __init__(self, work):
        self.connection = work.connection

    def said(self, *, ago=0, client="bot", **more):
        data = ClientReported(client=client, **more)
        envelope = Envelope(source=client, id=f"{client}-{ago}", time=NOW - ago, data=data)
        ClientReports(self.connection).record(envelope, now=NOW)

    def version(self, number, *, ago):
        latest = Versions(self.connection).latest("main")
        version = Version(
            strategy="main",
            epoch=1,
            number=number,
            previous=str(latest.id) if latest else None,
            session="2023-11-13",
            regime="any",
            registry="r",
            values={},
            allocations=[],
        )
        Versions(self.connection).add(version, proposal_id=None, now=NOW - ago)

    def applied(self, version, *, refused=None, ago=0):
        data = ParamsApplied(client="bot", epoch=1, version=version, refused=refused)
        Applications(self.connection).record([Envelope(source="bot", id=str(ago), time=NOW - ago, data=data)], now=NOW)

    def look(self):
        [reading] = Trading(settings=Settings()).look(self.connection, now=NOW)
        return reading


@pytest.fixture
def floor(work):
    return Floor(work)


def test_a_client_without_troubles_is_healthy_and_has_its_figures(floor):
    floor.said(sent={"a": 3}, dropped={}, spooled={"a": 2}, queued=5, breaker="closed", clock_offset_seconds=0.1)
    reading = floor.look()
    assert (HEALTHY, "trading") == (reading.state, reading.part)
    assert (2, 5, 0) == tuple(
        reading.counts[f"client_{name} bot"] for name in ("spooled_events", "queued_events", "breaker_open")
    )


def test_a_client_that_drops_and_has_its_breaker_open_is_told_with_what_it_dropped(floor):
    floor.said(dropped={"price.observed": 20, "alert.raised": 0}, breaker="open")
    reading = floor.look()
    assert [("dropped bot", DEGRADED), ("breaker bot", DEGRADED)] == codes(reading)
    assert "20 price.observed" in reading.texts[0]
    assert "alert.raised" not in reading.texts[0]
    assert 1 == reading.counts["client_breaker_open bot"]


def test_drops_are_told_for_an_hour(floor):
    floor.said(ago=DROPPED_FOR_US - SECOND, dropped={"price.observed": 20})
    floor.said(ago=0, dropped={"price.observed": 20})
    assert [("dropped bot", DEGRADED)] == codes(floor.look())
    for client, ago in (("gone", DROPPED_FOR_US + SECOND), ("still here", DROPPED_FOR_US + SECOND), ("still here", 0)):
        floor.said(ago=ago, client=client, dropped={"price.observed": 1})
    assert [("dropped bot", DEGRADED)] == codes(floor.look())


def test_a_client_that_cannot_read_its_spool_is_told_with_the_file(floor):
    floor.said(unreadable={"1.facts.unreadable": 12})
    reading = floor.look()
    assert [("unreadable bot", DEGRADED)] == codes(reading)
    assert "12 events are known to wait in 1.facts.unreadable" in reading.texts[0]


def test_a_client_that_went_home_with_its_breaker_open_is_its_own_affair(floor):
    floor.said(ago=HEARD_US + SECOND, breaker="open", clock_offset_seconds=100.0)
    assert HEALTHY is floor.look().state


@pytest.mark.parametrize(("offset", "words"), [(7.0, "7.0 s ahead of"), (-7.0, "7.0 s behind"), (4.9, "")])
def test_a_clock_that_is_wrong_is_told_with_its_direction(floor, offset, words):
    floor.said(clock_offset_seconds=offset)
    assert words in "".join(floor.look().texts)
    assert bool(words) == bool(floor.look().reasons)


@pytest.mark.parametrize(("ago", "expected"), [(599, []), (601, [("version bot", DEGRADED)])])
def test_a_client_that_does_not_take_a_version_over_is_told_after_a_while(floor, ago, expected):
    floor.version(1, ago=5_000 * SECOND)
    floor.said(version="1-1")
    assert HEALTHY is floor.look().state
    floor.version(2, ago=ago * SECOND)
    assert expected == codes(floor.look())
    floor.said(ago=-1, version="1-2")
    assert HEALTHY is floor.look().state


def test_a_version_that_was_refused_is_told_with_its_reason_until_it_is_applied_or_replaced(floor):
    floor.version(1, ago=10)
    floor.applied(1, refused="weight.x lies outside of bounds", ago=5)
    reading = floor.look()
    assert [("refused bot", DEGRADED)] == codes(reading)
    assert "refused version 1-1: weight.x lies outside of bounds" in reading.texts[0]
    floor.applied(1, ago=4)
    assert HEALTHY is floor.look().state
    floor.applied(1, refused="again", ago=3)
    floor.version(2, ago=0)
    assert HEALTHY is floor.look().state
