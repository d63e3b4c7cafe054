"""What trading pays: alerts and reads in six conditions of the broker against a synchronous XADD, and reads alone."""

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import count, cycle
from typing import Any, NamedTuple

import msgspec
import numpy as np
from learning_client import EventPublisher, ParameterClient, Switches
from redis import Redis

from bench.assignment import REGISTRY
from bench.comparison import Comparison
from bench.condition import CONDITIONS, Condition
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
"""Seconds asleep before each call that is made alone: nothing of it is in the processor's caches any more."""

BURST = 50
BURST_PAUSE = 0.025
"""What a scan of the market finds is told at once; so many calls, and seconds asleep before them."""

READS = 2_000
NAME = "threshold.score"
UNITS = tuple(unit_of(f"S{number}", "2024-01-31") for number in range(20))
READY = 10.0
HURRY = 0.1
"""Seconds that closing may take where nothing will be sent anyway."""

XADD = "synchronous XADD, broker up"


class Times(NamedTuple):
    """How long calls took, in microseconds: what a half, 99 and 999 of 1,000 do not pass."""

    median: float
    slow: float
    slowest: float


PARTS = {"median": "median", "slow": "99th percentile", "slowest": "99.9th percentile"}
"""In words, by the name in ``Times``."""

Calls = Sequence[Callable[[], Any]]

ALONE, TOGETHER, READ = "alert() alone", f"alert(), {BURST} at once", "value(name, unit) alone"


def measure(bench: Workbench) -> Iterator[Comparison]:
    """Alerts with twelve features, and values of units; then reads without a pause."""
    version = first_version(load_registry(REGISTRY))
    with connect(bench.url) as redis:
        redis.set(snapshot_key(version.strategy), msgspec.json.encode(version))
        yield from _in_all_conditions(bench, redis, version)
    yield from _reading(bench, version)


def _in_all_conditions(bench: Workbench, redis: Redis, version: Version) -> Iterator[Comparison]:
    sample = alerts(bench.count(CALLS))
    bodies: list[dict[Any, Any]] = [{"event": encode(envelope)} for envelope in sample]

    appends = [partial(redis.xadd, AlertRaised.type, body) for body in bodies]

    def synchronous() -> dict[str, Times]:
        alone = _alone(appends)
        return {ALONE: alone, TOGETHER: _together(appends), READ: alone}

    found: dict[str, list[tuple[dict[str, Times], dict[str, Times]]]] = {one.__name__: [] for one in CONDITIONS}
    for number in range(bench.runs):  # all by turns: within minutes a machine changes its speed more than they differ
        for condition in CONDITIONS:
            name = condition.__name__
            bench.tell(f"broker {name}, run {number + 1} of {bench.runs}")
            found[name].append(_met(bench, condition, f"{name}-{number}", version, sample, synchronous))
    for name, pairs in found.items():
        for what in (ALONE, TOGETHER, READ):
            for part, words in PARTS.items():
                figures = [(getattr(ours[what], part), getattr(theirs[what], part)) for ours, theirs in pairs]
                yield comparison(f"{what}, broker {name}, {words}", XADD, unit="µs", pairs=figures)
    for what in (ALONE, TOGETHER, READ):
        by_turn = zip(*([ours[what].median for ours, _ in pairs] for pairs in found.values()), strict=True)
        spread = [(max(figures), min(figures)) for figures in by_turn]
        yield comparison(f"{what}, the slowest median of six", "the fastest", unit="µs", pairs=spread)


def _met(
    bench: Workbench,
    condition: Condition,
    name: str,
    version: Version,
    sample: Sequence[Envelope],
    synchronous: Callable[[], dict[str, Times]],
) -> tuple[dict[str, Times], dict[str, Times]]:
    """Ours and the synchronous ones, once the clients have been in the condition for as long as a run takes."""
    folder = bench.folder / name
    folder.mkdir()
    with ExitStack() as stack:
        met = stack.enter_context(condition(bench.url, folder))
        publisher, params = _clients(met.url, version)
        stack.callback(publisher.close, HURRY)
        stack.callback(params.close, HURRY)
        met.begins()
        told = [_alert(publisher, envelope) for envelope in sample]
        read = [partial(params.value, NAME, unit) for _, unit in zip(sample, cycle(UNITS), strict=False)]
        _ours(told, read)
        gc.collect()
        return _ours(told, read), synchronous()


def _ours(told: Calls, read: Calls) -> dict[str, Times]:
    return {ALONE: _alone(told), TOGETHER: _together(told), READ: _alone(read)}


def _clients(url: str, version: Version) -> tuple[EventPublisher, ParameterClient]:
    """Both of a trading process; where the broker answers, they have heard of it."""
    publisher = EventPublisher(url, source="scanner", switches=Switches(apply=True))
    params = ParameterClient(url, defaults=dict(version.values), strategy=version.strategy, publisher=publisher)
    params.start()
    params.wait_ready(1.0)
    return publisher, params


def _alert(publisher: EventPublisher, envelope: Envelope) -> Callable[[], object]:
    alert: AlertRaised = envelope.data
    return lambda: publisher.alert(
        symbol=alert.symbol,
        score=alert.score,
        features=alert.features,
        price=alert.price,
        regime=alert.regime,
        confidence=alert.confidence,
    )


def _alone(calls: Calls) -> Times:
    times = []
    for call in calls:
        time.sleep(PAUSE)
        times += _taken([call])
    return _parts(times)


def _together(calls: Calls) -> Times:
    times = []
    for place in range(0, len(calls), BURST):
        time.sleep(BURST_PAUSE)
        times += _taken(calls[place : place + BURST])
    return _parts(times)


def _taken(calls: Calls) -> list[float]:
    times = []
    for call in calls:
        started = time.perf_counter_ns()
        call()
        times.append((time.perf_counter_ns() - started) / 1_000)
    return times


def _parts(times: list[float]) -> Times:
    return Times(*map(float, np.percentile(times, (50, 99, 99.9))))


def _reading(bench: Workbench, version: Version) -> Iterator[Comparison]:
    values = dict(version.values)
    params = ParameterClient(
        bench.url, defaults=values, strategy=version.strategy, switches=Switches(apply=True), client_id="bench"
    )
    params.start()
    assert params.wait_ready(READY), params.stats()
    assert params.snapshot().version == str(version.id), params.stats()
    reads, numbers = bench.count(READS), count()

    def plain() -> None:
        for _ in range(reads):
            values[NAME]

    def item() -> None:
        for _ in range(reads):
            params[NAME]

    def value() -> None:
        for _ in range(reads):
            params.value(NAME)

    def value_of(units: Iterable[str]) -> None:
        for unit in units:
            params.value(NAME, unit)

    known = (UNITS * (1 + reads // len(UNITS)))[:reads]

    def of_new_units() -> float:
        new = [unit_of(f"S{next(numbers)}", "2024-02-01") for _ in range(reads)]
        return 1e9 / rate(reads, partial(value_of, new))

    for what, read in (
        ("params.__getitem__(name)", lambda: 1e9 / rate(reads, item)),
        ("value(name)", lambda: 1e9 / rate(reads, value)),
        ("value(name, a unit that asks again)", lambda: 1e9 / rate(reads, partial(value_of, known))),
        ("value(name, a new unit)", of_new_units),
    ):
        yield bench.compare(
            what,
            "a dictionary read",
            unit="ns",
            ours=read,
            baseline=lambda: 1e9 / rate(reads, plain),
            times=OFTEN,
        )
    params.close()
