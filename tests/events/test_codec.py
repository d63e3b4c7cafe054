from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from events.codec import decode, encode, encode_msgpack
from events.errors import BrokenEvent
from schemas.alert import AlertRaised
from schemas.event import Envelope
from schemas.params import ParamsUpdated
from schemas.vocabulary import Direction
from tests.events.strategies import KINDS, NOW, envelopes

ENTRY = "1706734800123-4"
ALERT = {"alert_id": "a-1", "symbol": "ACME", "score": 0.83}


def frame(data=ALERT, **attributes):
    """A CloudEvents object around an alert."""
    whole = {
        "id": "1",
        "source": "s",
        "type": "alert.raised",
        "time": "2024-01-31T20:00:00Z",
        **attributes,
        "data": data,
    }
    return {name: value for name, value in whole.items() if value is not None}


def read(body, *, stream="alert.raised", **options):
    encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return decode({b"event": encoded}, stream=stream, entry=ENTRY, now=NOW, **options)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.type for kind in KINDS])
@pytest.mark.parametrize("write", [encode, encode_msgpack])
def test_what_is_encoded_is_decoded_to_the_same_event(kind, write):
    @settings(max_examples=15, deadline=None)
    @given(envelopes(kind))
    def holds(envelope):
        expected = msgspec.structs.replace(envelope, entry=f"{kind.type}/{ENTRY}")
        found = read(write(envelope), stream=kind.type, max_bytes=1 << 24)
        assert expected == found
        assert write(envelope) == write(found)

    holds()


def test_the_same_event_is_encoded_to_the_same_bytes_whoever_holds_its_texts():
    def made(strategy):
        return Envelope(source="s", id="1", time=NOW, data=AlertRaised(**ALERT, strategy=strategy))

    assert encode(made("main")) == encode(made("".join(["ma", "in"])))


def test_a_missing_value_is_left_out_unless_it_has_to_be_said():
    alert = msgspec.json.decode(encode(Envelope(source="s", id="1", time=NOW, data=AlertRaised(**ALERT))))
    assert "price" not in alert["data"]
    first = ParamsUpdated(
        epoch=1,
        version=1,
        previous=None,
        session="2024-01-31",
        regime="all",
        registry="r",
        changes=[],
        allocations=[],
        checksum="c",
    )
    update = msgspec.json.decode(encode(Envelope(source="s", id="1", time=NOW, data=first)))
    assert update["data"]["previous"] is None


def test_an_event_without_id_is_named_after_its_stream_and_entry():
    assert f"alert.raised/{ENTRY}" == read(frame(id=None)).id == read(frame(id=None)).entry


def test_json_may_begin_with_white_space():
    assert "ACME" == read(b" \r\n\t" + msgspec.json.encode(frame())).data.symbol


def test_attributes_and_entry_fields_that_are_not_ours_do_no_harm():
    body = msgspec.json.encode(frame(subject="x", datacontenttype="application/json", traceparent="00"))
    found = decode({b"event": body, b"trace": b"\xff"}, stream="alert.raised", entry=ENTRY, now=NOW)
    assert "ACME" == found.data.symbol


@pytest.mark.parametrize(
    ("said", "microseconds"),
    [
        ("2024-01-31T20:00:00Z", 1_706_731_200_000_000),
        ("2024-01-31T20:00:00.000001Z", 1_706_731_200_000_001),
        ("2024-01-31T20:00:00.123456Z", 1_706_731_200_123_456),
        ("2024-01-31T20:00:00.1Z", 1_706_731_200_100_000),
        ("2024-02-01T01:30:00+05:30", 1_706_731_200_000_000),
        ("2024-01-31T15:00:00.5-05:00", 1_706_731_200_500_000),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("1950-01-03T21:00:00Z", -630_903_600_000_000),
    ],
)
def test_times_become_exact_microseconds_in_utc(said, microseconds):
    assert microseconds == read(frame(time=said)).time


def test_what_is_finer_than_a_microsecond_is_rounded_to_the_nearest():
    assert 1_706_731_200_123_457 == read(frame(time="2024-01-31T20:00:00.1234569Z")).time
    assert 1_706_731_200_123_456 == read(frame(time="2024-01-31T20:00:00.1234564Z")).time
    assert 1_706_731_201_000_000 == read(frame(time="2024-01-31T20:00:00.9999999Z")).time


def test_a_messagepack_timestamp_is_a_time():
    moment = datetime(2024, 1, 31, 20, 0, 0, 123_456, tzinfo=UTC)
    assert 1_706_731_200_123_456 == read(msgspec.msgpack.encode(frame(time=moment))).time


@given(some.integers(-2_208_988_800_000_000, NOW))
def test_every_microsecond_survives(time):
    data = AlertRaised(**ALERT)
    assert time == read(encode(Envelope(source="s", id="1", time=time, data=data))).time


@pytest.mark.parametrize(
    ("word", "direction"),
    [("long", Direction.LONG), ("LONG", Direction.LONG), ("Bearish", Direction.SHORT), (" sell ", Direction.SHORT)],
)
def test_words_of_other_systems_are_understood(word, direction):
    assert direction is read(frame({**ALERT, "direction": word})).data.direction
    assert direction is read(msgspec.msgpack.encode(frame({**ALERT, "direction": word}))).data.direction


def test_words_are_put_right_in_lists_and_in_objects_too():
    flags = read(frame({**ALERT, "risk_flags": ["Low Confidence", "wide-spread"]})).data.risk_flags
    assert ["low_confidence", "wide_spread"] == [flag.value for flag in flags]
    arm = {"values": {"x": 1}, "share": 10_000}
    split = {"id": "a", "layer": "l", "purpose": "Roll Out", "parameters": ["x"], "arms": [arm]}
    update = {
        "epoch": 1,
        "version": 1,
        "previous": None,
        "session": "2024-01-31",
        "regime": "all",
        "registry": "r",
        "changes": [],
        "allocations": [{**split, "purpose": "ROLLOUT"}],
        "checksum": "c",
    }
    found = read(frame(update, type="params.updated"), stream="params.updated")
    assert "rollout" == found.data.allocations[0].purpose.value


def test_undeclared_fields_are_not_kept_and_are_named_when_asked_for():
    said = {**ALERT, "scroe": 1, "features": {"any": 1}, "zeta": {"x": 1}}
    assert () == read(frame(said)).unknown
    assert ("scroe", "zeta") == read(frame(said), sample_unknown=True).unknown


def test_undeclared_fields_within_objects_and_lists_are_named_with_dots():
    said = {"decision_id": "d", "symbol": "ACME", "action": "BUY", "market": {"vxi": 14.0, "vix": 14.0}}
    found = read(frame(said, type="decision.made"), stream="decision.made", sample_unknown=True)
    assert ("market.vxi",) == found.unknown
    said = {"cycle_id": "c", "kind": "daily", "session": "2024-01-31", "cut": 1, "proposals": [], "report": ""}
    stages = [{"name": "a", "seconds": 1, "summary": "", "sumary": ""}] * 2
    body = frame({**said, "stages": stages}, type="cycle.completed")
    assert ("stages.sumary",) == read(body, stream="cycle.completed", sample_unknown=True).unknown


def test_never_more_than_twenty_undeclared_fields_are_named():
    said = {**ALERT, **{f"field_{number:03}": 1 for number in reversed(range(100))}}
    found = read(frame(said), sample_unknown=True).unknown
    assert tuple(f"field_{number:03}" for number in range(20)) == found


def test_a_long_undeclared_name_is_cut():
    assert ("x" * 100,) == read(frame({**ALERT, "x" * 5000: 1}), sample_unknown=True).unknown


def test_an_undeclared_field_that_cannot_be_read_does_not_refuse_the_event():
    body = msgspec.json.encode(frame({**ALERT, "other": 1})).replace(b'"other":1', b'"other":1e999')
    assert () == read(body, sample_unknown=True).unknown


def test_a_bar_that_contradicts_itself_is_taken_as_it_is():
    bar = {"symbol": "ACME", "interval": "1d", "open": 5.0, "high": 1.0, "low": 2.0, "close": 9.0}
    assert 1.0 == read(frame(bar, type="price.observed"), stream="price.observed").data.high


def test_an_unknown_stream_is_refused():
    with pytest.raises(BrokenEvent, match="no event type is named nothing"):
        read(frame(), stream="nothing")
