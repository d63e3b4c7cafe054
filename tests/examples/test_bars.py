import pytest

from examples.demo.bars import InvalidBars, read_bars, sample_bars
from schemas.calendar import Calendar

XNYS = Calendar.named("XNYS")
HEADER = "symbol,date,open,high,low,close,volume"


@pytest.fixture
def read(tmp_path):
    def write_and_read(*lines, header=HEADER):
        path = tmp_path / "bars.csv"
        path.write_text("\n".join([header, *lines]) + "\n")
        return read_bars(path, XNYS)

    return write_and_read


def row(date, symbol="A", high=11, low=9, close=10, volume=5):
    return f"{symbol},{date},10,{high},{low},{close},{volume}"


def test_bars_come_by_session_in_the_order_of_time_however_the_file_is_sorted(read):
    bars = read(row("2012-01-03"), row("2012-01-04"), row("2012-01-03", "B"), row("2012-01-04", "B"))
    assert ["2012-01-03", "2012-01-04"] == bars.sessions
    assert ["A", "B"] == [bar.symbol for bar in bars.by_session["2012-01-04"]]
    assert not bars.gaps


def test_columns_may_come_in_any_order_and_case(read):
    bars = read("2012-01-03,A,10,9,5,11,10", header="Date,Symbol,Close,Low,Volume,High,Open")
    [bar] = bars.by_session["2012-01-03"]
    assert (10.0, 11.0, 9.0, 10.0, 5.0) == bar[2:]


def test_missing_columns_are_named(read):
    with pytest.raises(InvalidBars, match=r"line 1.*'high'.*'volume'"):
        read("A,2012-01-03,1,1,1", header="symbol,date,open,low,close")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (row("2012-01-03"), r"line 3: A has 2012-01-03 twice, first in line 2"),
        (row("2011-12-30"), r"line 3: A: 2011-12-30 comes after 2012-01-03 in line 2"),
        (row("2012-01-07"), r"line 3: A: '2012-01-07' is not a session of XNYS"),
        (row("04.01.2012"), r"line 3: A: '04.01.2012' is not a session"),
        (row("2012-01-04", close=0, low=0), r"line 3: A 2012-01-04: prices must be above 0"),
        (row("2012-01-04", volume=-1), r"line 3: A 2012-01-04: prices must be above 0 and volume not below 0"),
        (row("2012-01-04", high="nan"), r"line 3: A 2012-01-04: prices must be above 0"),
        (row("2012-01-04", high="x"), r"line 3: A 2012-01-04: .* must be numbers"),
        (row("2012-01-04", close=12), r"line 3: A 2012-01-04: open and close must lie between"),
        ("A,2012-01-04,10", r"line 3: A 2012-01-04: .* must be numbers"),
        (row("2012-01-04", symbol=""), r"line 3: symbol '' must have 1 to 32"),
    ],
)
def test_a_wrong_line_is_said_with_its_number(read, wrong, said):
    with pytest.raises(InvalidBars, match=said):
        read(row("2012-01-03"), wrong)


def test_every_wrong_line_is_said_up_to_a_few(read):
    with pytest.raises(InvalidBars) as caught:
        read(*[row("2012-01-07") for _ in range(15)])
    assert 11 == len(str(caught.value).splitlines())
    assert "5 more" in str(caught.value)


def test_gaps_are_said_with_the_line_and_not_filled(read):
    bars = read(row("2012-01-03"), row("2012-01-06"), row("2012-01-03", "B"), row("2012-01-04", "B"))
    assert ["bars.csv, line 3: A lacks 2 sessions before 2012-01-06; left as a gap"] == list(bars.gaps)
    assert ["B"] == [bar.symbol for bar in bars.by_session["2012-01-04"]]


def test_an_empty_file_is_refused(read):
    with pytest.raises(InvalidBars, match="no bar"):
        read()


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidBars, match=r"none\.csv"):
        read_bars(tmp_path / "none.csv", XNYS)


def test_the_last_sessions_come_with_the_history_before_them(read):
    bars = read(*[row(f"2012-01-{day:02}") for day in (3, 4, 5, 6, 9)])
    history, last = bars.last(2, history=2)
    assert ["2012-01-04", "2012-01-05"] == [bar.date for bar in history]
    assert ["2012-01-06", "2012-01-09"] == last.sessions
    with pytest.raises(InvalidBars, match=r"too few.*--sessions 3"):
        bars.last(4, history=2)


def test_the_sample_has_five_stocks_and_is_adjusted():
    bars = sample_bars(XNYS)
    assert 3_270 == len(bars.sessions)
    assert 12_154 == sum(map(len, bars.by_session.values()))
    assert ["AAPL", "FB", "GOOG", "IBM", "MSFT"] == [bar.symbol for bar in bars.by_session["2013-03-01"]]
    first = bars.by_session["2000-03-01"][0]
    assert 4.186663 == pytest.approx(first.close)
    assert 118.56 / 130.31 == pytest.approx(first.open / first.close, rel=1e-5)
