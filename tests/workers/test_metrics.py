"""What Prometheus fetches."""

import re
import socket
import urllib.request

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from schemas.reports import HealthState
from tests.docs.pages import rows
from workers.checks.reading import Figure, Reading, Reason
from workers.metrics import LOOKED, METRICS, SINCE, STATE, Metrics, MetricsNotServed, serve

SHOWN = {
    "broker": (Reading("broker", (), (Figure("broker_memory_bytes", 7.0),)), 5_000_000),
    "outbox": (
        Reading(
            "outbox",
            (Reason("waits", "x", HealthState.CRITICAL),),
            (Figure("outbox_letters", 2, ("thompson",)), Figure("outbox_letters", 3, ("deployment",))),
        ),
        6_000_000,
    ),
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def served():
    shown = dict(SHOWN)
    port = free_port()
    close = serve(Metrics(lambda: shown, clock=lambda: 9_000_000), f"127.0.0.1:{port}")
    yield shown, port
    close()


def fetched(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return {(sample.name, *sample.labels.values()): sample.value for one in families for sample in one.samples}


def test_states_beginnings_and_figures_are_served(served):
    _, port = served
    assert {
        ("learning_health_state", "broker"): 0,
        ("learning_health_state", "outbox"): 2,
        ("learning_health_since_timestamp_seconds", "broker"): 5,
        ("learning_health_since_timestamp_seconds", "outbox"): 6,
        ("learning_health_looked_timestamp_seconds",): 9,
        ("learning_broker_memory_bytes",): 7,
        ("learning_outbox_letters", "thompson"): 2,
        ("learning_outbox_letters", "deployment"): 3,
    } == fetched(port)


def test_every_fetch_shows_what_is_so_now(served):
    shown, port = served
    shown.clear()
    assert {("learning_health_looked_timestamp_seconds",)} == set(fetched(port))


def test_a_port_that_is_taken_is_said_and_nothing_else_happens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(MetricsNotServed, match="metrics_address"):
            serve(Metrics(dict, clock=lambda: 1), f"127.0.0.1:{taken.getsockname()[1]}")


def test_an_impossible_port_is_said():
    with pytest.raises(MetricsNotServed):
        serve(Metrics(dict, clock=lambda: 1), "127.0.0.1:99999")


def test_names_follow_the_conventions_and_say_their_unit():
    registry = CollectorRegistry()
    registry.register(Metrics(dict, clock=lambda: 1))
    for family in registry.collect():
        assert re.fullmatch(r"learning_[a-z]+(_[a-z]+)*", family.name)
        assert family.documentation
        for unit in ("age", "offset"):
            assert f"_{unit}" not in family.name or family.name.endswith("_seconds")


def test_the_page_lists_every_metric_with_its_labels():
    told = {row[0].strip("`"): row[1] for row in rows("docs/health.md", header="metric")}
    real = {f"learning_{name}": ", ".join(f"`{label}`" for label in metric.labels) for name, metric in METRICS.items()}
    real |= {f"learning_{STATE}": "`part`", f"learning_{SINCE}": "`part`", f"learning_{LOOKED}": ""}
    assert real == told
