"""Learned values arrive by themselves, whole and checked, and reading them never waits."""

import time

import msgspec
import pytest
from learning_client import Misuse, ParameterClient, Switches, unit_of
from msgspec import structs

from schemas.allocation import Allocation, Arm, Purpose
from tests.client.brokers import ON_REDIS

UNIT = unit_of("AAPL", "2024-01-31")


def split(*shares, name="threshold", label="explore.1-1"):
    arms = [Arm({name: 0.5 + place / 10}, share) for place, share in enumerate(shares)]
    return Allocation(id=label, layer="l", purpose=Purpose.EXPLORE, parameters=[name], arms=arms)


@pytest.fixture
def acknowledged(broker, eventually):
    """The numbers and refusals that the engine is told, once there are so many."""

    def told():
        return [(data["version"], data.get("refused")) for data in broker.told("params.applied")]

    def acknowledged(count):
        eventually(lambda: len(told()) >= count)
        return told()

    return acknowledged


@pytest.fixture
def running(broker, params, version):
    """A client that uses version 1-1."""
    broker.publish(version(1, threshold=0.7))
    params.start()
    assert params.wait_ready(10)
    assert "1-1" == params.snapshot().version
    return params


def test_before_anything_is_known_the_defaults_hold_and_the_reason_is_said(params):
    snapshot = params.snapshot(UNIT)
    assert {"threshold": 0.6, "hold": 10, "style": "calm"} == snapshot.values == snapshot.would_be
    assert ("default", None, UNIT) == (snapshot.origin, snapshot.version, snapshot.unit)
    assert "no version of the parameters has arrived" == snapshot.reason


def test_the_newest_version_is_there_at_the_start(running):
    assert {"threshold": 0.7, "hold": 20, "style": "calm"} == running.snapshot().values
    assert 0.7 == running["threshold"] == running.value("threshold", UNIT)
    assert "learned" == running.snapshot().origin


def test_what_was_published_before_the_start_is_not_gone_through_again(
    broker, params, version, eventually, acknowledged
):
    for number in (1, 2, 3):
        broker.publish(version(number), after=version(number - 1) if number > 1 else None)
    params.start()
    eventually(lambda: params.snapshot().version == "1-3")
    broker.publish(version(4), after=version(3))
    eventually(lambda: params.snapshot().version == "1-4")
    assert [(3, None), (4, None)] == acknowledged(2)


def test_an_update_is_taken_from_the_stream_at_once(broker, running, version, eventually, acknowledged):
    begin = time.monotonic()
    broker.publish(version(2, threshold=0.8), after=version(1, threshold=0.7))
    eventually(lambda: running["threshold"] == 0.8)
    assert time.monotonic() - begin < 4.0
    assert [(1, None), (2, None)] == acknowledged(2)
    assert "main" == broker.told("params.applied")[0]["strategy"]


def test_an_update_needs_no_snapshot_key_when_it_follows_what_is_in_memory(broker, running, version, eventually):
    broker.publish(version(2, threshold=0.8), after=version(1, threshold=0.7))
    broker.redis.delete("params:main:snapshot")
    eventually(lambda: running.snapshot().version == "1-2")
    assert 0.8 == running["threshold"]


def test_after_a_gap_the_whole_snapshot_is_read(broker, running, version, eventually, acknowledged):
    broker.publish(version(2, threshold=0.8), stream=False)
    broker.publish(version(3, threshold=0.85), after=version(2, threshold=0.8))
    eventually(lambda: running.snapshot().version == "1-3")
    assert 0.85 == running["threshold"]
    assert [(1, None), (3, None)] == acknowledged(2)


def test_updates_that_come_twice_are_passed_over_in_silence(broker, running, version, eventually, acknowledged):
    third, fourth, fifth, sixth = (version(number, threshold=0.8) for number in (3, 4, 5, 6))
    broker.publish(fourth, stream=False)
    broker.announce(third, after=version(2))
    eventually(lambda: running.snapshot().version == "1-4")
    for newer, older in ((fourth, third), (fifth, fourth), (fifth, fourth), (fourth, third), (sixth, fifth)):
        broker.announce(newer, after=older)
    eventually(lambda: running.snapshot().version == "1-6")
    assert [(1, None), (4, None), (5, None), (6, None)] == acknowledged(4)


def test_a_unit_gets_the_values_of_its_arm_and_always_the_same(broker, params, version):
    allocation = split(5000, 5000)
    broker.publish(version(1, threshold=0.7, allocations=[allocation]))
    params.start()
    params.wait_ready(10)
    for number in range(50):
        unit = unit_of(f"S{number}", "2024-01-31")
        arm = allocation.arm_of(unit).values
        assert arm["threshold"] == params.snapshot(unit)["threshold"] == params.value("threshold", unit)
        assert {allocation.id: arm} == params.snapshot(unit).assignments
    assert 0.7 == params["threshold"]
    assert {} == params.snapshot().assignments


def test_with_apply_off_the_defaults_hold_and_what_would_be_is_shown(broker, running, acknowledged):
    running.switches.apply = False
    snapshot = running.snapshot(UNIT)
    assert (0.6, 0.7) == (snapshot["threshold"], snapshot.would_be["threshold"])
    assert ("default", None, {}) == (snapshot.origin, snapshot.version, snapshot.assignments)
    assert "LEARNING_APPLY_PARAMETERS is off; version 1-1 is known" == snapshot.reason
    acknowledged(2)
    running.switches.apply = True
    assert 0.7 == running["threshold"]
    assert [None, "LEARNING_APPLY_PARAMETERS is off: the version is known and not used", None] == [
        refused for _, refused in acknowledged(3)
    ]


def test_with_the_integration_off_the_defaults_hold_and_the_broker_is_left_alone(broker, version, eventually):
    client = ParameterClient(broker.url, defaults={"threshold": 0.6}, switches=Switches(integration=False, apply=True))
    broker.publish(version(1))
    client.start()
    assert not client.wait_ready(0.2)
    assert (0.6, "LEARNING_INTEGRATION_ENABLED is off") == (client["threshold"], client.snapshot().reason)
    client.switches.integration = True
    eventually(lambda: client["threshold"] == 0.7)
    client.close(5)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"values": {"threshold": 0.95}}, "threshold is 0.95, outside the trading side's bounds 0.5 to 0.9"),
        ({"allocations": [split(9999, 0, 0, 0, 0, 1)]}, "threshold is 1.0, outside"),
        ({"values": {"style": 3.0}}, "style is 3.0, the default 'calm' is of another kind"),
        ({"values": {"threshold": "high"}}, "threshold is 'high', the default 0.6 is of another kind"),
        ({"allocations": [split(10_000), split(10_000, label="b")]}, "a parameter is in two allocations"),
        ({"number": 1}, "1-1 is not newer than 1-1"),
        ({"epoch": 0}, "0-2 is not newer than 1-1"),
    ],
)
def test_a_version_that_must_not_be_used_is_refused_with_the_reason(
    broker, running, version, eventually, changes, why, acknowledged
):
    bad = structs.replace(version(2), checksum="", **changes)
    broker.publish(bad, after=version(1))
    eventually(lambda: running.stats().refused == 1)
    assert (0.7, "1-1") == (running["threshold"], running.snapshot().version)
    [_, (number, refused)] = acknowledged(2)
    assert bad.number == number
    assert why in refused


def json_of(version, **changes):
    return msgspec.json.encode({**msgspec.to_builtins(version), **changes})


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda v: json_of(v, values={"threshold": 0.85}), "checksum is not that of its content, version 1-3"),
        (lambda v: json_of(v, values={"threshold": float("nan")}), "unknown shape"),
        (lambda v: json_of(v).replace(b"0.8", b"NaN"), "unknown shape"),
        (lambda v: json_of(v).replace(b"0.8", b"1e999"), "unknown shape"),
        (lambda v: json_of(v).replace(b"0.8", b"9007199254740993"), "checksum is not that"),
        (lambda v: json_of(v, surprise=1), "unknown shape"),
        (lambda v: json_of(v, allocations=[{**msgspec.to_builtins(split(10_000)), "unit": "account"}]), "'account'"),
        (lambda v: json_of(v).replace(b'"share":10000', b'"share":9999'), "shares are not parts of 10000"),
        (lambda v: b"[" * 100_000, "unknown shape"),
        (lambda v: json_of(v, regime="x" * (1 << 20)), "larger than 1048576 bytes"),
        (lambda v: b"\xff", "unknown shape"),
        (lambda v: json_of(v, strategy="other"), "checksum"),
        (lambda v: msgspec.json.encode(structs.replace(v, checksum="", strategy="other")), "strategy 'other'"),
        (lambda v: b"", "1-3 does not follow what is in memory, and params:main:snapshot does not hold it"),
    ],
)
def test_a_damaged_snapshot_is_refused_and_the_old_values_stay(
    broker, running, version, eventually, damage, why, acknowledged
):
    good = version(3, threshold=0.8, allocations=[split(10_000, name="other")])
    broker.redis.set("params:main:snapshot", damage(good))
    broker.announce(good, after=version(2, threshold=0.8))
    eventually(lambda: running.stats().refused == 1)
    assert (0.7, "1-1") == (running["threshold"], running.snapshot().version)
    number, refused = acknowledged(2)[-1]
    assert 3 == number
    assert why in refused
    broker.publish(version(4, threshold=0.85), after=good)
    eventually(lambda: running["threshold"] == 0.85)


def test_a_snapshot_that_lags_behind_is_taken_and_the_update_that_it_lacks_is_refused(
    broker, running, version, eventually, acknowledged
):
    broker.publish(version(2, threshold=0.8), stream=False)
    broker.announce(version(4, threshold=0.85), after=version(3))
    eventually(lambda: running.stats().refused == 1)
    assert (0.8, "1-2") == (running["threshold"], running.snapshot().version)
    [_, taken, (number, refused)] = acknowledged(3)
    assert ((2, None), 4) == (taken, number)
    assert "1-4 does not follow what is in memory" in refused


@pytest.mark.parametrize(
    "damage",
    [
        {"checksum": "0" * 64},
        {"previous": "1-7"},
        {"changes": []},
        {"allocations": [split(10_000)]},
        {"regime": "other"},
    ],
)
def test_a_damaged_update_is_made_good_by_the_snapshot(broker, running, version, eventually, damage, acknowledged):
    broker.publish(version(2, threshold=0.8), after=version(1), **damage)
    eventually(lambda: running["threshold"] == 0.8)
    assert [(1, None), (2, None)] == acknowledged(2)


@pytest.mark.parametrize("body", [b"", b"rubbish", b"[" * 100_000, b'{"data":{}}', b"x" * (1 << 21)])
def test_an_update_that_cannot_be_read_is_counted_and_the_snapshot_looked_at(
    broker, running, version, eventually, body
):
    broker.publish(version(2, threshold=0.8), stream=False)
    broker.redis.xadd("params.updated", {"event": body})
    eventually(lambda: running["threshold"] == 0.8)
    assert 1 == running.stats().refused


def test_an_update_of_a_newer_schema_is_refused(broker, running, version, eventually, acknowledged):
    body = broker.body(version(2, threshold=0.8), after=version(1)).replace(b'"schemaversion":1', b'"schemaversion":2')
    broker.redis.xadd("params.updated", {"event": body})
    eventually(lambda: running.stats().refused == 1)
    assert (2, "schema version 2 is unknown here: update learning_client") == acknowledged(2)[-1]
    assert 0.7 == running["threshold"]


def test_updates_of_other_strategies_are_not_ours(broker, running, version, eventually):
    broker.publish(version(7, threshold=0.9, strategy="other"))
    broker.publish(version(2, threshold=0.8), after=version(1))
    eventually(lambda: running["threshold"] == 0.8)
    assert (2, 0) == (running.stats().taken, running.stats().refused)


def test_a_new_epoch_is_newer_whatever_its_number(broker, running, version, eventually):
    broker.publish(version(40, threshold=0.8), after=version(39))
    eventually(lambda: running.snapshot().version == "1-40")
    broker.publish(version(1, epoch=2, threshold=0.75))
    eventually(lambda: running.snapshot().version == "2-1")


def test_while_the_broker_hangs_no_call_waits_and_what_is_in_memory_holds(broker, running, version, eventually):
    broker.hang()
    durations = []
    eventually(lambda: not running.stats().connected)
    for _ in range(1000):
        begin = time.perf_counter()
        assert 0.7 == running.snapshot(UNIT)["threshold"]
        durations.append(time.perf_counter() - begin)
    assert sorted(durations)[990] < 0.002
    broker.wake()
    broker.publish(version(2, threshold=0.8), after=version(1))
    eventually(lambda: running["threshold"] == 0.8)


def test_what_was_published_while_the_broker_was_gone_for_us_is_taken_afterwards(broker, running, version, eventually):
    broker.kill()
    eventually(lambda: not running.stats().connected)
    broker.start()
    broker.publish(version(5, threshold=0.8))
    eventually(lambda: running.snapshot().version == "1-5")


def test_starting_without_a_broker_returns_at_once(publisher, broker, params, version, eventually):
    broker.kill()
    begin = time.monotonic()
    params.start()
    assert 0.6 == params["threshold"]
    assert time.monotonic() - begin < 2.0
    assert not params.wait_ready(0.05)
    broker.start()
    broker.publish(version(1))
    eventually(lambda: params["threshold"] == 0.7)


def test_a_broker_without_memory_gives_its_version_all_the_same(broker, params, version, eventually):
    broker.publish(version(1))
    with broker.refusing("OOM"):
        params.start()
        assert params.wait_ready(5)
        assert 0.7 == params["threshold"]
    broker.publish(version(2, threshold=0.8), after=version(1))
    eventually(lambda: params["threshold"] == 0.8)
    assert 0 == params.stats().refused


def test_a_snapshot_never_changes_afterwards(broker, running, version, eventually):
    broker.publish(version(2, threshold=0.7, allocations=[split(0, 0, 10_000)]))
    eventually(lambda: running.snapshot().version == "1-2")
    pinned = running.snapshot(UNIT)
    broker.publish(version(3, threshold=0.8), after=version(2))
    eventually(lambda: running["threshold"] == 0.8)
    assert (0.7, "1-2") == (pinned["threshold"], pinned.version)
    for values in (pinned.values, pinned.would_be, pinned.assignments, pinned.assignments["explore.1-1"]):
        with pytest.raises(TypeError):
            values["threshold"] = 0.0


@ON_REDIS
def test_no_reader_ever_sees_half_of_two_versions(broker, running, version, eventually):
    seen = set()
    last = version(1)
    for number in range(2, 200):
        newer = version(number, threshold=0.5 + number / 1000, hold=number)
        broker.publish(newer, after=last)
        last = newer
        seen.add(tuple(running.snapshot().values[name] for name in ("threshold", "hold")))
    eventually(lambda: running.snapshot().version == "1-199")
    assert len(seen) > 2
    assert all(threshold == 0.5 + hold / 1000 for threshold, hold in seen - {(0.7, 20)})


def test_sets_and_curves_come_as_tuples_and_whole_numbers_as_the_default_has_them(broker, version):
    curve = [[0.0, 0.1], [1.0, 0.9]]
    broker.publish(version(1, hold=25.0, avoid=["GME"], curve=curve, share=1))
    defaults = {"hold": 10, "avoid": [], "curve": [], "share": 0.5}
    client = ParameterClient(broker.url, defaults=defaults, switches=Switches(apply=True))
    assert {"hold": 10, "avoid": (), "curve": (), "share": 0.5} == client.snapshot().values
    client.start()
    client.wait_ready(10)
    values = client.snapshot().values
    assert {"hold": 25, "avoid": ("GME",), "curve": ((0.0, 0.1), (1.0, 0.9)), "share": 1.0} == values
    assert (int, float) == (type(values["hold"]), type(values["share"]))
    client.close(5)


def test_callbacks_get_old_and_new_and_one_that_fails_stops_nobody(broker, running, version, eventually):
    seen = []
    running.on_update(lambda old, new: 1 / 0)
    running.on_update(lambda old, new: seen.append((old.version, new.version)))
    broker.publish(version(2), after=version(1))
    eventually(lambda: seen)
    broker.publish(version(3), after=version(2))
    eventually(lambda: len(seen) == 2)
    assert [("1-1", "1-2"), ("1-2", "1-3")] == seen
    assert 2 == running.stats().troubles["the callback '<lambda>' failed"]


def test_the_moment_of_application_is_told_in_microseconds(broker, publisher, version):
    client = ParameterClient(
        broker.url,
        defaults={"threshold": 0.6},
        client_id="bot-7",
        publisher=publisher,
        clock=lambda: 1_700_000_000_000_001,
    )
    broker.publish(version(1))
    client.start()
    client.wait_ready(10)
    publisher.flush(10)
    [said] = broker.told("params.applied")
    assert ("bot-7", 1, 1, "2023-11-14T22:13:20.000001Z") == tuple(
        said[name] for name in ("client", "epoch", "version", "applied_at")
    )
    client.close(5)


def test_reports_name_the_version_and_its_age(broker, running, publisher):
    publisher.close(10)
    [report] = broker.told("client.reported")
    assert "1-1" == report["version"]
    assert 0 <= report["version_age_seconds"] < 60


def test_a_unit_that_cannot_be_assigned_gets_the_defaults(broker, params, version):
    broker.publish(version(1, allocations=[split(5000, 5000)]))
    params.start()
    params.wait_ready(10)
    snapshot = params.snapshot("\ud800")
    assert (0.6, "default") == (snapshot["threshold"], snapshot.origin)
    assert "UnicodeEncodeError" in snapshot.reason


def test_a_name_without_a_default_is_an_error_of_the_caller_whatever_the_engine_does(running):
    with pytest.raises(KeyError):
        running["treshold"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"bounds": {"treshold": (0, 1)}}, "is 'threshold' meant"),
        ({"bounds": {"threshold": (0.7, 0.9)}}, "outside"),
        ({"bounds": {"threshold": (float("nan"), 0.9)}}, "outside"),
        ({"bounds": {"style": (0, 1)}}, "not a number"),
        ({"defaults": {"threshold": True}}, "neither a number"),
        ({"strategy": "my strategy"}, "strategy 'my strategy'"),
        ({"prefix": "paper :"}, "prefix"),
        ({"defaults": None}, "defaults=None: write"),
        ({"defaults": {"threshold": {}}}, "neither a number"),
        ({"bounds": None}, "bounds=None: write"),
        ({"bounds": {"threshold": 0.5}}, "bounds of 'threshold' are 0.5: write"),
        ({"bounds": {"threshold": (0.1, 0.5, 0.9)}}, "write .lowest, highest."),
        ({"bounds": {"threshold": ("low", "high")}}, "two numbers"),
        ({"bounds": {"threshold": (None, 0.9)}}, "two numbers"),
        ({"effects": ["threshold"]}, "effects=.'threshold'.: write"),
        ({"effects": {"threshold": []}}, "takes effect .*it must be one of"),
        ({"strategy": None}, "strategy None: write"),
        ({"prefix": None}, "prefix None: write"),
        ({"client_id": 7}, "client_id=7: write"),
        ({"switches": True}, "switches=True: write"),
        ({"clock": 1_700_000_000}, "clock=1700000000: write a function"),
        ({"last_known_good": 5}, "last_known_good=5: write the path"),
        ({"stale_after": "x"}, "stale_after='x': write a number"),
        ({"stale_after": None}, "stale_after=None: write a number"),
        ({"stale_after": -1}, "stale_after=-1: write a number"),
    ],
)
def test_contradictions_of_the_caller_are_refused_at_the_start(wrong, why):
    given = {"defaults": {"threshold": 0.6, "style": "calm"}, **wrong}
    with pytest.raises(Misuse, match=why):
        ParameterClient("redis://localhost:1/0", **given)


@pytest.mark.parametrize("url", [None, 5, b"redis://localhost", ""])
def test_what_is_no_address_is_refused_at_the_start(url):
    with pytest.raises(Misuse, match=r"url=.*: write the address"):
        ParameterClient(url, defaults={})


@pytest.mark.parametrize("timeout", [None, float("inf"), float("nan"), -1])
def test_every_timeout_is_one(broker, params, eventually, timeout):
    params.start()
    eventually(lambda: params.stats().connected)
    assert params.wait_ready(timeout)
    ended = params.close(timeout)
    assert ended or not (timeout is None or timeout > 0)
    assert {} == params.stats().troubles
