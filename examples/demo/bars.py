"""Daily bars from the sample data or a user's file, checked line by line."""

import csv
import gzip
import importlib.util
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from examples.scanner import Bar
from schemas.calendar import Calendar
from schemas.errors import EngineError

COLUMNS = ("symbol", "date", "open", "high", "low", "close", "volume")
SHOWN = 10


class InvalidBars(EngineError):
    """A file of bars that cannot be used, with every line that is wrong (the first few of them)."""


@dataclass(frozen=True)
class Bars:
    """Bars by session, in the order of time. ``gaps`` says which sessions a symbol lacks; nothing fills them."""

    by_session: Mapping[str, Sequence[Bar]]
    gaps: Sequence[str] = field(default=())

    @property
    def sessions(self) -> list[str]:
        """The dates that have bars."""
        return list(self.by_session)

    def last(self, count: int, *, history: int) -> tuple[list[Bar], "Bars"]:
        """The last ``count`` sessions, and the bars of the ``history`` sessions before them.

        Raises:
            InvalidBars: there are not so many.
        """
        dates = self.sessions
        if len(dates) < count + history:
            raise InvalidBars(
                f"{len(dates)} sessions of bars are too few: {count} to trade and {history} before them "
                f"to look back on; give --sessions {max(0, len(dates) - history)} or a longer file"
            )
        before, traded = dates[-count - history : -count], dates[-count:]
        past = [bar for date in before for bar in self.by_session[date]]
        return past, Bars({date: self.by_session[date] for date in traded}, self.gaps)


def sample_bars(calendar: Calendar) -> Bars:
    """The bars of the sample data package: five US stocks, adjusted for splits and dividends.

    Raises:
        InvalidBars: the package is not installed.
    """
    found = importlib.util.find_spec("bokeh_sampledata")
    if found is None or found.origin is None:
        raise InvalidBars("the sample bars are not installed: pip install 'learning-engine[demo]', or give --bars FILE")
    path = Path(found.origin).parent / "_data" / "stocks.csv.gz"
    with gzip.open(path, "rt", newline="") as lines:
        return _checked(_adjusted(csv.DictReader(lines)), calendar, place=path.name)


def read_bars(path: Path, calendar: Calendar) -> Bars:
    """A user's bars from a CSV file with the columns symbol, date, open, high, low, close, volume.

    Rows may be ordered by date or symbol by symbol, but each symbol's dates must rise.

    Raises:
        InvalidBars: with the lines and what is wrong with them.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            return _checked(_rows(csv.reader(lines), place=path.name), calendar, place=path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidBars(f"{path}: cannot be read as text: {error}") from error


def _adjusted(rows: Iterable[Mapping[str, str]]) -> Iterator[tuple[int, list[str]]]:
    for line, row in enumerate(rows, start=2):
        factor = float(row["Adj Close"]) / float(row["Close"])
        prices = [f"{float(row[column]) * factor:.6f}" for column in ("Open", "High", "Low", "Close")]
        yield line, [row["Ticker"], row["Date"], *prices, row["Volume"]]


def _rows(rows: Iterator[list[str]], *, place: str) -> Iterator[tuple[int, list[str]]]:
    header = [column.strip().lower() for column in next(rows, [])]
    if missing := [column for column in COLUMNS if column not in header]:
        raise InvalidBars(f"{place}, line 1: the columns {missing} are missing; needed are {','.join(COLUMNS)}")
    places = [header.index(column) for column in COLUMNS]
    for line, row in enumerate(rows, start=2):
        if row:
            yield line, [row[place].strip() if place < len(row) else "" for place in places]


def _checked(rows: Iterable[tuple[int, list[str]]], calendar: Calendar, *, place: str) -> Bars:
    problems: list[str] = []
    by_session: dict[str, list[Bar]] = defaultdict(list)
    seen: dict[str, tuple[str, int]] = {}
    gaps = []
    for line, row in rows:
        bar = _bar(row)
        problem = bar if isinstance(bar, str) else _misplaced(bar, calendar, seen)
        if problem:
            problems.append(f"{place}, line {line}: {problem}")
            continue
        assert isinstance(bar, Bar)
        if bar.symbol in seen and (missing := calendar.distance(seen[bar.symbol][0], bar.date) - 1):
            gaps.append(f"{place}, line {line}: {bar.symbol} lacks {missing} sessions before {bar.date}; left as a gap")
        seen[bar.symbol] = (bar.date, line)
        by_session[bar.date].append(bar)
    if problems:
        more = [f"... and {len(problems) - SHOWN} more lines"] if len(problems) > SHOWN else []
        raise InvalidBars("\n".join([*problems[:SHOWN], *more]))
    if not by_session:
        raise InvalidBars(f"{place}: there is no bar in it")
    return Bars({date: sorted(by_session[date]) for date in sorted(by_session)}, gaps)


def _bar(row: Sequence[str]) -> Bar | str:
    """The bar, or what is wrong with it."""
    symbol, date, *texts = row
    if not 1 <= len(symbol) <= 32 or "/" in symbol:
        return f"symbol {symbol[:40]!r} must have 1 to 32 characters and no '/'"
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        return f"{symbol} {date}: open, high, low, close and volume must be numbers, these are {texts}"
    bar = Bar(symbol, date, *numbers)
    if not all(map(math.isfinite, numbers)) or min(numbers[:4]) <= 0 or bar.volume < 0:
        return f"{symbol} {date}: prices must be above 0 and volume not below 0, these are {texts}"
    if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        return f"{symbol} {date}: open and close must lie between low and high, these are {texts}"
    return bar


def _misplaced(bar: Bar, calendar: Calendar, seen: Mapping[str, tuple[str, int]]) -> str:
    """What is wrong with the place of a bar in time, or nothing."""
    if not calendar.is_session(bar.date):
        return f"{bar.symbol}: {bar.date!r} is not a session of {calendar.name}; dates look like 2024-01-31"
    date, line = seen.get(bar.symbol, ("", 0))
    if bar.date == date:
        return f"{bar.symbol} has {bar.date} twice, first in line {line}"
    if bar.date < date:
        return f"{bar.symbol}: {bar.date} comes after {date} in line {line}; sort each symbol's rows by date"
    return ""
