"""The calls of an old learner: what they tell, what they answer, and what they never do."""

import math
import os
import socket
import threading
import warnings

import msgspec
import pytest
from learning_client import EventPublisher, ParameterClient, Switches
from learning_client.compat import Learner, Published
from learning_client.compat.tracker import features
from learning_client.testing import MemoryBroker

from events.codec import decode, encode
from schemas.event import Envelope
from schemas.reports import CycleCompleted, HealthOverview, HealthReported, HealthState
from schemas.version import Version
from tests.client.brokers import NOW

pytestmark = pytest.mark.filterwarnings("ignore:.*of the old learner:DeprecationWarning")

BREAKDOWN = {"technical": {"rsi": 61.5, "squeeze on": 0.4}, "theme": {"heat": 3}, "lone": 7.0}


def told(broker, publisher, kind):
    """The events of a type as the engine decodes them: refused ones raise."""
    assert publisher.flush(10.0)
    entries = broker.redis.xrange(kind)
    return [decode(fields, stream=kind, entry=entry.decode(), now=2 * NOW).data for entry, fields in entries]


def splitting(version, number):
    arms = [{"values": {"threshold": 0.8}, "share": 500}, {"values": {"threshold": 0.7}, "share": 9_500}]
    allocation = {"id": "t", "layer": "t", "purpose": "explore", "parameters": ["threshold"], "arms": arms}
    plain = msgspec.to_builtins(version(number))
    del plain["checksum"]
    return msgspec.convert({**plain, "allocations": [allocation]}, Version)


def in_force(broker, params, eventually, version):
    broker.publish(version)
    params.start()
    eventually(lambda: params.snapshot().version == str(version.id))


def test_an_alert_and_its_outcomes_are_taken_in_as_fractions(learner, broker, publisher):
    alert = learner.record_alert_with_params("AAPL", 83, BREAKDOWN, market_regime="risk on")
    assert learner.update_alert_outcome(alert, {"1d": 3.2, "3d": -5.1, "5d": None, "30d": math.nan})
    [seen] = told(broker, publisher, "alert.raised")
    assert (alert, "AAPL", 0.83, "risk_on") == (seen.alert_id, seen.symbol, seen.score, seen.regime)
    assert {"technical.rsi": 61.5, "technical.squeeze_on": 0.4, "theme.heat": 3.0, "lone": 7.0} == seen.features
    followed = told(broker, publisher, "outcome.observed")
    assert [(alert, "1d", 0.032), (alert, "3d", -0.051)] == [
        (each.alert_id, each.horizon, each.return_) for each in followed
    ]


def test_the_tracker_tells_the_same(learner, broker, publisher):
    tracker = learner.get_outcome_tracker()
    alert = tracker.record_alert("MSFT", 50.0, {"threshold": 0.6}, {"news": {"count": 2}}, "unknown")
    assert tracker.update_outcome(alert, {"close": 1.0})
    [seen] = told(broker, publisher, "alert.raised")
    assert (0.5, None, {"news.count": 2.0}) == (seen.score, seen.regime, seen.features)
    [outcome] = told(broker, publisher, "outcome.observed")
    assert (alert, "close", 0.01) == (outcome.alert_id, outcome.horizon, outcome.return_)


def test_values_are_those_in_force_and_an_unknown_name_raises_as_it_did(learner, broker, params, version, eventually):
    assert 0.6 == learner.get_parameter("threshold")
    in_force(broker, params, eventually, version(1, threshold=0.8))
    assert 0.8 == learner.get_parameter("threshold") == learner.get_registry().get("threshold")
    expected = {"threshold": 0.8, "hold": 20, "style": "calm"}
    assert expected == learner.get_parameters_snapshot() == learner.get_registry().get_snapshot()
    for call in (learner.get_parameter, learner.get_registry().get, learner.get_registry().get_with_metadata):
        with pytest.raises(KeyError):
            call("treshold")


def test_an_alert_bears_the_version_where_its_values_were_used_for_certain(
    learner, broker, publisher, params, version, eventually
):
    in_force(broker, params, eventually, version(1, threshold=0.8))
    tracker = learner.get_outcome_tracker()
    learner.record_alert_with_params("A", 50, {})
    tracker.record_alert("B", 50, {"threshold": 0.8, "another": 4}, {})
    tracker.record_alert("C", 50, {"threshold": 0.75}, {})
    assert ["1-1", "1-1", None] == [each.params_version for each in told(broker, publisher, "alert.raised")]


def test_an_alert_bears_no_version_that_splits_units_for_the_old_calls_do_not_read_by_unit(
    learner, broker, publisher, params, version, eventually
):
    in_force(broker, params, eventually, splitting(version, 1))
    learner.record_alert_with_params("A", 50, {})
    assert [None] == [each.params_version for each in told(broker, publisher, "alert.raised")]


def test_metadata_says_what_is_known_here_and_nothing_else(learner, broker, params, version, eventually):
    in_force(broker, params, eventually, splitting(version, 1))
    registry = learner.get_registry()
    one, other = registry.get_with_metadata("threshold"), registry.get_with_metadata("hold")
    assert (0.7, 0.6, 0.5, 0.9, "experimenting") == (
        one.current_value,
        one.default_value,
        one.min_value,
        one.max_value,
        one.status,
    )
    assert (20, 10, None, "deployed") == (other.current_value, other.default_value, other.max_value, other.status)
    assert (None, None, None) == (one.confidence, one.learned_from_samples, one.category)
    assert ["style"] == [each.name for each in registry.get_by_status("static")]
    counts = registry.get_statistics()
    assert (3, 1, 1, None, None) == (
        counts["total"],
        counts["learned"],
        counts["static"],
        counts["avg_samples"],
        counts["avg_confidence"],
    )


def test_nothing_is_set_and_no_experiment_is_begun_from_here(learner, broker, publisher):
    assert learner.get_registry().set("threshold", 0.9, reason="I like it") is False
    assert 0.6 == learner.get_parameter("threshold")
    assert learner.create_experiment("threshold", [0.5, 0.6]) is None
    assert {"compat set", "compat create_experiment"} == {
        kind.removeprefix("EventPublisher, ") for kind in publisher.stats().troubles
    }
    assert publisher.flush(10.0)
    assert [] == broker.redis.keys("*propos*")


def test_an_allocation_in_force_is_an_experiment_of_which_the_figures_are_not_known(
    learner, broker, params, version, eventually
):
    assert learner.get_experiment_status("t") is None
    in_force(broker, params, eventually, splitting(version, 1))
    known = learner.get_experiment_status("t")
    assert ("threshold", "running", [0.8, 0.7], 0.7) == (
        known["parameter"],
        known["status"],
        known["variants"],
        known["control_value"],
    )
    unknown = ("variant_stats", "total_samples", "winner", "p_value", "improvement")
    assert [None] * 5 == [known[name] for name in unknown]
    assert learner.get_experiment_status("another") is None


def test_status_tells_the_version_and_what_changed(learner, broker, params, version, eventually):
    in_force(broker, params, eventually, version(1, threshold=0.8))
    status = eventually(lambda: (found := learner.get_learning_status())["recent_changes"] and found)
    assert ("1-1", "live") == (status["version"], status["standing"])
    assert {"threshold": (0.6, 0.8), "hold": (10, 20)} == {
        each["parameter"]: (each["old_value"], each["new_value"]) for each in status["recent_changes"]
    }
    assert (3, 2, 1) == tuple(status["parameters"][name] for name in ("total", "learned", "static"))


def health_told(broker, at):
    parts = [
        HealthReported(part="store", state=HealthState.HEALTHY, counts={"rows": 7}),
        HealthReported(part="trading", state=HealthState.DEGRADED, reasons=["it is late", "it drops"]),
    ]
    broker.redis.set("health:overview", msgspec.json.encode(HealthOverview(at=at, parts=parts)))


def test_health_is_what_was_published_last_with_its_age(learner, broker, publisher, params, published, eventually):
    health_told(broker, NOW)
    eventually(lambda: published.health)
    later = Learner(publisher, params, published, clock=lambda: NOW + 90_000_000)
    check, summary = later.run_health_check(), later.get_health_summary()
    assert ("degraded", 90.0, {"store.rows": 7}) == (check["status"], check["age_seconds"], check["metrics"])
    assert [("degraded", "trading: it is late"), ("degraded", "trading: it drops")] == [
        (each["severity"], each["message"]) for each in check["issues"]
    ]
    assert ("degraded", 2, 0, 1, 1, 90.0) == tuple(
        summary[name]
        for name in (
            "overall_status",
            "checks_performed",
            "critical_count",
            "degraded_count",
            "healthy_count",
            "age_seconds",
        )
    )
    assert summary == later.get_learning_status()["health"]


def test_what_was_never_published_is_unknown_and_no_number(learner, published, eventually):
    eventually(lambda: published.unknown.startswith("the engine has published"))
    assert ("unknown", None) == (learner.run_health_check()["status"], learner.run_health_check()["age_seconds"])
    summary = learner.get_health_summary()
    assert {None} == {summary[name] for name in summary if name.endswith(("_count", "_performed", "_seconds"))}
    assert "published nothing" in summary["reason"]
    assert "published nothing" in learner.run_optimization_cycle()["reason"]
    performance = learner.get_outcome_tracker().get_parameter_performance("threshold")
    assert {None} == {value for name, value in performance.items() if name != "reason"}
    assert "learning export" in performance["reason"]


def cycle(session, *, strategy="main"):
    data = CycleCompleted(
        strategy=strategy,
        cycle_id=f"{strategy}/{session}",
        kind="daily",
        session=session,
        cut=1,
        proposals=[f"p-{session}"],
        stages=[],
        report=f"of {session}",
    )
    return {"event": encode(Envelope(source="engine", id=data.cycle_id, time=NOW, data=data))}


def test_a_cycle_is_not_run_but_what_the_newest_proposed_is_told(
    learner, publisher, params, broker, published, eventually
):
    for told_cycle in (cycle("2024-01-30"), cycle("2024-01-31"), cycle("2024-02-01", strategy="other")):
        broker.redis.xadd("cycle.completed", told_cycle)
    told_last = eventually(lambda: (last := learner.run_optimization_cycle())["session"] == "2024-01-31" and last)
    assert (["p-2024-01-31"], [], []) == tuple(told_last[name] for name in ("recommendations", "applied", "rejected"))
    assert ("of 2024-01-31", "2023-11-14T22:13:20.000000Z") == (told_last["report"], told_last["timestamp"])
    later = Learner(publisher, params, published, clock=lambda: NOW + 3_600_000_000)
    assert 3_600.0 == later.run_optimization_cycle()["age_seconds"]
    broker.redis.xadd("cycle.completed", cycle("2024-02-02"))
    eventually(lambda: learner.run_optimization_cycle()["session"] == "2024-02-02")


def test_a_broken_word_of_the_engine_leaves_the_last_good_one(learner, broker, published, eventually):
    health_told(broker, NOW)
    eventually(lambda: published.health)
    broker.redis.set("health:overview", b'{"at": "noon"}')
    broker.redis.xadd("cycle.completed", {"event": b"\xff"})
    broker.redis.xadd("cycle.completed", cycle("2024-01-31"))
    eventually(lambda: published.cycle)
    eventually(lambda: published._troubles.counts()["what the engine published has an unknown shape"] > 2)
    assert "degraded" == learner.run_health_check()["status"]


def test_a_user_who_may_not_read_the_status_is_told_so_and_the_rest_works(broker, published, learner, eventually):
    broker.redis.acl_setuser("blind", enabled=True, nopass=True, commands=["+@all"], keys=["params*"])
    blind = Published(broker.url.replace("redis://", "redis://blind:x@"), switches=Switches())
    blind.start()
    try:
        eventually(lambda: "may not read" in blind.unknown)
        assert blind.health is None
    finally:
        blind.close(2.0)
        broker.redis.acl_deluser("blind")


def test_a_forked_child_goes_on_asking(broker, published, learner, eventually):
    health_told(broker, NOW)
    eventually(lambda: published.health)
    if not (child := os.fork()):
        status = 1
        try:
            health_told(broker, NOW + 1)
            eventually(lambda: published.health.at == NOW + 1)
            status = 0
        finally:
            os._exit(status)
    assert 0 == os.waitpid(child, 0)[1]


def test_a_bot_is_tried_with_the_broker_in_memory(eventually):
    broker = MemoryBroker()
    events = EventPublisher(broker.url, source="bot", switches=Switches())
    published = Published(broker.url, switches=events.switches)
    published.start()
    learner = Learner(events, ParameterClient(broker.url, defaults={"threshold": 0.6}, publisher=events), published)
    eventually(lambda: "published nothing" in (learner.get_health_summary()["reason"] or ""))
    alert = learner.record_alert_with_params("AAPL", 83, {})
    assert events.flush(10.0)
    assert [alert] == [event["data"]["alert_id"] for event in broker.events("alert.raised")]
    assert published.close(2.0)
    assert events.close(2.0)


WRONG = [
    lambda learner: learner.record_alert_with_params(None, None, None),
    lambda learner: learner.record_alert_with_params("AAPL", math.nan, {}),
    lambda learner: learner.record_alert_with_params("AAPL", 8_300, {}),
    lambda learner: learner.record_alert_with_params("AAPL", 83, [1, 2]),
    lambda learner: learner.record_alert_with_params(),
    lambda learner: learner.get_outcome_tracker().record_alert("", 5),
]


@pytest.mark.parametrize("call", WRONG)
def test_a_wrong_alert_is_not_told_and_its_id_is_text_all_the_same(learner, broker, publisher, call):
    alert = call(learner)
    assert alert.startswith("untold-")
    assert learner.update_alert_outcome(alert, {"1d": 3.0}) is False
    assert [] == told(broker, publisher, "alert.raised") + told(broker, publisher, "outcome.observed")
    assert publisher.stats().troubles


@pytest.mark.parametrize("outcomes", [None, [], {"tomorrow": 3.0}, {"1d": "3.2"}, {"1d": True}, {3: 3.0}])
def test_outcomes_that_are_none_are_not_told(learner, broker, publisher, outcomes):
    assert learner.update_alert_outcome("a-1", outcomes) is False
    assert [] == told(broker, publisher, "outcome.observed")


def test_features_leave_out_what_is_no_number():
    assert {"a.b": 1.0} == features({"a": {"b": 1, "c": None, "d": "2", "e": math.inf, "f": True}, "g": "h"})


def test_nothing_is_told_while_collecting_is_off_and_outcomes_say_so(broker):
    with_off = EventPublisher(broker.url, source="scanner", switches=Switches(collect=False))
    learner = Learner(with_off, ParameterClient(broker.url, defaults={"threshold": 0.6}, publisher=with_off))
    assert learner.record_alert_with_params("AAPL", 83, {}).startswith("untold-")
    assert learner.update_alert_outcome("a-1", {"1d": 3.0}) is False
    with_off.close(1.0)


@pytest.fixture
def offline(monkeypatch):
    """A learner whose broker is dead, on a thread that may not touch a socket or open a file."""
    url = "redis://127.0.0.1:1/0"
    publisher = EventPublisher(url, source="scanner", switches=Switches())
    published = Published(url, switches=publisher.switches)
    published.start()
    learner = Learner(publisher, ParameterClient(url, defaults={"threshold": 0.6}, publisher=publisher), published)
    mine, connect, opened = threading.get_ident(), socket.socket.connect, open

    def guard(allowed):
        def call(*words, **more):
            assert threading.get_ident() != mine, f"{words} on the caller's thread"
            return allowed(*words, **more)

        return call

    monkeypatch.setattr("socket.socket.connect", guard(connect))
    monkeypatch.setattr("builtins.open", guard(opened))
    yield learner
    monkeypatch.undo()
    publisher.close(0.1)
    published.close(0.1)


def test_no_call_touches_a_socket_or_a_file(offline):
    registry, tracker = offline.get_registry(), offline.get_outcome_tracker()
    alert = offline.record_alert_with_params("AAPL", 83, BREAKDOWN)
    assert offline.update_alert_outcome(alert, {"1d": 1.0})
    assert tracker.update_outcome(tracker.record_alert("AAPL", 83, {}, BREAKDOWN, "bull"), {"1d": 1.0})
    assert 0.6 == offline.get_parameter("threshold") == registry.get("threshold")
    assert [] == tracker.get_recent_outcomes() == tracker.get_outcomes_for_parameter("threshold")
    assert ["threshold"] == list(registry.get_all())
    assert [] == registry.get_by_category("scoring_weight")
    for answer in (
        offline.run_health_check(),
        offline.get_health_summary(),
        offline.run_optimization_cycle(),
        offline.get_learning_status(),
        registry.get_statistics(),
    ):
        assert msgspec.json.encode(answer)
    assert "not heard" in offline.get_health_summary()["reason"]


@pytest.mark.filterwarnings("default::DeprecationWarning")
def test_each_call_site_is_warned_once_and_told_what_to_use_instead(learner):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        for _ in range(3):
            learner.get_parameter("threshold")
        learner.get_parameter("threshold")
        learner.get_registry().get("threshold")
    texts = [str(each.message) for each in seen]
    assert 4 == len(texts)
    assert {__file__} == {each.filename for each in seen}
    assert {DeprecationWarning} == {each.category for each in seen}
    assert "get_parameter() is of the old learner: read ParameterClient" == texts[0]


def test_a_warning_that_is_made_an_error_does_not_reach_trading(learner, publisher):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 0.6 == learner.get_parameter("threshold")
        assert not learner.record_alert_with_params("AAPL", 83, {}).startswith("untold-")
    assert 1 == publisher.stats().troubles["EventPublisher, compat get_parameter"]
