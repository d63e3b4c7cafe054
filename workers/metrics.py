"""The figures of health, as Prometheus fetches them."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.errors import EngineError
from workers.checks.reading import BADNESS, Reading

PREFIX = "learning_"


class Told(NamedTuple):
    """What a metric says, and the names of its labels."""

    help: str
    labels: tuple[str, ...] = ()


METRICS: Mapping[str, Told] = {
    "worker_alive": Told("Living processes of one line of the Procfile", ("worker",)),
    "worker_heartbeat_age_seconds": Told("Time since its last sign of life", ("worker",)),
    "queue_jobs": Told("Jobs that wait in an RQ queue", ("queue",)),
    "queue_failed_jobs": Told("Jobs that failed and are still remembered", ("queue",)),
    "group_unread_entries": Told("Entries that the group was not handed yet", ("group", "stream")),
    "group_oldest_unread_age_seconds": Told("Age of the oldest of them", ("group", "stream")),
    "group_pending_entries": Told("Entries handed out and not acknowledged", ("group", "stream")),
    "group_oldest_pending_age_seconds": Told("Age of the oldest of them", ("group", "stream")),
    "dead_letters_open": Told("Refused entries that nobody has retried or dropped", ("stream",)),
    "outbox_letters": Told("Letters that wait to be sent", ("owner",)),
    "outbox_oldest_age_seconds": Told("Age of the oldest of them", ("owner",)),
    "books_issues": Told("Sentences that do not add up in the last reconciliation", ("strategy",)),
    "broker_memory_bytes": Told("Memory that the broker uses"),
    "broker_memory_limit_bytes": Told("Memory that it may use, 0 where it does not say"),
    "store_size_bytes": Told("Size of the store"),
    "store_free_bytes": Told("Room left on its disk"),
    "store_commit_seconds": Told("Time that the last commit of health took, waiting included"),
    "client_report_age_seconds": Told("Time since a trading process reported last", ("client",)),
    "client_dropped_events": Told("Events that it has dropped since its start", ("client",)),
    "client_spooled_events": Told("Events that it has put aside on its disk", ("client",)),
    "client_queued_events": Told("Events that wait in its memory", ("client",)),
    "client_breaker_open": Told("1 while its breaker is not closed", ("client",)),
    "client_clock_offset_seconds": Told("By how much its clock is ahead of the broker's", ("client",)),
    "client_version_age_seconds": Told("Time since it took its version over", ("client",)),
}
"""What a look measures, by name without ``learning_``."""

STATE, SINCE, LOOKED = "health_state", "health_since_timestamp_seconds", "health_looked_timestamp_seconds"

Shown = Callable[[], Mapping[str, tuple[Reading, int]]]


class MetricsNotServed(EngineError):
    """Nothing can listen at the address that the settings name."""


class Metrics(Collector):
    """Makes the metrics anew at every fetch, out of what the last looks found."""

    def __init__(self, shown: Shown, *, clock: Callable[[], int]) -> None:
        self._shown = shown
        self._clock = clock

    def collect(self) -> Iterable[Metric]:
        """All of them; a part that cannot be looked at has none."""
        shown = self._shown()
        state = GaugeMetricFamily(PREFIX + STATE, "0 healthy, 1 degraded, 2 critical", labels=("part",))
        since = GaugeMetricFamily(PREFIX + SINCE, "Since when it is in that state", labels=("part",))
        for name, (reading, began) in shown.items():
            state.add_metric((name,), BADNESS[reading.state])
            since.add_metric((name,), began / 1e6)
        looked = GaugeMetricFamily(PREFIX + LOOKED, "When these figures were put together", value=self._clock() / 1e6)
        measured = {
            name: GaugeMetricFamily(PREFIX + name, told.help, labels=told.labels) for name, told in METRICS.items()
        }
        for reading, _ in shown.values():
            for figure in reading.figures:
                measured[figure.metric].add_metric(figure.labels, figure.value)
        return [state, since, looked, *measured.values()]


def serve(metrics: Metrics, address: str) -> Callable[[], None]:
    """Serve at ``HOST:PORT`` on a thread of its own; returns what ends it.

    Raises:
        MetricsNotServed: the port is taken, or the host is not one of this machine.
    """
    host, _, port = address.rpartition(":")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    try:
        server, thread = start_http_server(int(port), addr=host, registry=registry)
    except (OSError, OverflowError) as error:
        raise MetricsNotServed(
            f"no metrics are served at {address}: {error}; choose another metrics_address"
        ) from error

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join(1.0)

    return close
