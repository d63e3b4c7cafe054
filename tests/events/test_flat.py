from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from events.codec import decode
from events.errors import BrokenEvent, NewerEvent
from schemas.vocabulary import Direction, RiskFlag
from tests.events.strategies import NOW

ALERT = {"alert_id": "a-1", "symbol": "ACME", "score": "0.83"}
DECISION = {"decision_id": "d-1", "symbol": "ACME", "action": "BUY"}


def read(fields, *, stream="alert.raised", entry="1706734800123-4", **options):
    encoded = {name.encode(): text.encode() for name, text in fields.items()}
    return decode(encoded, stream=stream, entry=entry, now=NOW, **options)


def reason(fields, **options):
    with pytest.raises(BrokenEvent) as refusal:
        read(fields, **options)
    return refusal.value.reason


def test_what_is_not_said_comes_from_the_stream():
    found = read(ALERT)
    assert ("unknown", "alert.raised/1706734800123-4") == (found.source, found.id)
    assert 1_706_734_800_123_000 == found.time


def test_the_envelope_can_be_said():
    said = {"id": "e-1", "source": "desk", "time": "2024-01-31T15:00:00.5-05:00", "schemaversion": "1"}
    found = read({**ALERT, **said, "type": "alert.raised"})
    assert ("desk", "e-1", 1_706_731_200_500_000) == (found.source, found.id, found.time)


def test_numbers_words_booleans_and_times_are_read_from_text():
    said = {
        "price": "12.5",
        "up_days_of_5": "3",
        "breakout": "true",
        "in_squeeze": "False",
        "direction": "SELL",
        "data_time": "2024-01-31T20:00:00Z",
        "theme": "12.5",
        "rsi": "null",
    }
    alert = read({**ALERT, **said}).data
    assert (0.83, 12.5, 3, True, False) == (
        alert.score,
        alert.price,
        alert.up_days_of_5,
        alert.breakout,
        alert.in_squeeze,
    )
    assert (Direction.SHORT, "12.5", None) == (alert.direction, alert.theme, alert.rsi)
    assert datetime(2024, 1, 31, 20, tzinfo=UTC) == alert.data_time


def test_dots_nest_and_below_a_dictionary_the_rest_is_one_name():
    assert {"squeeze": 0.9, "rsi.14": 61.0} == read(
        {**ALERT, "features.squeeze": "0.9", "features.rsi.14": "61"}
    ).data.features
    market = read({**DECISION, "market.vix": "14.5", "market.new_highs": "3"}, stream="decision.made").data.market
    assert (14.5, 3, None) == (market.vix, market.new_highs, market.new_lows)


def test_objects_can_be_written_as_json():
    said = {"features": '{"squeeze": 0.9}', "features.rsi": "61", "assignments": '{"t.1-17": {"x.y": 0.7}}'}
    alert = read({**ALERT, **said}).data
    assert {"squeeze": 0.9, "rsi": 61.0} == alert.features
    assert {"t.1-17": {"x.y": 0.7}} == alert.assignments


@pytest.mark.parametrize(
    "flags", ['["wide_spread", "Low Volume"]', "wide_spread,low_volume", " wide spread , LOW-VOLUME,"]
)
def test_lists_are_json_or_separated_by_commas(flags):
    assert [RiskFlag.WIDE_SPREAD, RiskFlag.LOW_VOLUME] == read({**ALERT, "risk_flags": flags}).data.risk_flags


def test_an_empty_list_is_written_as_nothing():
    assert (
        [] == read({**ALERT, "risk_flags": ""}).data.risk_flags == read({**ALERT, "risk_flags": "[]"}).data.risk_flags
    )


def test_a_value_of_any_type_is_json_where_it_can_be():
    said = {"proposal_id": "p", "kind": "values", "session": "2024-01-31", "proposed_by": "ada", "reason": "r"}
    values = {"values.a.b": "0.7", "values.c": "25", "values.d": "limit", "values.e": '["friday"]'}
    assert {"a.b": 0.7, "c": 25, "d": "limit", "e": ["friday"]} == read(
        {**said, **values}, stream="params.proposed"
    ).data.values


def test_null_is_null_where_that_is_allowed():
    said = {"epoch": "1", "version": "1", "session": "2024-01-31", "regime": "null", "registry": "r", "checksum": "c"}
    found = read({**said, "previous": "null", "changes": "", "allocations": "[]"}, stream="params.updated").data
    assert (None, "null") == (found.previous, found.regime)


def test_undeclared_fields_are_named_when_asked_for():
    said = {**ALERT, "scroe": "1", "symbol.x": "1", "features.x": "1"}
    assert ("scroe", "symbol.x") == read(said, sample_unknown=True).unknown


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"score": "83"}, 'data.score is "83", expected a number from 0 to 1, such as 0.83 (scores, confidences'),
        ({"score": "nan"}, 'data.score is "nan", expected a number from 0 to 1'),
        ({"score": "inf"}, 'data.score is "inf", expected a number from 0 to 1'),
        ({"score": "1e400"}, 'data.score is "1e400", expected a number from 0 to 1'),
        ({"price": ""}, 'data.price is "", expected a finite number'),
        ({"features.x": "high"}, 'data.features.x is "high", expected a finite number'),
        ({"features": "[1]"}, "data.features is a list of 1 entries, expected an object"),
        ({"features": "{1"}, 'data.features is "{1", expected an object'),
        ({"features": '{"x": 1}', "features.x": "2"}, "data.features.x is given twice"),
        ({"features": "x", "features.x": "2"}, "data.features is given twice"),
        ({"direction": "up"}, 'data.direction is "up", expected one of long, short'),
        ({"risk_flags": "low_volume,bad"}, 'data.risk_flags[1] is "bad", expected one of low_confidence'),
        ({"data_time": "2024-01-31T19:00:00"}, "expected a time with its zone, such as 2024-01-31T21:00:00Z"),
        ({"data_time": "1706731200"}, 'data.data_time is "1706731200", expected a time with its zone, such as'),
        ({"time": "1706731200"}, 'time is "1706731200", expected a time with its zone, such as 2024-01-31T21:00:00Z'),
        ({"time": "2024-01-31T19:00:00"}, 'time is "2024-01-31T19:00:00", expected a time with its zone, such as'),
        ({"time": "2034-01-31T19:00:00Z"}, "time is 2034-01-31T19:00:00+00:00, in the future"),
        ({"schemaversion": "one"}, 'schemaversion is "one", expected a whole number'),
        ({"type": "decision.made"}, 'type is "decision.made", expected alert.raised'),
        ({"source": "x" * 201}, "(201 characters), expected text of 1 to 200 characters"),
        ({"theme": "a\0"}, "data.theme holds the character U+0000"),
    ],
)
def test_what_is_wrong_is_refused_with_the_right_form(said, expected):
    assert expected in reason({**ALERT, **said})


def test_missing_fields_are_named():
    assert "data.alert_id, data.score are missing" == reason({"symbol": "ACME"})
    assert "the entry is empty" in reason({})


def test_text_that_is_not_utf8_is_refused():
    with pytest.raises(BrokenEvent, match="not UTF-8: byte 0xff"):
        decode({b"symbol": b"AC\xff"}, stream="alert.raised", entry="1-0", now=NOW)


def test_json_nested_ten_thousand_deep_is_refused():
    assert "nested too deeply" in reason({**ALERT, "features": "[" * 10_000})


def test_an_entry_id_that_is_no_time_needs_a_time():
    assert "expected a field time, such as 2024-01-31T21:00:00Z" in reason(ALERT, entry="18446744073709551615-0")
    assert 1_706_731_200_000_000 == read({**ALERT, "time": "2024-01-31T20:00:00Z"}, entry="18446744073709551615-0").time


def test_a_newer_schema_waits_for_a_newer_engine():
    with pytest.raises(NewerEvent):
        read({**ALERT, "schemaversion": "2"})


@settings(deadline=None)
@given(some.dictionaries(some.text(max_size=20), some.floats(-1e15, 1e15), max_size=5))
def test_every_number_is_read_as_it_was_written(numbers):
    said = {f"weights.w{place}": repr(number) for place, number in enumerate(numbers.values())}
    found = read({**DECISION, **said}, stream="decision.made").data.weights or {}
    assert list(numbers.values()) == list(found.values())
