"""The one-table worker against frameworks that do only the same insert into SQLite, of the same alerts."""

from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple

from bench.backlog import Backlog
from bench.comparison import Comparison
from bench.drain import BATCH, drained
from bench.frameworks.alert_table import AlertTable
from bench.samples import alerts
from bench.stores import Stores, driven
from bench.turn import Keeper, prepare
from bench.workbench import LeftOut, Workbench
from events.codec import encode
from events.connection import connect

ALERTS = 20_000


class Framework(NamedTuple):
    """Who takes alerts in: its function, in which module here, and how many of them in a run."""

    name: str
    module: str
    function: str
    alerts: int


FRAMEWORKS = (
    Framework("FastStream, batches of 500", "faststream", "in_batches", 20_000),
    Framework("FastStream, one by one", "faststream", "one_by_one", 4_000),
    Framework("taskiq", "taskiq", "one_by_one", 3_000),
    Framework("arq", "arq", "one_by_one", 2_000),
    Framework("rq SimpleWorker", "rq", "one_by_one", 500),
)
"""Each for about a second."""


def measure(bench: Workbench) -> Iterator[Comparison]:
    """Rates, because the slower ones take fewer alerts in."""
    stores = Stores(bench.folder, prepare)
    sample = alerts(bench.count(ALERTS))
    bodies = [encode(envelope).decode() for envelope in sample]
    with connect(bench.url) as redis:
        backlog = Backlog(redis, sample)

        def ours() -> float:
            with stores.opened() as store:
                return drained(Keeper(), store, redis, backlog)

        for framework in FRAMEWORKS:
            some = bodies[: bench.count(framework.alerts)]
            yield bench.compare(
                f"one-table worker, batches of {BATCH}",
                framework.name,
                unit="events/s",
                ours=ours,
                baseline=lambda framework=framework, some=some: _rate(bench, stores, framework, some),  # type: ignore[misc]
            )


def _rate(bench: Workbench, stores: Stores, framework: Framework, bodies: list[str]) -> float:
    try:
        module = import_module(f"bench.frameworks.{framework.module}")
    except ModuleNotFoundError as missing:
        raise LeftOut(f"{missing}; `make bench` installs it, or pip with the extra `bench`") from missing
    with stores.fresh() as file, driven(file) as connection:
        table = AlertTable(connection)
        seconds = getattr(module, framework.function)(bench.url, bodies, table)
        assert table.count == len(bodies), (framework.name, table.count, len(bodies))
    return len(bodies) / float(seconds)
