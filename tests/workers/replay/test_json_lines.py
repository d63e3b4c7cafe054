import pytest

from schemas.event import Envelope
from schemas.price import PriceObserved
from schemas.session import SessionClosed
from schemas.symbol import SymbolChanged
from tests.contract.samples import MINIMAL
from tests.workers.replay.archive import LONGEST, envelopes, reasons, replayed, written

CLOSED = {"source": "bot", "id": "c", "type": "session.closed", "time": "2024-01-31T21:00:00Z"}
CLOSED |= {"data": {"session": "2024-01-31"}}
FLAT = {"source": "bot", "type": "alert.raised", "time": "2024-01-31T21:05:00Z", "alert_id": "a", "symbol": "A"}
FLAT |= {"score": 0.83, "features.rsi": 61, "risk_flags": ["low_volume"], "features": {"squeeze": 0.4}, "regime": None}


def test_an_event_is_what_it_was_on_its_stream(tmp_path):
    [found] = envelopes(written(tmp_path / "a.jsonl", [CLOSED]))
    assert ("bot", "c", 1_706_734_800_000_000, "2024-01-31") == (found.source, found.id, found.time, found.data.session)
    assert "" == found.entry


def test_an_event_without_a_name_gets_that_of_its_content(tmp_path):
    nameless = {name: value for name, value in CLOSED.items() if name != "id"}
    spaced = '{ "time": "2024-01-31T21:00:00Z", "type": "session.closed", "source": "bot",'
    spaced += ' "data": {"session": "2024-01-31" } }'
    [first] = envelopes(written(tmp_path / "a.jsonl", [nameless]))
    [again] = envelopes(written(tmp_path / "b.jsonl", [spaced]))
    several = envelopes(written(tmp_path / "c.jsonl", [spaced, nameless, nameless]))
    assert first.id.startswith("session.closed/")
    assert first == again
    assert [first.id, f"{first.id}-1", f"{first.id}-2"] == [one.id for one in several]


def test_the_flat_form_is_read_as_on_a_stream(tmp_path):
    [alert] = envelopes(written(tmp_path / "a.jsonl", [FLAT]))
    assert (0.83, {"rsi": 61.0, "squeeze": 0.4}, None) == (alert.data.score, alert.data.features, alert.data.regime)
    assert ["low_volume"] == [flag.value for flag in alert.data.risk_flags]
    assert alert.id.startswith("alert.raised/")


def test_flat_events_without_a_name_are_as_many_as_there_are(tmp_path):
    names = [one.id for one in envelopes(written(tmp_path / "a.jsonl", [FLAT, FLAT | {"id": None}, FLAT]))]
    assert [names[0], f"{names[0]}-1", f"{names[0]}-2"] == names


def test_a_flat_event_that_has_a_name_keeps_it(tmp_path):
    assert ["f"] == [one.id for one in envelopes(written(tmp_path / "a.jsonl", [FLAT | {"id": "f"}]))]


def test_lines_without_anything_and_a_mark_of_the_byte_order_are_passed_by(tmp_path):
    file = written(tmp_path / "a.jsonl", [b'\xef\xbb\xbf{"source":"bot","id":"0",', "", "  ", CLOSED])
    found = replayed(file)
    assert [1, 4] == sorted(one.place & 0xFF for one in found)
    file.write_bytes(b"\xef\xbb\xbf" + written(tmp_path / "b.jsonl", ["", CLOSED]).read_bytes().lstrip())
    assert ["c"] == [one.id for one in envelopes(file)]


@pytest.mark.parametrize(
    ("line", "kind", "reason"),
    [
        ('{"source": "bot", "id": "1"', "", "event cannot be read: it ends in the middle"),
        ("hello", "", "event begins with byte 0x68"),
        ("[" * 5_000, "", "event begins with byte 0x5b"),
        ('{"a":' * 5_000, "", "event is nested too deeply"),
        (b'{"source": "b\xff"}', "", "not UTF-8"),
        ({"source": "bot"}, "", "type, time, data are missing"),
        (CLOSED | {"time": "2024-01-31 21:00"}, "session.closed", "time"),
        (CLOSED | {"time": "2034-01-31T21:00:00Z"}, "session.closed", "in the future"),
        (CLOSED | {"type": "session.close"}, "session.close", "no event type is named session.close"),
        (CLOSED | {"data": {"session": 5}}, "session.closed", "data.session is 5"),
        (CLOSED | {"data": {}}, "session.closed", "data.session is missing"),
        (CLOSED | {"data": 5}, "session.closed", "data is 5"),
        (CLOSED | {"id": ""}, "session.closed", 'id is ""'),
        (CLOSED | {"id": 7}, "session.closed", "id is 7"),
        (CLOSED | {"schemaversion": 9}, "session.closed", "upgrade the engine"),
        (FLAT | {"score": 83}, "alert.raised", 'data.score is "83", expected a number from 0 to 1'),
        ("x" * 2 * LONGEST, "", f"the line has {2 * LONGEST + 1} bytes, expected at most {LONGEST}"),
    ],
)
def test_a_line_that_is_no_event_is_refused_and_the_others_are_not(tmp_path, line, kind, reason):
    file = written(tmp_path / "a.jsonl", [CLOSED, line, CLOSED | {"id": "d"}])
    found = replayed(file)
    [refused] = [one for one in found if one.refusal]
    assert reason in refused.refusal.reason
    assert 2 == refused.place & 0xFF
    assert kind == refused.type
    assert ["c", "d"] == [one.envelope.id for one in found if one.envelope]


def test_a_refused_line_keeps_its_bytes(tmp_path):
    [refused] = replayed(written(tmp_path / "a.jsonl", [CLOSED | {"data": {}}]))
    assert refused.refusal.body.startswith(b'{"source":"bot","id":"c"')
    assert len(refused.refusal.body) == refused.refusal.size


def test_a_line_as_long_as_is_allowed_is_read(tmp_path):
    body = written(tmp_path / "a.jsonl", [CLOSED]).read_bytes().strip()
    padded = body[:-1] + b" " * (LONGEST - len(body)) + b"}"
    assert [1, 1] == [len(envelopes(written(tmp_path / "b.jsonl", [padded + end]))) for end in (b"", b"\r")]
    assert [f"the entry has {LONGEST + 1} bytes, expected at most {LONGEST}"] == reasons(
        written(tmp_path / "c.jsonl", [padded.replace(b"}", b" }", 1)])
    )


def test_what_no_book_is_kept_of_is_passed_over(tmp_path):
    file = written(
        tmp_path / "a.jsonl", [Envelope(source="x", id=str(n), time=n, data=d) for n, d in enumerate(MINIMAL)]
    )
    found = replayed(file)
    taken = {one.type for one in found if one.envelope}
    assert {"alert.raised", "session.closed", "symbol.changed"} <= taken
    assert not {"params.updated", "client.reported", "outcome.attributed"} & taken
    assert not [one.refusal for one in found if one.refusal]


def test_events_of_another_strategy_are_passed_over_where_one_is_told(tmp_path):
    other = CLOSED | {"id": "o", "data": {"session": "2024-01-31", "strategy": "other"}}
    file = written(tmp_path / "a.jsonl", [CLOSED, other])
    assert ["c", "o"] == [one.id for one in envelopes(file)]
    assert ["o"] == [one.id for one in envelopes(file, strategy="other")]


def test_events_of_one_moment_stand_as_they_refer_to_each_other_and_the_end_of_the_session_last(tmp_path):
    time = 1_706_734_800_000_000
    bar = PriceObserved(symbol="A", interval="1d", open=1.0, high=1.0, low=1.0, close=1.0)
    samples = {sample.type: sample for sample in MINIMAL}
    wanted = ("alert.raised", "thesis.formed", "decision.made", "fill.reported", "outcome.observed")
    data = [SymbolChanged(symbol="A", session="2024-01-31"), *(samples[kind] for kind in wanted), bar]
    data.append(SessionClosed(session="2024-01-31"))
    events = [Envelope(source="x", id=str(9 - number), time=time, data=one) for number, one in enumerate(data)]
    found = envelopes(written(tmp_path / "a.jsonl", reversed(events)))
    assert [type(one) for one in data] == [type(one.data) for one in found]


def test_the_end_of_a_session_stands_behind_everything_up_to_its_close(tmp_path):
    closed = Envelope(source="x", id="c", time=1_706_700_000_000_000, data=SessionClosed(session="2024-01-31"))
    bar = PriceObserved(symbol="A", interval="1d", open=1.0, high=1.0, low=1.0, close=1.0)
    at_close = Envelope(source="x", id="b", time=1_706_734_800_000_000, data=bar)
    after = Envelope(source="x", id="a", time=1_706_734_800_000_001, data=bar)
    found = envelopes(written(tmp_path / "a.jsonl", [after, closed, at_close]))
    assert ["b", "c", "a"] == [one.id for one in found]
    assert 1_706_700_000_000_000 == found[1].time


def test_of_two_events_with_one_name_the_content_decides_which_is_first(tmp_path):
    other = CLOSED | {"data": {"session": "2024-01-30"}}
    straight = envelopes(written(tmp_path / "a.jsonl", [CLOSED, other]))
    assert straight == envelopes(written(tmp_path / "b.jsonl", [other, CLOSED]))
