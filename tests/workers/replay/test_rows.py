import datetime as dt
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.parameters import Market, Registry
from tests.workers.replay.archive import envelopes, reasons, replayed, rows_of, written
from workers.replay.errors import InvalidMap

BARS = """
type = "price.observed"
source = "feed"
time = { column = "date", at = "close" }
[constants]
interval = "1d"
[columns]
symbol = "symbol"
open = "open"
high = "high"
low = "low"
close = "close"
volume = "volume"
"""

FILLS = """
type = "fill.reported"
source = "broker"
time = { column = "ts", at = "close" }
[columns]
fill_id = "#id"
sequence = "#line"
symbol = "symbol"
side = { column = "amount", positive = "buy", negative = "sell" }
quantity = { column = "amount", absolute = true }
price = "price"
"""

ALERTS = """
type = "alert.raised"
source = "scanner"
time = "at"
id = "id"
[columns]
alert_id = "id"
symbol = "ticker"
score = { column = "scores.total", scale = "points" }
features.rsi = "rsi"
features.squeeze = { column = "sq", scale = "percent" }
"""

HEADER = "symbol,date,open,high,low,close,volume"
TWO_DAYS = [HEADER, "AAL,2013-02-08,15.07,15.12,14.63,14.75,8407500", "AAL,2013-02-11,14.89,15.01,14.26,14.46,"]


def bars(folder, lines=TWO_DAYS, name="bars.csv", **more):
    return envelopes(written(folder / name, lines), rows=rows_of(folder, BARS, **more))


def test_a_row_of_csv_is_an_event(tmp_path):
    first, second = bars(tmp_path)
    assert ("feed", 1_360_357_200_000_000) == (first.source, first.time)
    assert ("AAL", "1d", 15.07, 15.12, 14.63, 14.75, 8407500.0) == (
        first.data.symbol,
        first.data.interval,
        first.data.open,
        first.data.high,
        first.data.low,
        first.data.close,
        first.data.volume,
    )
    assert second.data.volume is None
    assert "" == first.entry


def test_the_same_table_as_parquet_makes_the_same_events(tmp_path):
    table = {
        "symbol": ["AAL", "AAL"],
        "date": [dt.datetime(2013, 2, 8), dt.datetime(2013, 2, 11)],
        "open": [15.07, 14.89],
        "high": [15.12, 15.01],
        "low": [14.63, 14.26],
        "close": [14.75, 14.46],
        "volume": pa.array([8407500.0, math.nan]),
    }
    pq.write_table(pa.table(table), tmp_path / "bars.parquet")
    assert bars(tmp_path) == envelopes(tmp_path / "bars.parquet", rows=rows_of(tmp_path, BARS))


def test_text_that_parquet_holds_as_bytes_is_text(tmp_path):
    table = {name: [1.0] for name in ("open", "high", "low", "close", "volume")}
    table |= {"symbol": [b"ACME"], "date": [b"2024-01-31"]}
    pq.write_table(pa.table(table), tmp_path / "bars.parquet")
    [bar] = envelopes(tmp_path / "bars.parquet", rows=rows_of(tmp_path, BARS))
    assert "ACME" == bar.data.symbol


def test_dates_and_whole_numbers_of_parquet_are_read_too(tmp_path):
    table = {name: [1] for name in ("open", "high", "low", "close")}
    table |= {"symbol": ["A"], "date": [dt.date(2013, 2, 8)], "volume": pa.array([None], pa.int64())}
    pq.write_table(pa.table(table), tmp_path / "bars.parquet")
    [bar] = envelopes(tmp_path / "bars.parquet", rows=rows_of(tmp_path, BARS))
    assert (1.0, None) == (bar.data.open, bar.data.volume)


def test_the_same_row_has_the_same_name_wherever_it_stands(tmp_path):
    shuffled = [HEADER, "", *reversed(TWO_DAYS[1:])]
    assert bars(tmp_path) == bars(tmp_path, shuffled)


def test_the_name_follows_what_is_said_and_not_how_it_is_written(tmp_path):
    rewritten = [HEADER, TWO_DAYS[1].replace("15.07", " 15.070 ").replace("8407500", "8407500.0"), TWO_DAYS[2]]
    assert bars(tmp_path) == bars(tmp_path, rewritten)


@pytest.mark.parametrize("changed", [("15.07", "15.08"), ("AAL", "AAP"), ("2013-02-08", "2013-02-07")])
def test_another_content_has_another_name(tmp_path, changed):
    first = {bar.id for bar in bars(tmp_path)}
    assert 1 == len(
        first - {bar.id for bar in bars(tmp_path, [TWO_DAYS[0], TWO_DAYS[1].replace(*changed), TWO_DAYS[2]])}
    )


def test_names_made_from_content_sort_by_time(tmp_path):
    found = bars(tmp_path)
    assert found == sorted(found, key=lambda bar: bar.id)


def test_wholly_equal_rows_of_a_file_are_as_many_events(tmp_path):
    names = [bar.id for bar in bars(tmp_path, [HEADER, *TWO_DAYS[1:] * 3])]
    first, second = (bar.id for bar in bars(tmp_path))
    assert {first, f"{first}-1", f"{first}-2", second, f"{second}-1", f"{second}-2"} == set(names)


def test_a_row_that_stands_in_two_files_is_one_event(tmp_path):
    files = [written(tmp_path / name, [HEADER, *TWO_DAYS[1:] * 2]) for name in ("a.csv", "b.csv")]
    found = envelopes(*files, rows=rows_of(tmp_path, BARS))
    assert 8 == len(found)
    assert 4 == len({bar.id for bar in found})


def test_the_strategy_is_that_of_the_registry(tmp_path):
    registry = Registry(strategy="momentum", market=Market())
    assert {"momentum"} == {bar.data.strategy for bar in bars(tmp_path, registry=registry)}


def test_sessions_are_those_of_the_venue_that_the_map_names(tmp_path):
    registry = Registry(market=Market(venues={"LSE": "XLON"}))
    text = BARS.replace("[constants]", '[constants]\nvenue = "LSE"')
    [bar, _] = envelopes(written(tmp_path / "bars.csv", TWO_DAYS), rows=rows_of(tmp_path, text, registry=registry))
    assert 1_360_341_000_000_000 == bar.time


def test_a_trade_log_tells_sides_by_signs_and_its_order_by_lines(tmp_path):
    lines = ["ts,symbol,amount,price", *["2004-01-09 00:00:00+00:00,AMD,448,15.54"] * 2, "2004-01-09,AMD,-448,15.6"]
    found = envelopes(written(tmp_path / "log.csv", lines), rows=rows_of(tmp_path, FILLS))
    told = sorted((fill.data.sequence, fill.data.side.value, fill.data.quantity) for fill in found)
    assert [(2, "buy", 448.0), (3, "buy", 448.0), (4, "sell", 448.0)] == told
    assert [fill.id for fill in found] == [fill.data.fill_id for fill in found]
    assert 3 == len({fill.id for fill in found})


def test_the_line_is_no_part_of_the_name(tmp_path):
    lines = ["ts,symbol,amount,price", "2004-01-09,AMD,448,15.54"]
    rows = rows_of(tmp_path, FILLS)
    [first] = envelopes(written(tmp_path / "a.csv", lines), rows=rows)
    [later] = envelopes(written(tmp_path / "b.csv", [lines[0], "", *lines[1:]]), rows=rows)
    assert (2, 3) == (first.data.sequence, later.data.sequence)
    assert first.id == later.id


def test_a_trade_without_an_amount_has_no_side(tmp_path):
    lines = ["ts,symbol,amount,price", "2004-01-09,AMD,0,15.54"]
    [reason] = reasons(written(tmp_path / "a.csv", lines), rows=rows_of(tmp_path, FILLS))
    assert reason.startswith("data.side is missing")


def test_bare_objects_are_rows_with_dots_for_what_lies_deeper(tmp_path):
    line = {"id": "a1", "at": "2024-01-31T21:05:00Z", "ticker": "AAPL", "rsi": 61, "sq": 40.0, "scores": {"total": 83}}
    [alert] = envelopes(written(tmp_path / "alerts.jsonl", [line]), rows=rows_of(tmp_path, ALERTS))
    assert ("scanner", "a1", 0.83, {"rsi": 61.0, "squeeze": 0.4}) == (
        alert.source,
        alert.id,
        alert.data.score,
        alert.data.features,
    )


def test_events_between_bare_objects_are_taken_as_they_are(tmp_path):
    bare = {"id": "a1", "at": "2024-01-31T21:05:00Z", "ticker": "AAPL", "scores": {"total": 83}}
    told = {"source": "x", "id": "e", "type": "session.closed", "time": "2024-01-31T21:00:00Z"}
    told |= {"data": {"session": "2024-01-31"}}
    found = envelopes(written(tmp_path / "a.jsonl", [bare, told]), rows=rows_of(tmp_path, ALERTS))
    assert ["session.closed", "alert.raised"] == [one.data.type for one in found]


def test_an_event_between_bare_objects_that_is_wrong_is_refused_as_an_event(tmp_path):
    told = {"source": "x", "id": "e", "type": "session.closed", "time": "soon", "data": {"session": "2024-01-31"}}
    [reason] = reasons(written(tmp_path / "a.jsonl", [told]), rows=rows_of(tmp_path, ALERTS))
    assert reason.startswith('time is "soon"')


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("AAL,2013-02-08,x,15.12,14.63,14.75,1", 'data.open is "x", expected a finite number'),
        ("AAL,2013-02-08,NaN,15.12,14.63,14.75,1", 'data.open is "NaN", expected a finite number'),
        ("AAL,2013-02-08,,15.12,14.63,14.75,1", "data.open is missing, expected a finite number"),
        ("AAL,2013-02-09,1,1,1,1,1", "time: '2013-02-09' is not a session of XNYS"),
        ("AAL,,1,1,1,1,1", "time is missing: there is nothing in the column 'date'"),
        ("AAL,2013-02-08,1,1,1", "the row has 5 cells, expected 7 as in the header"),
        ("AAL,2013-02-08,1,1,1,1,1,1", "the row has 8 cells, expected 7 as in the header"),
        (b"A\xffL,2013-02-08,1,1,1,1,1", "the row is not UTF-8"),
        (f'"{"A" * 70_000}",2013-02-08,1,1,1,1,1', "the row: field larger than field limit"),
        ("AAL,2033-02-08,1,1,1,1,1", "in the future"),
    ],
)
def test_a_row_that_is_no_event_is_refused_and_the_others_are_not(tmp_path, line, reason):
    file = written(tmp_path / "bars.csv", [TWO_DAYS[0], TWO_DAYS[1], line, TWO_DAYS[2]])
    found = replayed(file, rows=rows_of(tmp_path, BARS))
    [refused] = [one for one in found if one.refusal]
    assert reason in refused.refusal.reason
    assert 3 == refused.place & 0xFFFF
    assert "price.observed" == refused.type
    assert bars(tmp_path) == [one.envelope for one in found if one.envelope]


def test_a_map_for_columns_that_are_not_there_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(InvalidMap, match=r"bars\.csv has no column 'volume'; did you mean 'volumes'\?"):
        bars(tmp_path, [HEADER.replace("volume", "volumes"), *TWO_DAYS[1:]])


def test_a_header_may_begin_with_a_mark_of_the_byte_order(tmp_path):
    assert bars(tmp_path) == bars(tmp_path, [b"\xef\xbb\xbf" + HEADER.encode(), *TWO_DAYS[1:]])
