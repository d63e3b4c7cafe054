"""What it costs when bars complete what waits for them: 5,000 alerts at five horizons, against bare updates."""

import time
from collections.abc import Iterator, Sequence

from bench.comparison import Comparison
from bench.stores import Stores, driven, opened
from bench.tape import Tape
from bench.workbench import Workbench
from schemas.event import Envelope
from schemas.parameters import Market, Registry
from store.store import Store
from workers.attribution import Attribution
from workers.clock import wall_clock
from workers.garbage import collect, collected_between_turns

SYMBOLS = 250
SESSIONS = 20
"""One alert a symbol and session: 5,000."""

HORIZONS = 5
BATCH = 10_000
"""The largest that the settings allow: a backlog."""
REGISTRY = Registry(market=Market())


def measure(bench: Workbench) -> Iterator[Comparison]:
    """All bars come after the alerts, session by session, and complete every example at every horizon."""
    tape = Tape(symbols=bench.count(SYMBOLS), sessions=SESSIONS)
    stores = Stores(bench.folder)
    waiting = tape.alerts_of(SESSIONS)
    bars = tape.bars_of(SESSIONS + 31)
    count = len(waiting) * HORIZONS
    yield bench.compare(
        f"{count:,} examples matured by {len(bars):,} bars",
        "bare executemany of as many updates",
        unit="ms",
        ours=lambda: _matured(stores, waiting, bars, count=count),
        baseline=lambda: _updated(stores, count),
    )


def worker(store: Store) -> Attribution:
    """The worker on a registry without parameters: what is measured is the join."""
    registries = {REGISTRY.strategy: REGISTRY}
    return Attribution(store, registries=registries, clock=wall_clock, on_settled=lambda *_: None)


def taken(attribution: Attribution, store: Store, events: Sequence[Envelope], *, batch: int = BATCH) -> float:
    """How many seconds the worker takes for the events, commits included; the collector as in its process."""
    with collected_between_turns():
        started = time.perf_counter()
        for place in range(0, len(events), batch):
            with store.begin() as work:
                assert not attribution.handle(work, events[place : place + batch])
                work.commit()
            collect()
        return time.perf_counter() - started


def _matured(stores: Stores, waiting: Sequence[Envelope], bars: Sequence[Envelope], *, count: int) -> float:
    with stores.fresh() as file, opened(file) as store:
        attribution = worker(store)
        taken(attribution, store, waiting)
        seconds = taken(attribution, store, bars)
        with driven(file) as connection:
            [matched] = connection.execute("SELECT count(*) FROM examples WHERE state = 'matched'").fetchone()
        assert matched == count, (matched, count)
    return 1e3 * seconds


def _updated(stores: Stores, count: int) -> float:
    """As many rows of nine figures set as examples mature, in batches of the same size."""
    with stores.fresh() as file, driven(file) as connection:
        connection.execute(
            "CREATE TABLE bare (id INTEGER PRIMARY KEY, a REAL, b REAL, c REAL, d REAL, e REAL, f REAL, g REAL, h TEXT)"
        )
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO bare (id) VALUES (?)", ((place,) for place in range(count)))
        connection.execute("COMMIT")
        rows = [(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, "matched", place) for place in range(count)]
        started = time.perf_counter()
        for place in range(0, count, BATCH):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "UPDATE bare SET a=?, b=?, c=?, d=?, e=?, f=?, g=?, h=? WHERE id=?", rows[place : place + BATCH]
            )
            connection.execute("COMMIT")
        return 1e3 * (time.perf_counter() - started)
