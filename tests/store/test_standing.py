"""What may be tuned, who runs which version, how every part is, and how much there is of everything."""

from datetime import UTC, datetime

import pytest

from schemas.event import Envelope
from schemas.parameters import Market, Parameter, Registry
from schemas.params import ParamsApplied
from schemas.reports import HealthReported, HealthState
from store.applications import Applications
from store.counts import counts, refusals, waiting_letters
from store.dead_letters import DeadLetters
from store.health import HealthRows
from store.outbox import Outbox
from store.registries import Registries
from store.sessions import Sessions
from store.tables import alerts, instruments, prices


@pytest.fixture
def connection(store):
    with store.begin() as work:
        yield work.connection


def registry(*names, **fields):
    made = {
        name: Parameter(name=name, default=0.5, category="score", affects="score", description="?") for name in names
    }
    return Registry(parameters=made, market=Market(sources=["scanner"]), **fields)


def test_a_registry_comes_back_as_it_was_recorded(connection):
    registries = Registries(connection)

    assert registries.latest("main") is None
    assert registries.record(registry("weight"), fingerprint="h1", now=1)
    assert registry("weight") == registries.latest("main") == registries.get("main", "h1")
    assert {"weight": registry("weight").parameters["weight"]} == registries.definitions("main")


def test_the_registry_recorded_last_is_in_force_also_when_it_was_there_before(connection):
    registries = Registries(connection)
    registries.record(registry("old"), fingerprint="h1", now=1)
    assert not registries.record(registry("old"), fingerprint="h1", now=2)
    assert registries.record(registry("new", "newer"), fingerprint="h2", now=2)
    assert {"new", "newer"} == set(registries.definitions("main"))
    assert registries.record(registry("old"), fingerprint="h1", now=2)

    assert registry("old") == registries.latest("main")
    assert {"old"} == set(registries.definitions("main"))
    assert registry("new", "newer") == registries.get("main", "h2")


def applied(client, number, *, time, refused=None, name="a"):
    at = None if refused else datetime(2024, 1, 2, 21, tzinfo=UTC)
    data = ParamsApplied(client=client, epoch=1, version=number, applied_at=at, refused=refused)
    return Envelope(source=client, id=f"{name}{time}", time=time, data=data)


def test_remembers_what_each_client_said_last_of_each_version(connection):
    applications = Applications(connection)
    for event in (
        applied("bot", 1, time=10),
        applied("bot", 2, time=20, refused="unknown name"),
        applied("c", 1, time=5),
    ):
        applications.record([event], now=99)

    assert [("c", "1-1", None), ("bot", "1-1", None), ("bot", "1-2", "unknown name")] == [
        (row.client, row.version, row.refused) for row in applications.history("main")
    ]
    assert 1_704_229_200_000_000 == applications.history("main")[0].applied_at
    assert [("bot", "1-1"), ("c", "1-1")] == [(row.client, row.version) for row in applications.clients("main")]


def test_an_older_word_of_a_client_does_not_replace_a_newer_one(connection):
    applications = Applications(connection)
    refused, taken = applied("bot", 1, time=10, refused="no"), applied("bot", 1, time=20)
    for event in (refused, taken, taken, refused):
        applications.record([event], now=99)

    [row] = applications.history("main")
    assert (20, None) == (row.time, row.refused)


def test_a_client_runs_the_version_that_it_applied_last(connection):
    applications = Applications(connection)
    for event in (applied("bot", 10, time=30), applied("bot", 9, time=20), applied("bot", 11, time=40, refused="no")):
        applications.record([event], now=99)

    assert ["1-10"] == [row.version for row in applications.clients("main")]


def test_tells_how_each_part_is_now_and_was(connection):
    health = HealthRows(connection)
    health.record(HealthReported(part="thompson", state=HealthState.HEALTHY), since=1, now=1)
    health.record(HealthReported(part="attribution", state=HealthState.HEALTHY), since=1, now=2)
    broken = HealthReported(part="thompson", state=HealthState.CRITICAL, reasons=["the store is full"])
    health.record(broken, since=3, now=4)

    assert [
        ("attribution", HealthState.HEALTHY, [], 1, 2),
        ("thompson", HealthState.CRITICAL, ["the store is full"], 3, 4),
    ] == health.latest()
    assert [HealthState.CRITICAL, HealthState.HEALTHY] == [row.state for row in health.history("thompson")]
    assert 1 == len(health.history("thompson", limit=1))


def test_counts_what_is_there_of_each_strategy(store):
    with store.begin() as work:
        work.insert(instruments, [instrument(1, "main"), instrument(2, "other")])
        work.insert(alerts, [alert(1), alert(2)])
        work.insert(prices, [bar(1, time=1), bar(1, time=2), bar(2, time=1)])
        Sessions(work.connection).add("other", "2024-01-02", cut=1, pending={}, now=1)
        for event in (applied("a", 1, time=1), applied("b", 1, time=1), applied("a", 2, time=2, refused="no")):
            Applications(work.connection).record([event], now=1)
        work.commit()

    with store.read() as reading:
        found = counts(reading, "main")
        assert (2, 0, 2, 1) == (found.alerts, found.decisions, found.prices, found.acknowledged)
        other = counts(reading, "other")
        assert (0, 1, 1) == (other.alerts, other.prices, other.sessions)


def instrument(number, strategy):
    return {"id": number, "strategy": strategy, "venue": "", "symbol": "AAPL"}


def bar(instrument, *, time):
    words = {"interval": "1d", "source": "feed", "event_id": f"{instrument}/{time}", "session": "2024-01-02"}
    numbers = dict.fromkeys(("recorded_at", "open", "high", "low", "close", "final", "revision"), 1)
    return {"instrument": instrument, "time": time, "entry": "0-0", **words, **numbers}


def alert(sequence):
    return {
        "sequence": sequence,
        "source": "scanner",
        "event_id": str(sequence),
        "strategy": "main",
        "time": 1,
        "recorded_at": 1,
        "body": "{}",
        "alert_id": str(sequence),
        "instrument": 1,
        "unit": "AAPL/2024-01-02",
        "session": "2024-01-02",
        "entry_session": "2024-01-02",
        "score": 0.5,
        "direction": "long",
    }


def test_counts_what_was_refused_and_what_waits_to_be_sent(connection):
    for entry, reason in enumerate(["score: 83 is above 1", "no symbol", "score: 83 is above 1"]):
        DeadLetters(connection).bury(
            worker="w", stream="alert.raised", entry=f"{entry}-0", reason=reason, body=b"", size=0, attempts=1, now=1
        )
    Outbox(connection).add_all("thompson", "health.reported", [b"1", b"2", b"3"], now=1)
    first, *_ = Outbox(connection).waiting("thompson", 1)
    Outbox(connection).published([first.id])

    frequent = {("alert.raised", "score: 83 is above 1"): 2, ("alert.raised", "no symbol"): 1}
    assert list(frequent.items()) == list(refusals(connection).items())
    assert {"thompson": 2} == waiting_letters(connection)
