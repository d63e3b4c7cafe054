"""What the RQ queue ``learning`` runs. Arguments are plain JSON values."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import structlog
from redis import Redis
from sqlalchemy import Connection

from events.connection import connect
from events.consumers import forget_gone
from events.drain import drain
from events.heartbeat import heartbeats
from events.trim import trim
from scheduler.run import OWNER, CycleRun
from schemas.catalogue import EVENTS
from schemas.cycles import DAILY, KINDS, WEEKLY, kinds_after, last_of_week
from schemas.errors import EngineError
from schemas.groups import GROUPS
from schemas.parameters import Registry
from schemas.registries import load_registries
from schemas.settings import Settings, settings_from
from store.cycles import Cycles
from store.errors import StoreError
from store.mailbag import Mailbag
from store.sessions import Sessions
from store.store import Store

log = structlog.get_logger()


DAY_MS = 86_400 * 1_000
MEGABYTE = 2**20


class UnknownCycle(EngineError):
    """A strategy or kind of cycle that this deployment does not have."""


class Engine(NamedTuple):
    """What a job works with, opened for one job and closed after it."""

    settings: Settings
    registries: dict[str, Registry]
    store: Store
    broker: Redis


def warm() -> None:
    """Do once in the parent what every forked job would do again: read registries, build calendars, compile queries.

    A store that is not there yet is no reason not to start: then the first job does it.
    """
    folder = Path.cwd()
    settings = settings_from(os.environ, folder=folder)
    store = _store(settings.store_url)
    for registry in _registries(tuple(settings.registries), folder).values():
        try:
            for kind in KINDS:
                _cycle(kind, store, registry, settings).rehearse()
        except StoreError as error:
            log.info("cycles.not_warm", error=str(error))
    store.close()


def run_cycle(strategy: str, kind: str, session: str) -> str:
    """Run one cycle, once: asked a second time it says so and changes nothing.

    Raises:
        UnknownCycle: the strategy or the kind is not one of this deployment, or the session asks for no such cycle.
        CycleNotReady: the session is not settled, or not all of its examples are counted.
    """
    with _engine() as engine:
        return _run(engine, strategy, kind, session)


def due() -> list[str]:
    """Run every cycle that is open: settled sessions whose cycle was asked for and lost, or never asked for.

    Of weekly cycles that is the newest only: it looks back on all that an older one would.
    """
    with _engine() as engine:
        with engine.store.read() as reading:
            unfinished = [(one.strategy, DAILY, one.session) for one in Sessions(reading).unfinished(DAILY)]
            for strategy, registry in engine.registries.items():
                if registry.learners and (session := _open_week(reading, registry)) is not None:
                    unfinished.append((strategy, WEEKLY, session))
        told = [_run(engine, *each) for each in unfinished if each[0] in engine.registries]
        _send(engine)
        return told


def _open_week(reading: Connection, registry: Registry) -> str | None:
    """The session that ended the newest week of which all is settled, where its weekly cycle has not run."""
    newest = Sessions(reading).latest(registry.strategy)
    session = last_of_week(registry, newest.session) if newest else None
    if session is None or Sessions(reading).get(registry.strategy, session) is None:
        return None
    return session if Cycles(reading).finished(registry.strategy, WEEKLY, session) is None else None


def tidy() -> dict[str, int]:
    """Shorten the streams behind their slowest group, by time and by memory, and forget consumers that are gone; how
    many entries went, by stream."""
    with _engine() as engine:
        gone = trim(
            engine.broker,
            list(EVENTS),
            prefix=engine.settings.prefix,
            keep_ms=round(engine.settings.keep_days * DAY_MS),
            keep_bytes=round(engine.settings.keep_megabytes * MEGABYTE),
            ours=GROUPS,
        )
        log.info("streams.trimmed", **{name: count for name, count in gone.items() if count})
        forgotten = forget_gone(
            engine.broker,
            list(EVENTS),
            groups=GROUPS,
            living=heartbeats(engine.broker, prefix=engine.settings.prefix),
            idle_ms=DAY_MS,
            prefix=engine.settings.prefix,
        )
        log.info("consumers.forgotten", count=forgotten)
        return gone


def _run(engine: Engine, strategy: str, kind: str, session: str) -> str:
    if strategy not in engine.registries or kind not in KINDS:
        raise UnknownCycle(
            f"no cycle {kind!r} of strategy {strategy!r} here; "
            f"strategies: {sorted(engine.registries)}, kinds: {list(KINDS)}"
        )
    if kind not in kinds_after(engine.registries[strategy], session):
        raise UnknownCycle(
            f"session {session} asks for no {kind} cycle of strategy {strategy!r}: it runs after the last session "
            "of an ISO week, where the registry has a [[learner]]"
        )
    # A week is learned from when its last day is done: so the gate hears of both in one order, whoever runs them.
    for each in KINDS[: KINDS.index(kind) + 1]:
        ran = _cycle(each, engine.store, engine.registries[strategy], engine.settings).run(session)
    _send(engine)
    return f"{kind} {strategy} {session}: {'done' if ran else 'was done before'}"


def _send(engine: Engine) -> None:
    drain(engine.broker, Mailbag(engine.store, OWNER), prefix=engine.settings.prefix)


@contextmanager
def _engine() -> Iterator[Engine]:
    folder = Path.cwd()
    settings = settings_from(os.environ, folder=folder)
    broker = connect(settings.redis_url)
    store = _store(settings.store_url)
    try:
        yield Engine(settings, _registries(tuple(settings.registries), folder), store, broker)
    finally:
        store.close()
        broker.close()


def _cycle(kind: str, store: Store, registry: Registry, settings: Settings) -> CycleRun:
    # With the learners comes all of scipy, and who only asks what is due, as cron does, needs none of it.
    from scheduler.cycle_run import DailyRun  # noqa: PLC0415
    from scheduler.weekly_run import WeeklyRun  # noqa: PLC0415

    runs: Mapping[str, type[CycleRun]] = {DAILY: DailyRun, WEEKLY: WeeklyRun}
    return runs[kind](
        store,
        registry,
        stages=settings.stages if kind == DAILY else None,
        clock=_clock,
        timer=time.monotonic,
        pause=time.sleep,
    )


@cache
def _store(url: str) -> Store:
    """One a process, closed between jobs: what it has compiled stays, its connections do not cross a fork."""
    return Store.open(url, clock=_clock)


@cache
def _registries(files: tuple[str, ...], folder: Path) -> dict[str, Registry]:
    """Read once in a process: like every worker, one that runs cycles knows an edited registry when it starts anew."""
    return load_registries(files, folder=folder)


def _clock() -> int:
    return time.time_ns() // 1_000
