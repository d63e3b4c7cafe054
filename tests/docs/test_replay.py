"""The maps of the page on replaying files do what the page says."""

import pytest

from tests.docs.pages import blocks, rows
from tests.workers.replay.archive import envelopes, rows_of, written
from workers.replay.column_map import Column

PAGE = "docs/replay.md"
MAPS = blocks(PAGE, "toml")


@pytest.fixture
def events(tmp_path):
    """The events that a table makes with the map of that number."""

    def make(number, *lines):
        return envelopes(written(tmp_path / "a.csv", lines), rows=rows_of(tmp_path, MAPS[number]))

    return make


def test_daily_bars_are_read(events):
    [bar] = events(0, "symbol,date,open,high,low,close,volume", "AAL,2013-02-08,15.07,15.12,14.63,14.75,8407500")
    assert (15.07, 1_360_357_200_000_000) == (bar.data.open, bar.time)


def test_a_log_of_trades_is_read(events):
    bought, sold = events(1, "ts,symbol,amount,price", "2004-01-09,AMD,448,15.54", "2004-01-09,AMD,-8,15.6")
    found = {(fill.data.sequence, fill.data.side.value, fill.data.quantity) for fill in (bought, sold)}
    assert {(2, "buy", 448.0), (3, "sell", 8.0)} == found


def test_alerts_in_points_and_per_cent_are_read(events):
    header = "row_id,ticker,found_at,score,side,short_pct,squeeze"
    [alert] = events(2, header, "a1,AAPL,2024-01-31 16:05,83,down,2.1,40")
    told = alert.data
    assert ("a1", "a1", 1_706_735_100_000_000) == (alert.id, told.alert_id, alert.time)
    assert (0.83, "short", 0.021, {"squeeze": 0.4}) == (
        told.score,
        told.direction.value,
        told.short_interest_fraction,
        told.features,
    )


def test_everything_that_may_stand_in_the_table_of_a_column_is_told():
    told = [
        word for row in rows(PAGE, header="in the table of a column") for word in row[0].replace("`", "").split(", ")
    ]
    assert sorted(Column.__struct_fields__) == sorted(told)
