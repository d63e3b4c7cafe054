import base64
import math
import random

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from events.codec import decode
from events.errors import BODY_LIMIT, BrokenEvent, NewerEvent
from schemas.catalogue import EVENTS
from tests.contract.golden import GOLDEN
from tests.events.strategies import NOW

ALERT = {"alert_id": "a-1", "symbol": "ACME", "score": 0.83}
SCORES = "scores, confidences and shares are 0 to 1"


def frame(data=ALERT, **attributes):
    """A CloudEvents object around an alert; an attribute of None is left out."""
    whole = {
        "id": "1",
        "source": "s",
        "type": "alert.raised",
        "time": "2024-01-31T20:00:00Z",
        **attributes,
        "data": data,
    }
    return {name: value for name, value in whole.items() if value is not None}


def json(data=ALERT, **attributes):
    return msgspec.json.encode(frame(data, **attributes))


def msgpack(data=ALERT, **attributes):
    return msgspec.msgpack.encode(frame(data, **attributes))


def refused(body, *, stream="alert.raised", **options):
    """The refusal of a structured event."""
    with pytest.raises(BrokenEvent) as refusal:
        decode({b"event": body}, stream=stream, entry="1706734800123-0", now=NOW, **options)
    return refusal.value


def reason(body, **options):
    return refused(body, **options).reason


BOTH = pytest.mark.parametrize("write", [json, msgpack])


@BOTH
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"score": 83}, f"data.score is 83, expected a number from 0 to 1, such as 0.83 ({SCORES}"),
        ({"score": "high"}, 'data.score is "high", expected a number from 0 to 1'),
        ({"score": None}, "data.score is null, expected a number from 0 to 1"),
        ({"symbol": "X" * 10_000}, "(10000 characters), expected text of 1 to 32 characters"),
        ({"symbol": ""}, 'data.symbol is "", expected text of 1 to 32 characters'),
        ({"symbol": ["ACME"]}, "data.symbol is a list of 1 entries, expected text of 1 to 32 characters"),
        ({"direction": "up"}, 'data.direction is "up", expected one of long, short'),
        ({"risk_flags": ["low volume", "bad"]}, 'data.risk_flags[1] is "bad", expected one of low_confidence, wide_'),
        ({"features": {"a": 1, "b": "x", "c": 2}}, 'data.features.b is "x", expected a finite number'),
        (
            {"features": {"a": 1, "b b": 1}},
            'data: a name in features is "b b", expected letters, digits and _ . : -, such',
        ),
        ({"features": {"a": 1, "": 1}}, 'a name in data.features is "", expected text of 1 to 100 characters'),
        ({"price": 1e13}, "expected a finite number (currency a share, contract or coin), at most 1e+12"),
        ({"price": -1e13}, "expected a finite number (currency a share, contract or coin), at least -1e+12"),
        ({"volume": 1e16}, "expected a number of at least 0 (shares, contracts or coins, without sign), at most 1e+15"),
        ({"features": [1]}, "data.features is a list of 1 entries, expected an object of at most 256 names"),
        ({"assignments": {"t": {"x": 1, "y": "z"}}}, 'data.assignments.t.y is "z", expected a finite number'),
        ({"params_version": "17"}, 'data.params_version is "17", expected text, such as 1-17'),
        ({"params_version": "\u0661-\u0661\u0667"}, "expected text, such as 1-17"),
        ({"params_version": "1-17\n"}, "expected text, such as 1-17"),
        ({"data_time": "2024-01-31T19:00:00"}, "expected a time with its zone, such as 2024-01-31T21:00:00Z"),
        ({"data_time": "2034-01-31T19:00:00Z"}, "data.data_time is 2034-01-31T19:00:00+00:00, in the future"),
        ({"up_days_of_5": 1.5}, "data.up_days_of_5 is 1.5, expected a whole number from 0 to 5"),
        ({"breakout": "yes"}, 'data.breakout is "yes", expected true or false'),
        ({"theme": "a\0b"}, "data.theme holds the character U+0000"),
        ({"features": {"a": 1e300}}, "data.features.a is 1e+300, expected a finite number"),
    ],
)
def test_a_wrong_field_is_named_with_what_it_holds_and_what_it_should_hold(write, said, expected):
    assert expected in reason(write({**ALERT, **said}))


@BOTH
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"time": "2024-01-31T20:00:00"}, 'time is "2024-01-31T20:00:00", expected a time with its zone, such as'),
        ({"time": "2024-02-30T20:00:00Z"}, "expected a time with its zone, such as 2024-01-31T21:00:00Z"),
        ({"time": 1_706_731_200}, "time is 1706731200, expected a time with its zone, such as 2024-01-31T21:00:00Z"),
        (
            {"time": "2031-01-31T20:00:00Z"},
            "time is 2031-01-31T20:00:00+00:00, in the future: it is 2024-01-31T21:00:00Z now",
        ),
        ({"time": "9999-12-31T23:59:59-23:59"}, "in the future"),
        ({"time": "0001-01-01T00:00:00+23:59"}, "before 1900"),
        ({"source": ""}, 'source is "", expected text of 1 to 200 characters'),
        ({"id": "x" * 201}, "(201 characters), expected text of 1 to 200 characters"),
        ({"id": "a\0"}, "id holds the character U+0000"),
        ({"type": "decision.made"}, 'type is "decision.made", expected alert.raised'),
        ({"specversion": "0.3"}, 'specversion is "0.3", expected 1.0'),
        ({"schemaversion": 0}, "schemaversion is 0, expected a whole number from 1 to 1,000,000"),
        ({"schemaversion": "1"}, 'schemaversion is "1", expected a whole number'),
        ({"source": None}, "source is missing, expected text of 1 to 200 characters"),
        ({"time": None}, "time is missing, expected a time with its zone, such as 2024-01-31T21:00:00Z"),
        ({"time": None, "source": None, "type": None}, "source, type, time are missing"),
    ],
)
def test_a_wrong_attribute_is_named_with_what_it_holds_and_what_it_should_hold(write, said, expected):
    assert expected in reason(write(**said))


@BOTH
def test_all_missing_fields_are_named(write):
    assert "data.symbol is missing, expected text of 1 to 32 characters" == reason(
        write({"alert_id": "a", "score": 0.5})
    )
    assert "data.alert_id, data.symbol, data.score are missing" == reason(write({}))
    assert "data is a list of 0 entries, expected an object with the fields of alert.raised" == reason(write([]))
    split = {"id": "a", "layer": "l", "parameters": ["x"], "arms": []}
    update = {"epoch": 1, "version": 1, "previous": None, "session": "2024-01-31", "regime": "all", "registry": "r"}
    body = write({**update, "changes": [], "allocations": [split], "checksum": "c"}, type="params.updated")
    assert reason(body, stream="params.updated").startswith("data.allocations[0].purpose is missing, expected one of")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "event is empty"),
        (b"score=83", "event begins with byte 0x73 (byte 0), expected a JSON object"),
        (b"[1]", "event begins with byte 0x5b (byte 0)"),
        (b"\xef\xbb\xbf" + json(), "event begins with byte 0xef (byte 0)"),
        (b'{"id": NaN}', "invalid character (byte 7)"),
        (b'{"id": "1",}', "(byte 11)"),
        (json()[:-1], f"ends in the middle (byte {len(json()) - 1})"),
        (json() + b"x", "trailing characters (byte 13"),
        (json().replace(b"ACME", b"AC\xffE"), f"event is not UTF-8: byte 0xff (byte {json().index(b'CME') + 1})"),
        (json().replace(b"ACME", b"\\ud83d"), f"(byte {json().index(b'ACME') + 6})"),
        (msgpack()[:-1], f"ends in the middle (byte {len(msgpack()) - 1})"),
        (msgpack() + b"x", f"trailing characters (byte {len(msgpack())})"),
        (msgpack().replace(b"ACME", b"AC\xffE"), "event holds a text that is not UTF-8: byte 0xff"),
        (b"\x81\x01\x02", 'a name in event is "1", expected text'),
        (b"\xdf\xff\xff\xff\xff", "ends in the middle (byte 5)"),
    ],
)
def test_bytes_that_are_no_event_are_refused_with_the_place(body, expected):
    assert expected in reason(body)


def test_the_place_is_right_within_the_data_too():
    body = json({**ALERT, "theme": "here and more"}).replace(b"here", b"\\ud83d")
    assert f"(byte {body.index(b'ud83d') + 5})" in reason(body)
    body = msgpack({}).replace(b"\xa4data\x80", b"\xa4data\x81\x80\x01")
    assert f"(byte {body.index(b'data') + 7})" in reason(body)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["score", "rsi", "price", "spread_bps", "relative_volume_30d"])
def test_numbers_that_are_none_are_refused_in_messagepack(field, number):
    assert f"data.{field} is {number}, expected a" in reason(msgpack({**ALERT, field: number}))


def test_numbers_that_are_none_are_refused_wherever_a_number_can_be():
    assert "data.features.x is nan" in reason(msgpack({**ALERT, "features": {"x": math.nan}}))
    change = {"name": "x", "old": math.nan, "new": [[0.0, math.inf]], "reason": "r"}
    update = {"epoch": 1, "version": 1, "previous": None, "session": "2024-01-31", "regime": "all", "registry": "r"}
    body = msgpack({**update, "changes": [change], "allocations": [], "checksum": "c"}, type="params.updated")
    assert "data.changes[0].old is nan" in reason(body, stream="params.updated")
    change["old"] = 1.0
    body = msgpack({**update, "changes": [change], "allocations": [], "checksum": "c"}, type="params.updated")
    assert "data.changes[0].new" in reason(body, stream="params.updated")


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"1" * 5000])
def test_a_json_number_beyond_every_range_is_refused_by_name(number):
    assert "data.score is out of range, expected a number from 0 to 1" in reason(json().replace(b"0.83", number))


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":' * 10_000,
        b'{"data":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        json({**ALERT, "x": 1}).replace(b'"x":1', b'"x":' + b"[" * 10_000 + b"]" * 10_000),
        msgpack({**ALERT, "x": 7}).replace(b"\xa1x\x07", b"\xa1x" + b"\x91" * 10_000 + b"\x07"),
        b"\x81\xa1x" * 10_000,
    ],
)
def test_nesting_ten_thousand_deep_is_refused(body):
    assert "nested too deeply" in reason(body)


def test_fifty_megabytes_are_refused_before_they_are_parsed():
    body = b"{" + b" " * 50_000_000
    refusal = refused(body)
    assert "the entry has 50000001 bytes, expected at most 1048576" == refusal.reason
    assert (BODY_LIMIT, 50_000_001) == (len(refusal.body), refusal.size)


def test_the_largest_entry_is_a_setting():
    assert "expected at most 100" in reason(json({**ALERT, "theme": "x" * 100}), max_bytes=100)
    with pytest.raises(BrokenEvent, match="expected at most 100"):
        decode({b"theme": b"x" * 101}, stream="alert.raised", entry="1-0", now=NOW, max_bytes=100)


def test_how_far_ahead_another_clock_may_be_is_a_setting():
    soon = json(time="2024-01-31T21:04:00Z")
    assert decode({b"event": soon}, stream="alert.raised", entry="1-0", now=NOW).time > NOW
    assert "in the future" in reason(soon, future_tolerance_us=239_999_999)


def test_the_bytes_are_kept():
    assert json(time=None) == refused(json(time=None)).body
    with pytest.raises(BrokenEvent) as refusal:
        decode({b"symbol": b"ACME", b"x": b"\xff"}, stream="alert.raised", entry="1-0", now=NOW)
    assert {"symbol": "ACME", "x": "\ufffd"} == msgspec.json.decode(refusal.value.body)


def test_an_outcome_that_names_nothing_is_refused():
    body = json({"outcome_id": "o", "return": 0.02}, type="outcome.observed")
    assert "decision_id, alert_id or position_id" in reason(body, stream="outcome.observed")


def test_an_allocation_that_contradicts_itself_is_refused():
    split = {
        "id": "a",
        "layer": "l",
        "purpose": "explore",
        "parameters": ["x"],
        "arms": [{"values": {"x": 1}, "share": 9}],
    }
    update = {"epoch": 1, "version": 1, "previous": None, "session": "2024-01-31", "regime": "all", "registry": "r"}
    body = json({**update, "changes": [], "allocations": [split], "checksum": "c"}, type="params.updated")
    assert "allocation a: the shares sum to 9, they must sum to 10000" in reason(body, stream="params.updated")


def test_a_reason_never_gets_long():
    long = "x" * 100_000
    for said in ({"symbol": long}, {"score": long}, {"features": {long: 1}}, {"direction": long}, {"features": long}):
        assert len(reason(json({**ALERT, **said}))) < 400
    assert len(reason(json(type=long))) < 400
    assert len(reason(json(specversion=long))) < 400


def golden_bodies():
    for kind in sorted(EVENTS):
        yield kind, (GOLDEN / f"{kind}.full.json").read_bytes()
        yield kind, base64.decodebytes((GOLDEN / f"{kind}.msgpack.base64").read_bytes())


def survives(stream, fields):
    """Read at once or looked through, an entry is the same event, or refused with the same sentence."""
    assert read(stream, fields, sample_unknown=False) == read(stream, fields, sample_unknown=True)


def read(stream, fields, *, sample_unknown):
    try:
        found = decode(fields, stream=stream, entry="1706734800123-0", now=NOW, sample_unknown=sample_unknown)
    except (BrokenEvent, NewerEvent) as refusal:
        assert len(str(refusal)) < 2_000
        return str(refusal)
    return msgspec.structs.replace(found, unknown=())


@given(some.sampled_from(sorted(EVENTS)), some.binary(max_size=200))
@example("alert.raised", b"\x81\x81\x01\x01\x01")
def test_random_bytes_are_refused_and_nothing_worse(stream, body):
    survives(stream, {b"event": body})
    survives(stream, {b"event": b"{" + body})
    survives(stream, {b"event": b"\x85" + body})


@settings(deadline=None)
@given(some.sampled_from(sorted(EVENTS)), some.dictionaries(some.binary(max_size=20), some.binary(max_size=40)))
def test_random_entries_are_refused_and_nothing_worse(stream, fields):
    survives(stream, fields)


@pytest.mark.parametrize("seed", range(4))
def test_mutations_of_golden_messages_are_refused_or_understood_and_nothing_worse(seed):
    rng = random.Random(seed)
    for stream, body in golden_bodies():
        for _ in range(30):
            survives(stream, {b"event": mutated(body, rng)})


def mutated(body, rng):
    changed = bytearray(body)
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(changed))
        match rng.randrange(4):
            case 0:
                changed[place] = rng.randrange(256)
            case 1:
                del changed[place : place + rng.randint(1, 8)]
            case 2:
                changed[place:place] = rng.choice([b"null", b"1e999", b"[", b'"', b"\\ud800", b"\xff", b"-", b"\xc0"])
            case 3:
                changed[place:place] = changed[rng.randrange(len(changed)) :][: rng.randint(1, 40)]
        changed = changed or bytearray(b"{")
    return bytes(changed)


@given(some.sampled_from(list(golden_bodies())), some.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_values_of_the_wrong_kind_anywhere_are_refused_or_understood_and_nothing_worse(golden, rng):
    stream, body = golden
    if body[:1] == b"{":
        whole = msgspec.json.decode(body)
        replace_something(whole, rng)
        survives(stream, {b"event": msgspec.json.encode(whole)})
        survives(stream, {b"event": msgspec.msgpack.encode(whole)})


def replace_something(value, rng):
    """Put another kind of value somewhere below ``value``."""
    while True:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = rng.choice(list(keys))
        if isinstance(value[key], dict | list) and value[key] and rng.random() < 0.8:
            value = value[key]
            continue
        value[key] = rng.choice([None, True, -1, 2**63, 1e300, "", "x" * 300, [], {}, [[]], {"a": {"b": []}}, "null"])
        return
