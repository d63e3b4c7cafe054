"""What trading tells arrives, in order and whole, and telling it never waits."""

import enum
import logging
import threading
import time
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import msgspec
import numpy as np
import pytest
from learning_client import EventPublisher, Misuse, ParameterClient, Snapshot, Switches
from learning_client.arguments import checked_url
from learning_client.testing import MemoryBroker

from events.codec import decode
from events.errors import BrokenEvent
from tests.client.brokers import ON_REDIS

NOW = 1_700_000_000_000_000


def longest(call, *, times):
    """The longest that one of so many calls took, in seconds; the best of three goes, for other processes' sake."""
    goes = []
    for _ in range(3):
        durations = []
        for _ in range(times):
            begin = time.perf_counter()
            call()
            durations.append(time.perf_counter() - begin)
        goes.append(max(durations))
    return min(goes)


def alert_ids(broker):
    return [data["alert_id"] for data in broker.told("alert.raised")]


def event(broker, kind="alert.raised"):
    [(_, fields)] = broker.redis.xrange(kind)
    return msgspec.json.decode(fields[b"event"])


def test_what_is_told_arrives_in_the_order_of_the_calls(broker, publisher):
    wanted = [publisher.alert(symbol="AAPL", score=0.5) for _ in range(1200)]
    assert publisher.flush(10)
    assert wanted == alert_ids(broker)
    assert 1200 == len(set(wanted))


def test_an_event_without_an_id_of_its_own_is_known_by_the_id_that_is_returned(broker, publisher):
    alert = publisher.alert(symbol="AAPL", score=0.5)
    decision = publisher.decision(symbol="AAPL", action="BUY", alert_id=alert, decision_id="mine")
    publisher.flush(10)
    assert alert == event(broker)["id"] == event(broker)["data"]["alert_id"]
    assert decision == event(broker, "decision.made")["id"]
    assert "mine" == event(broker, "decision.made")["data"]["decision_id"]


def test_the_time_is_that_of_the_argument_to_the_microsecond(broker, publisher):
    eastern = timezone(timedelta(hours=-5))
    publisher.session_closed(session="2024-01-31", time=datetime(2024, 1, 31, 16, 0, 0, 123457, tzinfo=eastern))
    publisher.session_closed(session=datetime(2024, 2, 1, 16, 0), time=1_706_821_200_000_001)
    publisher.flush(10)
    events = [msgspec.json.decode(fields[b"event"]) for _, fields in broker.redis.xrange("session.closed")]
    assert ["2024-01-31T21:00:00.123457Z", "2024-02-01T21:00:00.000001Z"] == [one["time"] for one in events]
    assert ["2024-01-31", "2024-02-01"] == [one["data"]["session"] for one in events]


ALERT, DECISION = {"symbol": "AAPL", "score": 0.5}, {"symbol": "AAPL", "action": "BUY"}
DISCOVERY = {"universe_size": 100, "candidate_count": 3}


@pytest.mark.parametrize(
    ("kind", "method", "said", "name"),
    [
        ("alert.raised", "alert", ALERT, "features"),
        ("alert.raised", "alert", ALERT, "component_scores"),
        ("alert.raised", "alert", ALERT, "assignments"),
        ("decision.made", "decision", DECISION, "weights"),
        ("decision.made", "decision", DECISION, "component_scores"),
        ("decision.made", "decision", DECISION, "market"),
        ("decision.made", "decision", DECISION, "assignments"),
        ("outcome.observed", "outcome", {"decision_id": "d-1"}, "returns"),
        ("discovery.completed", "discovery", DISCOVERY, "counts_by_tag"),
        ("discovery.completed", "discovery", DISCOVERY, "counts_by_stage"),
        ("thesis.formed", "thesis", {"symbol": "AAPL", "recommendation": "HOLD"}, "market"),
    ],
)
def test_what_the_caller_changes_afterwards_is_not_sent(kind, method, said, name):
    broker = MemoryBroker()
    publisher = EventPublisher(broker.url, source="scanner", switches=Switches())
    broker.hang()
    number = {"squeeze": 1}
    mine = {"allocation": number} if name == "assignments" else number
    getattr(publisher, method)(**said, **{name: mine})
    told_of = dict(mine)
    mine["squeeze"] = 9.0
    broker.wake()
    assert publisher.close(10)
    [told] = broker.told(kind)
    assert told_of == told[name]


@pytest.mark.parametrize("flags", [["wide_spread"], {"wide_spread"}, ("wide_spread",), {"wide_spread": 1}.keys()])
def test_any_collection_of_flags_is_taken_as_it_was(flags):
    broker = MemoryBroker()
    publisher = EventPublisher(broker.url, source="scanner", switches=Switches())
    publisher.alert(symbol="AAPL", score=0.5, risk_flags=flags)
    if hasattr(flags, "clear"):
        flags.clear()
    assert publisher.close(10)
    [told] = broker.told("alert.raised")
    assert ["wide_spread"] == told["risk_flags"]


def test_a_value_without_its_name_is_a_wrong_call(publisher, caplog):
    assert None is publisher.alert("AAPL", 0.5)
    assert {"alert.raised": 1} == publisher.stats().dropped
    assert "write symbol='AAPL'" in caplog.text


def test_a_tracker_without_ids_tells_the_trade_by_symbol_direction_and_entry(broker, publisher):
    told = publisher.outcome(symbol="AAPL", direction="short", entry_time=1_706_734_800_000_000, return_=0.02)
    assert publisher.flush(10)
    said = event(broker, "outcome.observed")["data"]
    assert (told, "AAPL", "short") == (said["outcome_id"], said["symbol"], said["direction"])
    assert "2024-01-31T21:00:00.000000Z" == said["entry_time"]
    assert not {"decision_id", "alert_id", "position_id"} & said.keys()


def test_a_ticker_that_ends_has_no_new_name(broker, publisher):
    publisher.symbol_changed(symbol="TWTR", session=date(2022, 10, 28))
    assert publisher.flush(10)
    assert {"strategy": "main", "symbol": "TWTR", "session": "2022-10-28"} == event(broker, "symbol.changed")["data"]


def test_a_pinned_snapshot_says_which_values_were_used(broker, publisher):
    pinned = Snapshot(
        values={},
        would_be={},
        version="1-17",
        unit="AAPL/2024-01-31",
        assignments={"a": {"threshold": 0.7}, "words": {"style": "calm"}},
        origin="learned",
    )
    publisher.alert(symbol="AAPL", score=0.5, snapshot=pinned)
    publisher.discovery(universe_size=10, candidate_count=1, snapshot=pinned)
    publisher.flush(10)
    said = event(broker)["data"]
    assert ("1-17", "AAPL/2024-01-31") == (said["params_version"], said["unit"])
    assert {"a": {"threshold": 0.7}} == said["assignments"]
    assert "1-17" == event(broker, "discovery.completed")["data"]["params_version"]
    assert "unit" not in event(broker, "discovery.completed")["data"]


def test_a_snapshot_of_default_values_claims_no_version(broker, publisher):
    publisher.alert(symbol="AAPL", score=0.5, snapshot=Snapshot(values={}, would_be={}, unit="AAPL/2024-01-31"))
    publisher.flush(10)
    said = event(broker)["data"]
    assert "AAPL/2024-01-31" == said["unit"]
    assert not {"params_version", "assignments"} & said.keys()


def test_values_of_numpy_enums_and_decimals_are_sent_as_plain_ones(broker, publisher):
    class Side(enum.Enum):
        BUY = "buy"

    publisher.fill(
        symbol=np.str_("AAPL"), side=Side.BUY, quantity=np.int64(3), price=Decimal("1.25"), fees=np.float32(0.5)
    )
    publisher.flush(10)
    said = event(broker, "fill.reported")["data"]
    assert ("AAPL", "buy", 3, 1.25, 0.5) == tuple(
        said[name] for name in ("symbol", "side", "quantity", "price", "fees")
    )


def test_a_value_that_is_none_or_not_a_number_is_missing_and_never_0(broker, publisher):
    features = {"squeeze": float("nan"), "gap": 0.5}
    publisher.alert(symbol="AAPL", score=0.5, features=features, rsi=np.float64("nan"), vwap=float("inf"), price=None)
    publisher.flush(10)
    said = event(broker)["data"]
    assert {"gap": 0.5} == said["features"]
    assert not {"rsi", "vwap", "price"} & said.keys()
    assert 1 == publisher.stats().troubles["alert.raised rsi is not a finite number"]


@pytest.mark.parametrize("number", ["NaN", "sNaN", "-NaN7", "Infinity", "-Infinity"])
def test_a_decimal_that_is_not_finite_is_missing_too(broker, publisher, number):
    none = Decimal(number)
    publisher.alert(symbol="AAPL", score=0.5, price=none, features={"gap": none, "NaN": 0.5}, sector="Infinity")
    said = {"client": "c", "epoch": 1, "version": 2, "strategy": "main"}
    publisher.params_applied(**said)
    publisher.params_applied(**{**said, "epoch": none})
    assert publisher.flush(10)
    alert = event(broker)["data"]
    assert ({"NaN": 0.5}, "Infinity") == (alert["features"], alert["sector"])
    assert "price" not in alert
    assert [said] == broker.told("params.applied")
    assert {"params.applied": 1} == publisher.stats().dropped
    assert 1 == publisher.stats().troubles["alert.raised price is not a finite number"]


@pytest.mark.parametrize(("said", "strategy"), [({}, "swing"), ({"strategy": None}, "swing"), ({"strategy": "b"}, "b")])
def test_an_event_is_credited_to_the_publishers_strategy_or_to_the_one_that_it_names(said, strategy):
    broker = MemoryBroker()
    publisher = EventPublisher(broker.url, source="scanner", strategy="swing", switches=Switches())
    publisher.alert(symbol="AAPL", score=0.5, **said)
    assert publisher.close(10)
    assert [strategy] == [alert["strategy"] for alert in broker.told("alert.raised")]


@pytest.mark.parametrize("strategy", ["", 5, True, b"main", "my strategy", ["main"]])
def test_an_event_whose_strategy_is_no_name_is_dropped_and_said(strategy, caplog):
    broker = MemoryBroker()
    publisher = EventPublisher(broker.url, source="scanner", switches=Switches())
    assert publisher.alert(symbol="AAPL", score=0.5, strategy=strategy)
    assert publisher.close(10)
    assert [] == broker.told("alert.raised")
    assert {"alert.raised": 1} == publisher.stats().dropped
    assert f"strategy {strategy!r}: write" in caplog.text


class Code(enum.Enum):
    AAPL = b"AAPL"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"symbol": b"AAPL"}, "symbol has the wrong type: bytes"),
        ({"symbol": bytearray(b"AAPL")}, "symbol has the wrong type: bytearray"),
        ({"symbol": memoryview(b"AAPL")}, "symbol has the wrong type: memoryview"),
        ({"symbol": np.bytes_(b"AAPL")}, "symbol has the wrong type: bytes"),
        ({"symbol": Code.AAPL}, "symbol has the wrong type: bytes"),
        ({"alert_id": b"a"}, "alert_id has the wrong type: bytes"),
        ({"venue": timedelta(days=1)}, "venue has the wrong type: timedelta"),
        ({"venue": np.timedelta64(1, "D")}, "timedelta64 has no form in JSON"),
        ({"features": {b"gap": 0.5}}, "features has the wrong type: bytes"),
        ({"features": {timedelta(1): 0.5}}, "features has the wrong type: timedelta"),
        ({"risk_flags": ["wide_spread", b"low_volume"]}, "risk_flags has the wrong type: bytes"),
        ({"risk_flags": {b"low_volume"}}, "risk_flags has the wrong type: bytes"),
        ({"assignments": {"scan": {b"threshold": 0.5}}}, "assignments has the wrong type: bytes"),
        ({"snapshot": Snapshot(values={}, would_be={}, unit=b"AAPL")}, "unit has the wrong type: bytes"),
    ],
)
def test_what_would_become_a_text_that_nobody_means_is_dropped_and_said(caplog, said, why):
    broker = MemoryBroker()
    publisher = EventPublisher(broker.url, source="scanner", switches=Switches())
    assert publisher.alert(**{**ALERT, **said})
    publisher.params_applied(client=b"c", epoch=1, version=1, strategy="main")
    good = publisher.alert(**ALERT, risk_flags=["wide_spread"], features={"gap": np.float32(0.5), "rsi": 3})
    assert publisher.close(10)
    assert [good] == [data["alert_id"] for data in broker.told("alert.raised")]
    assert {"alert.raised": 1, "params.applied": 1} == publisher.stats().dropped
    assert why in caplog.text
    assert 1 == publisher.stats().troubles["alert.raised cannot be written"]


def test_a_null_in_a_text_is_only_a_word(broker, publisher):
    publisher.thesis(
        symbol="AAPL", recommendation="HOLD", text="null hypothesis", market={"vix": None, "momentum": 0.5}
    )
    publisher.flush(10)
    said = event(broker, "thesis.formed")["data"]
    assert ("null hypothesis", {"momentum": 0.5}) == (said["text"], said["market"])


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("alert", {"score": 0.5}),
        ("alert", {"symbol": "AAPL", "score": float("nan")}),
        ("alert", {"symbol": "AAPL", "score": 83}),
        ("alert", {"symbol": "AAPL", "score": "high"}),
        ("alert", {"symbol": "", "score": 0.5}),
        ("alert", {"symbol": "AAPL", "score": 0.5, "time": datetime(2024, 1, 31)}),
        ("alert", {"symbol": "AAPL", "score": 0.5, "time": 1.7e9}),
        ("alert", {"symbol": "AAPL", "score": 0.5, "time": True}),
        ("alert", {"symbol": "AAPL", "score": 0.5, "time": 1_700_000_000}),
        ("params_applied", {"client": "c", "epoch": 1, "version": 1, "applied_at": 1_700_000_000_000}),
        ("alert", {"symbol": "AAPL", "score": 0.5, "features": 3}),
        ("decision", {"symbol": "AAPL", "action": None}),
        ("fill", {"symbol": "AAPL", "side": "buy", "quantity": 1, "price": float("inf")}),
        ("outcome", {"net": 0.02}),
        ("outcome", {"net": 0.02, "symbol": "AAPL", "direction": "long"}),
        ("outcome", {"net": 0.02, "symbol": "AAPL", "direction": "long", "entry_time": None}),
        ("price", {"symbol": "AAPL", "interval": "1d", "open": 1, "high": 1, "low": 1, "close": float("nan")}),
        ("discovery", {"universe_size": None, "candidate_count": 0}),
        ("thesis", {"symbol": "AAPL"}),
        ("session_closed", {"session": "31 January"}),
        ("symbol_changed", {"symbol": "FB", "session": "9 June"}),
        ("symbol_changed", {"symbol": "", "session": "2022-06-09"}),
        ("symbol_changed", {"symbol": "FB", "session": "2022-06-09", "renamed_to": ""}),
    ],
)
def test_a_wrong_call_is_counted_logged_once_and_sends_nothing(broker, publisher, caplog, method, arguments):
    for _ in range(3):
        assert None is getattr(publisher, method)(**arguments)
    assert 3 == sum(publisher.stats().dropped.values()) == sum(publisher.stats().troubles.values())
    assert 1 == len(caplog.records)
    assert 0 == publisher.stats().queued


@pytest.mark.parametrize(
    ("moment", "why"),
    [
        (1_700_000_000, "1700000000: as microseconds that is 1970-01-01T00:28:20.000000Z; write"),
        (1_700_000_000_000, "write 1700000000000 * 1_000, or an aware datetime"),
        (np.int64(1_700_000_000), "write 1700000000 * 1_000_000"),
        (-86_400, "write -86400 * 1_000_000"),
        (10**14 - 1, "that is 1973-03-03T09:46:39.999999Z"),
    ],
)
def test_seconds_and_milliseconds_are_no_microseconds(publisher, caplog, moment, why):
    assert None is publisher.alert(symbol="AAPL", score=0.5, time=moment)
    assert {"alert.raised": 1} == publisher.stats().dropped
    assert why in caplog.text
    assert publisher.outcome(alert_id="a", exit_time=moment)
    publisher.flush(10)
    assert {"alert.raised": 1, "outcome.observed": 1} == publisher.stats().dropped


@pytest.mark.parametrize(
    ("moment", "time"),
    [
        (10**14, "1973-03-03T09:46:40.000000Z"),
        (-(10**14), "1966-10-31T14:13:20.000000Z"),
        (datetime(1970, 1, 2, tzinfo=UTC), "1970-01-02T00:00:00.000000Z"),
    ],
)
def test_a_time_long_ago_is_one(broker, publisher, moment, time):
    assert publisher.alert(symbol="AAPL", score=0.5, time=moment)
    assert publisher.flush(10)
    assert time == event(broker)["time"]


def test_an_event_that_cannot_be_written_does_not_stop_the_others(broker, publisher):
    publisher.alert(symbol="AAPL", score=0.5, sector=object())
    publisher.alert(symbol="AAPL", score=0.5, data_time=datetime(2024, 1, 31))
    publisher.thesis(symbol="AAPL", recommendation="HOLD", text="x" * (1 << 20))
    good = publisher.alert(symbol="AAPL", score=0.5)
    assert publisher.flush(10)
    assert [good] == alert_ids(broker)
    assert {"alert.raised": 2, "thesis.formed": 1} == publisher.stats().dropped


TRADE = {"symbol": "AAPL", "side": "buy", "quantity": 1, "price": 2}
BAR = {"symbol": "AAPL", "interval": "1d", "open": 1, "high": 1, "low": 1, "close": 1}


@pytest.mark.parametrize(
    ("method", "said", "why"),
    [
        ("alert", {"symbol": 5, "score": 0.5}, "symbol has the wrong type: Expected str, got int"),
        ("alert", {"symbol": "AAPL", "score": True}, "score has the wrong type: Expected float, got bool"),
        ("alert", {**ALERT, "features": [1]}, "features has the wrong type: Expected object, got array"),
        ("alert", {**ALERT, "features": {"gap": "wide"}}, "features[...] has the wrong type: Expected float, got str"),
        ("alert", {**ALERT, "alert_id": 7}, "alert_id has the wrong type: Expected str, got int"),
        ("alert", {**ALERT, "risk_flags": {"wide_spread": "high"}}, "risk_flags has the wrong type"),
        ("alert", {**ALERT, "breakout": 1}, "breakout has the wrong type: Expected bool, got int"),
        ("alert", {**ALERT, "up_days_of_5": 2.5}, "up_days_of_5 has the wrong type: Expected int, got float"),
        ("decision", {**DECISION, "alert_id": 7}, "alert_id has the wrong type"),
        ("decision", {**DECISION, "market": {"vix": "high"}}, "market.vix has the wrong type"),
        ("fill", {**TRADE, "quantity": True}, "quantity has the wrong type"),
        ("fill", {**TRADE, "order_id": 12}, "order_id has the wrong type"),
        ("outcome", {"decision_id": 7}, "decision_id has the wrong type"),
        ("outcome", {"decision_id": "d", "return_": "2 %"}, "return has the wrong type: Expected float, got str"),
        ("price", {**BAR, "final": "yes"}, "final has the wrong type"),
        ("discovery", {"universe_size": 1.5, "candidate_count": 0}, "universe_size has the wrong type"),
        ("thesis", {"symbol": "AAPL", "recommendation": "HOLD", "text": 5}, "text has the wrong type"),
        ("symbol_changed", {"symbol": "FB", "session": "2022-06-09", "renamed_to": 5}, "renamed_to has the wrong type"),
    ],
)
def test_what_the_engine_would_refuse_for_its_type_is_dropped_and_said_and_costs_the_caller_nothing(
    monkeypatch, caplog, method, said, why
):
    broker = MemoryBroker()
    publisher = EventPublisher(broker.url, source="scanner", switches=Switches())
    assert getattr(publisher, method)(**said)
    good = publisher.alert(**ALERT)
    assert publisher.close(10)
    assert [good] == [data["alert_id"] for data in broker.told("alert.raised")]
    [kind] = publisher.stats().dropped
    assert {f"{kind} cannot be written": 1} == publisher.stats().troubles
    assert why in caplog.text
    monkeypatch.setattr("learning_client.letter.check_shape", lambda *_: None)
    publisher = EventPublisher(broker.url, source="scanner", switches=Switches())
    getattr(publisher, method)(**said)
    assert publisher.close(10)
    _, fields = broker._streams[kind][-1]
    with pytest.raises(BrokenEvent):
        decode(fields, stream=kind, entry="1-1", now=time.time_ns() // 1_000)


def test_a_misspelt_field_is_named_in_the_log(publisher, caplog):
    publisher.alert(symbol="AAPL", score=0.5, prise=3.0)
    publisher.flush(10)
    assert "prise" in caplog.text


def test_a_source_that_the_engine_would_refuse_is_refused_at_start():
    with pytest.raises(Misuse, match="source 'my scanner'"):
        EventPublisher("redis://localhost:1/0", source="my scanner")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"url": None}, "url=None: write the address"),
        ({"url": 5}, "url=5: write the address"),
        ({"url": ""}, "url='': write the address"),
        ({"source": 5}, "source 5: write"),
        ({"source": None}, "source None: write"),
        ({"strategy": 5}, "strategy 5: write"),
        ({"prefix": 5}, "prefix 5: write"),
        ({"prefix": None}, "prefix None: write"),
        ({"switches": "on"}, "switches='on': write"),
        ({"clock": 5}, "clock=5: write a function"),
        ({"capacity": "x"}, "capacity='x': write a number, 1 or more"),
        ({"capacity": None}, "capacity=None: write"),
        ({"capacity": 0}, "capacity=0: write"),
        ({"capacity": float("nan")}, "capacity=nan: write"),
        ({"spool": "var/spool"}, "spool='var/spool': write SpoolFolder"),
        ({"units": "percent"}, "units='percent': write Units"),
    ],
)
def test_what_can_never_be_right_is_refused_at_start_with_what_to_write(wrong, why):
    with pytest.raises(Misuse, match=why):
        EventPublisher(**{"url": "redis://localhost:1/0", "source": "scanner", **wrong})


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
@pytest.mark.parametrize(
    "rest",
    [
        "host/word",
        "host:6379/0x",
        "host/1/2",
        "host/-1",
        "host/1_0",
        "host/%77ord",
        "host/word?db=3",
        "me:secret@host/word",
        "host/word?password=secret",
        "me/secret@host/0",
        "/secret",
    ],
)
def test_a_database_that_is_no_number_is_refused_at_start_and_no_word_of_the_address_is_said(scheme, rest):
    for make in (EventPublisher, ParameterClient):
        wanted = {"source": "scanner"} if make is EventPublisher else {"defaults": {}}
        with pytest.raises(Misuse, match="url: its path is no number of a database: write") as refused:
            make(f"{scheme}://{rest}", **wanted)
        assert not [word for word in ("me:", "secret") if word in str(refused.value)]


@pytest.mark.parametrize(
    "url",
    [
        *[
            f"{scheme}://me:secret@host{rest}"
            for scheme in ("redis", "rediss")
            for rest in ("", "/", "/3", "/3/", "/%33", "?db=3", "/0?db=3", ":6379/15", "/?db=word")
        ],
        "unix:///var/run/redis.sock",
        "unix://me:secret@/var/run/redis.sock?db=3",
        "memory://a/word",
    ],
)
def test_an_address_without_a_database_or_with_its_number_is_taken(url):
    assert url == checked_url(url)


@pytest.mark.parametrize("off", [{"collect": False}, {"integration": False}])
def test_nothing_is_told_while_the_switch_is_off(broker, off, eventually):
    publisher = EventPublisher(broker.url, source="scanner", switches=Switches(**off))
    assert None is publisher.alert(symbol="AAPL", score=0.5)
    for name in off:
        setattr(publisher.switches, name, True)
    wanted = publisher.alert(symbol="AAPL", score=0.5)
    assert publisher.flush(10)
    assert [wanted] == alert_ids(broker)
    publisher.close(5)


def test_while_the_broker_hangs_no_call_waits_and_afterwards_everything_arrives_in_order(broker, publisher, eventually):
    told = [publisher.alert(symbol="AAPL", score=0.5)]
    publisher.flush(10)
    broker.hang()
    assert longest(lambda: told.append(publisher.alert(symbol="AAPL", score=0.5)), times=1000) < 0.02
    eventually(lambda: not publisher.stats().connected)
    assert not publisher.flush(0.01)
    broker.wake()
    assert publisher.flush(20)
    assert told == alert_ids(broker)


def test_while_the_broker_is_dead_events_wait_and_it_is_logged_once(broker, publisher, caplog, eventually):
    caplog.set_level(logging.INFO, "learning_client")
    broker.kill()
    told = [publisher.alert(symbol="AAPL", score=0.5) for _ in range(10)]
    eventually(lambda: "is away" in caplog.text)
    told += [publisher.alert(symbol="AAPL", score=0.5) for _ in range(10)]
    broker.start()
    assert publisher.flush(20)
    assert told == alert_ids(broker)
    assert 1 == caplog.text.count("the broker is away") == caplog.text.count("the broker is back")


def test_when_the_buffer_is_full_the_oldest_prices_go_first_and_it_is_counted_and_said(broker, caplog, eventually):
    publisher = EventPublisher(broker.url, source="scanner", switches=Switches(), capacity=4)
    broker.hang()
    publisher.alert(symbol="FIRST", score=0.5)
    eventually(lambda: not publisher.stats().queued or publisher.sender._outbox._buffer.oldest() != 0)  # it is in hand
    bar = {"symbol": "AAPL", "interval": "1d", "open": 1.0, "high": 1.0, "low": 1.0}
    alerts = [publisher.alert(symbol="AAPL", score=0.5) for _ in range(2)]
    for close in range(3):
        publisher.price(**bar, close=close)
    alerts += [publisher.alert(symbol="AAPL", score=0.5) for _ in range(3)]
    broker.wake()
    assert publisher.close(20)
    assert alerts[1:] == alert_ids(broker)[1:]
    assert [] == broker.told("price.observed")
    [noted] = [record for record in caplog.records if "the buffer is full" in record.message]
    assert "learning-client-events" == noted.threadName
    [report] = broker.told("client.reported")
    assert {"price.observed": 3, "alert.raised": 1} == report["dropped"]
    assert {"alert.raised": 5} == report["sent"]


@ON_REDIS
def test_a_stream_that_the_broker_refuses_for_good_does_not_hold_up_the_others(broker, publisher):
    broker.redis.set("fill.reported", "not a stream")
    publisher.fill(symbol="AAPL", side="buy", quantity=1, price=1.0)
    alert = publisher.alert(symbol="AAPL", score=0.5)
    assert publisher.flush(10)
    assert [alert] == alert_ids(broker)
    assert {"fill.reported": 1} == publisher.stats().dropped


@ON_REDIS
def test_a_broker_that_is_full_is_asked_again(broker, publisher, eventually):
    publisher.flush(10)
    broker.redis.config_set("maxmemory", 1)
    alert = publisher.alert(symbol="AAPL", score=0.5)
    eventually(lambda: publisher.stats().queued == 1)
    assert not publisher.flush(0.5)
    broker.redis.config_set("maxmemory", 0)
    assert publisher.flush(10)
    assert [alert] == alert_ids(broker)


def test_a_clock_that_fails_costs_the_calls_it_fails_in_and_nothing_else(broker, eventually):
    broken = threading.Event()

    def clock():
        if broken.is_set():
            raise OSError("no time")
        return NOW

    publisher = EventPublisher(broker.url, source="scanner", switches=Switches(), clock=clock)
    told = publisher.alert(symbol="AAPL", score=0.5)
    assert publisher.flush(10)
    broken.set()
    assert publisher.alert(symbol="AAPL", score=0.5) is None
    eventually(lambda: "the clock gives no time" in publisher.stats().troubles)
    assert "closed" == publisher.stats().breaker
    broken.clear()
    told = [told, publisher.alert(symbol="AAPL", score=0.5)]
    assert publisher.flush(10)
    assert told == alert_ids(broker)
    publisher.close(1)


def test_reports_come_by_themselves(broker, monkeypatch, eventually):
    monkeypatch.setattr("learning_client.sender.REPORT_SECONDS", 0.05)
    publisher = EventPublisher(broker.url, source="scanner", switches=Switches(collect=False))
    _, later = eventually(lambda: len(reports := broker.told("client.reported")) > 1 and reports[:2])
    assert ("scanner", 1) == (later["client"], later["sent"]["client.reported"])
    assert abs(later["clock_offset_seconds"]) < 1
    publisher.close(5)


def test_what_raises_when_a_report_asks_it_is_counted_and_the_rest_is_told(broker, monkeypatch, eventually):
    monkeypatch.setattr("learning_client.sender.REPORT_SECONDS", 0.05)
    publisher = EventPublisher(broker.url, source="scanner", switches=Switches())
    publisher.report_also(lambda: 1 / 0)
    publisher.report_also(lambda: {"also": 7})
    told = eventually(lambda: broker.told("client.reported"))
    assert ("scanner", "closed") == (told[0]["client"], publisher.stats().breaker)
    assert "what a report also says failed" in publisher.stats().troubles
    publisher.close(5)


def test_what_cannot_be_called_is_counted_and_no_report_misses_the_rest(broker, publisher, caplog):
    publisher.report_also(None)
    publisher.report_also(lambda: {"version": "1-17"})
    publisher.report_also({"version": "1-18"})
    assert {"EventPublisher, report_also": 2} == publisher.stats().troubles
    assert "say=None: write a function that returns" in caplog.text
    assert publisher.close(10)
    [report] = broker.told("client.reported")
    assert ("scanner", "1-17") == (report["client"], report["version"])


def test_closing_has_a_deadline_and_says_that_something_was_left_behind(broker, publisher):
    broker.hang()
    publisher.alert(symbol="AAPL", score=0.5)
    begin = time.monotonic()
    assert not publisher.close(0.2)
    assert time.monotonic() - begin < 4.0
    assert None is publisher.alert(symbol="AAPL", score=0.5)
    broker.wake()


@pytest.mark.parametrize("timeout", [None, float("inf"), 1e300])
def test_without_a_limit_flushing_and_closing_wait_for_the_broker(broker, publisher, eventually, timeout):
    broker.kill()
    told, waited = [publisher.alert(symbol="AAPL", score=0.5)], []
    waiting = threading.Thread(target=lambda: waited.extend([publisher.flush(timeout), publisher.close(timeout)]))
    waiting.start()
    eventually(lambda: publisher.stats().breaker == "open")
    assert ([], True) == (waited, waiting.is_alive())
    broker.start()
    waiting.join(20)
    assert ([True, True], told) == (waited, alert_ids(broker))


@pytest.mark.parametrize("timeout", [float("nan"), -1, float("-inf")])
def test_a_timeout_that_is_none_at_all_is_no_time(broker, publisher, timeout):
    broker.hang()
    publisher.alert(symbol="AAPL", score=0.5)
    begin = time.monotonic()
    assert (False, False) == (publisher.flush(timeout), publisher.close(timeout))
    assert time.monotonic() - begin < 2
    assert {} == publisher.stats().troubles
    broker.wake()


@ON_REDIS
def test_the_prefix_stands_before_every_stream(broker):
    publisher = EventPublisher(broker.url, source="scanner", prefix="paper:", switches=Switches())
    publisher.alert(symbol="AAPL", score=0.5)
    assert publisher.close(10)
    assert {b"paper:alert.raised", b"paper:client.reported"} == set(broker.redis.keys())


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("localhost", "'...' is no address: write"),
        ("http://localhost:6379", "is no address"),
        ("redis://me:secret@localhost:port/0", "'redis://localhost' is no address"),
        ("redis://127.0.0.1:99999/0?username=u&password=secret", "'redis://127.0.0.1' is no address"),
        ("redis://me:secret/0", "'redis://me' is no address"),
        ("redis://:secret/0", "'redis://...' is no address"),
        ("redis://me:very/secret@localhost:6379/0", "'redis://...' is no address"),
        ("redis://me:[secret@localhost:6379/0", "'...' is no address"),
        ("me:secret@localhost", "'...' is no address"),
        ("redis://nowhere.invalid:6379/0", "nowhere.invalid"),
        ("redis://a..b:6379/0", "label"),
        ("redis://localhost:6379/0?patience=5", "patience"),
    ],
)
def test_a_wrong_url_stops_nobody_is_said_once_and_opens_the_breaker(caplog, eventually, url, said):
    publisher = EventPublisher(url, source="scanner", switches=Switches())
    params = ParameterClient(url, defaults={"threshold": 0.6}, publisher=publisher)
    params.start()
    assert publisher.alert(symbol="AAPL", score=0.5)
    eventually(lambda: publisher.stats().breaker == "open", within=30)
    assert not publisher.close(0.1)
    assert params.close(5)
    for name in ("learning-client-events", "learning-client-parameters"):
        [once] = [record.getMessage() for record in caplog.records if record.getMessage().startswith(name)]
        assert said in once
        assert "secret" not in once


def test_whoever_tells_while_another_closes_knows_what_became_of_it(broker):
    for _ in range(20):
        publisher = EventPublisher(broker.url, source="scanner", switches=Switches(), capacity=10**6)
        told, closing = [], threading.Event()

        def tells(publisher=publisher, told=told, closing=closing):
            while told[-1:] != [None]:
                told.append(publisher.alert(symbol="AAPL", score=0.5))
                closing.set()

        teller = threading.Thread(target=tells)
        teller.start()
        closing.wait(20)
        assert publisher.close(20)
        teller.join(20)
        stats = publisher.stats()
        assert (len(told) - 1, 1) == (stats.sent["alert.raised"], stats.dropped["alert.raised"])
        assert set(told[:-1]) <= set(alert_ids(broker))
