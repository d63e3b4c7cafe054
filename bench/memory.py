"""What a worker needs of memory at the most, with 5,000,000 events waiting. Takes a quarter of an hour."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from redis import Redis

from bench import attribution, turn
from bench.backlog import Backlog
from bench.comparison import Comparison
from bench.crew import crew
from bench.samples import raised
from bench.stores import Stores
from bench.workbench import LeftOut, Workbench
from events.connection import connect
from schemas.event import Envelope

ALERTS, FEW = 5_000_000, 50_000
SYMBOLS, SESSIONS, FEW_SESSIONS = 1_000, 150, 2
"""Attribution has 500,000 alerts, decisions, outcomes and bars: more would take it hours, and gigabytes of disk."""


def measure(bench: Workbench) -> Iterator[Comparison]:
    """A worker's process that takes a whole backlog in, against one that takes in a hundredth of it; once each."""
    if not Path("/proc/self/status").exists():
        raise LeftOut("the peak memory of a process is read from /proc, which only Linux has")
    bench = replace(bench, runs=1)
    (bench.folder / "kept").mkdir()
    yield _compared(
        bench,
        "keeper",
        "one-table worker",
        Stores(bench.folder / "kept", turn.prepare),
        many=(raised(bench.count(ALERTS)), f"{bench.count(ALERTS):,} alerts"),
        few=(raised(bench.count(FEW)), f"{bench.count(FEW):,}"),
    )
    symbols, sessions = max(10, bench.count(SYMBOLS)), max(5, bench.count(SESSIONS))
    yield _compared(
        bench,
        "attribution",
        "attribution",
        Stores(bench.folder, attribution.deployment().open),
        many=(attribution.world(sessions, symbols=symbols).events(), f"{sessions} sessions of {symbols:,} symbols"),
        few=(attribution.world(FEW_SESSIONS, symbols=symbols).events(), f"{FEW_SESSIONS} sessions"),
    )


def _compared(
    bench: Workbench,
    group: str,
    name: str,
    stores: Stores,
    *,
    many: tuple[Iterable[Envelope], str],
    few: tuple[Iterable[Envelope], str],
) -> Comparison:
    with connect(bench.url) as redis:
        return bench.compare(
            f"peak memory of {name}, {many[1]} waiting",
            f"{few[1]} waiting",
            unit="MB",
            ours=lambda: _peak(bench, group, stores, redis, many[0]),
            baseline=lambda: _peak(bench, group, stores, redis, few[0]),
        )


def _peak(bench: Workbench, group: str, stores: Stores, redis: Redis, envelopes: Iterable[Envelope]) -> float:
    redis.flushall()
    backlog = Backlog(redis, envelopes)
    with (
        stores.fresh() as file,
        crew(group, count=1, redis=redis, url=bench.url, store_url=f"sqlite:///{file}", backlog=backlog) as alone,
    ):
        alone.drain()
        [pid] = alone.pids
        peak = _megabytes(pid)
        taken = alone.dismiss()
        assert taken == backlog.count, (taken, backlog.count)
    return peak


def _megabytes(pid: int) -> float:
    """The largest that its resident memory ever was."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [kibibytes] = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return kibibytes * 1024 / 1e6
