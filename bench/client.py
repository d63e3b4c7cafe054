"""What trading pays: telling an event against a synchronous XADD, reading a value against a dictionary."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import msgspec
import numpy as np
from learning_client import EventPublisher, ParameterClient, Switches
from redis import Redis

from bench.assignment import REGISTRY
from bench.comparison import Comparison
from bench.samples import alerts
from bench.workbench import OFTEN, Workbench, comparison, rate
from events.codec import encode
from events.connection import connect
from schemas.alert import AlertRaised
from schemas.allocation import unit_of
from schemas.event import Envelope
from schemas.registry import load_registry
from schemas.version import Version
from workers.gate.publication import first_version, snapshot_key

CALLS = 1_000
PAUSE = 0.0005
"""Seconds between calls: a trading process does other things, and the sending thread wakes up each time."""

READS = 2_000
NAME = "threshold.score"
READY = 10.0


class Times(NamedTuple):
    """How long calls took, in microseconds."""

    median: float
    slow: float


def measure(bench: Workbench) -> Iterator[Comparison]:
    """Alerts with twelve features, and reading one of ten parameters, without a unit and with a new one each time."""
    with connect(bench.url) as redis:
        yield from _telling(bench, redis)
        version = first_version(load_registry(REGISTRY))
        redis.set(snapshot_key(version.strategy), msgspec.json.encode(version))
    yield from _reading(bench, version)


def _telling(bench: Workbench, redis: Redis) -> Iterator[Comparison]:
    sample = alerts(bench.count(CALLS))
    bodies: list[dict[Any, Any]] = [{"event": encode(envelope)} for envelope in sample]
    publisher = EventPublisher(bench.url, source="scanner", switches=Switches())

    def ours() -> Times:
        found = _timed([_call(publisher, envelope) for envelope in sample])
        assert publisher.flush(READY), publisher.stats()
        return found

    def synchronous() -> Times:
        return _timed([partial(redis.xadd, AlertRaised.type, body) for body in bodies])

    pairs = bench.pairs("alert()", ours=ours, baseline=synchronous)
    publisher.close()
    against = "synchronous XADD"
    medians = [(one.median, other.median) for one, other in pairs]
    slow = [(one.slow, other.slow) for one, other in pairs]
    yield comparison("alert(), median", against, unit="µs", pairs=medians)
    yield comparison("alert(), 99th percentile", against, unit="µs", pairs=slow)


def _call(publisher: EventPublisher, envelope: Envelope) -> Callable[[], object]:
    alert: AlertRaised = envelope.data
    return lambda: publisher.alert(
        symbol=alert.symbol,
        score=alert.score,
        features=alert.features,
        price=alert.price,
        regime=alert.regime,
        confidence=alert.confidence,
    )


def _timed(calls: list[Callable[[], Any]]) -> Times:
    times = []
    for call in calls:
        time.sleep(PAUSE)
        started = time.perf_counter_ns()
        call()
        times.append((time.perf_counter_ns() - started) / 1_000)
    median, slow = np.percentile(times, (50, 99))
    return Times(float(median), float(slow))


def _reading(bench: Workbench, version: Version) -> Iterator[Comparison]:
    values = dict(version.values)
    params = ParameterClient(
        bench.url, defaults=values, strategy=version.strategy, switches=Switches(apply=True), client_id="bench"
    )
    params.start()
    assert params.wait_ready(READY), params.stats()
    assert params.snapshot().version == str(version.id), params.stats()
    reads, units = bench.count(READS), count()

    def plain() -> None:
        for _ in range(reads):
            values[NAME]

    def ours() -> None:
        for _ in range(reads):
            params.value(NAME)

    def ours_of_units() -> None:
        for _ in range(reads):
            params.value(NAME, unit_of(f"S{next(units)}", "2024-01-31"))

    for what, read in (("value(name)", ours), ("value(name, a new unit)", ours_of_units)):
        yield bench.compare(
            what,
            "a dictionary read",
            unit="ns",
            ours=lambda read=read: 1e9 / rate(reads, read),  # type: ignore[misc]
            baseline=lambda: 1e9 / rate(reads, plain),
            times=OFTEN,
        )
    params.close()
