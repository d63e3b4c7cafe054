"""Four years of 258 real stocks, alerts on a fixed rule, and what the engine made of them.

The data lie in the folder that LEARNING_DATA names, else in ``../shared/data`` beside the repository.
"""

import csv
import gzip
import os
import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from events.codec import decode
from events.errors import BrokenEvent
from events.moments import moment_text
from schemas.alert import AlertRaised
from schemas.event import Envelope
from schemas.parameters import Market, Registry
from schemas.price import PriceObserved
from schemas.session import SessionClosed
from schemas.vocabulary import Direction
from tests.standing import standing
from tests.workers.brute_force import Exchange, Question, Series
from workers.attribution import Attribution

FOLDER = Path(os.environ.get("LEARNING_DATA", Path(__file__).parents[3] / "shared" / "data"))
STOCKS = FOLDER / "us_stocks_daily.csv.gz"
INDICES = FOLDER / "index_and_vix_daily.csv.gz"
DEFECTS = FOLDER / "us_stocks_daily_known_defects.csv"
ABSENT = f"no stock data in {FOLDER}; LEARNING_DATA names the folder that holds {STOCKS.name}"

HORIZONS = ["1d", "3d", "5d", "7d", "30d"]
EVERY = 5
"""Each symbol has an alert on every fifth session."""
SOME = ("2015", "2016")
"""The years with defects of every kind."""

NOW = 1_900_000_000_000_000
BATCH = 20_000
"""Of 5,000 events each the engine takes a quarter longer."""
MINUTE = 60_000_000
PRICES = ("open", "high", "low", "close")


class Alert(NamedTuple):
    """An alert of the fixed rule. ``when`` is before, during or after its session."""

    name: str
    symbol: str
    place: int
    when: str
    question: Question


class Defect(NamedTuple):
    """A known defect of the data, as its list has it."""

    symbol: str
    date: str
    kind: str
    detail: str


def rows_of(file):
    """The rows of a CSV file, packed or not, as {column: text}."""
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
        yield from csv.DictReader(lines)


class RealMarket:
    """The data, and what is asked of it. ``places`` are those of ``exchange.names``.

    Not ``whole``, it has two of the years, and of these two stocks with each kind of known defect and a few others.
    """

    def __init__(self, *, whole=True):
        rows = list(rows_of(STOCKS))
        self.defects = [Defect(**row) for row in rows_of(DEFECTS)]
        if not whole:
            self.defects = [defect for defect in self.defects if defect.date[:4] in SOME]
            kept = self._with_every_defect() | set(sorted({row["symbol"] for row in rows})[::64])
            rows = [row for row in rows if row["symbol"] in kept and row["date"][:4] in SOME]
            self.defects = [defect for defect in self.defects if defect.symbol in kept]
        self.exchange = Exchange("XNYS", "2012-01-01", "2018-12-31")
        self.sessions = sorted({row["date"] for row in rows})
        self.incomplete = [row for row in rows if not all(row[name] for name in PRICES)]
        self.stocks = self._by_symbol(row for row in rows if all(row[name] for name in PRICES))
        self.benchmark = self._by_symbol(self._index_rows())["SPY"]
        self.alerts = [
            self._alert(symbol, number, turn)
            for number, symbol in enumerate(sorted(self.stocks))
            for turn in range(0, len(self.sessions), EVERY)
        ]

    def _with_every_defect(self):
        """The first two stocks of each kind."""
        by_kind = {}
        for defect in self.defects:
            by_kind.setdefault(defect.kind, set()).add(defect.symbol)
        return {symbol for symbols in by_kind.values() for symbol in sorted(symbols)[:2]}

    def _index_rows(self):
        for row in rows_of(INDICES):
            if row["symbol"] == "SPY" and self.sessions[0] <= row["date"] <= self.sessions[-1]:
                yield row

    def _by_symbol(self, rows):
        bars = {}
        for row in rows:
            bar = self.exchange.daily(row["date"], *(float(row[name]) for name in PRICES))
            bars.setdefault(row["symbol"], []).append(bar)
        return {symbol: Series(found) for symbol, found in bars.items()}

    def _alert(self, symbol, number, turn):
        """Before the open, during the session, after the close in turns; three of them long, the next three short."""
        count = turn // EVERY + number
        place = self.exchange.place[self.sessions[turn]]
        opens, closes = self.exchange.opens[place], self.exchange.closes[place]
        when = ("before", "during", "after")[count % 3]
        told = {"before": opens - 30 * MINUTE, "during": opens + 120 * MINUTE, "after": closes + 30 * MINUTE}[when]
        return Alert(f"{symbol}/{turn}", symbol, place, when, Question(told, 1 if count // 3 % 2 == 0 else -1))

    def events(self):
        """Alerts, bars and closed sessions by their times."""
        found = []
        for symbol, series in (*self.stocks.items(), ("SPY", self.benchmark)):
            found += [
                (bar.end, 1, PriceObserved(symbol=symbol, interval="1d", open=o, high=h, low=low, close=c))
                for bar in series.bars
                for o, h, low, c in (bar[2:6],)
            ]
        for alert in self.alerts:
            direction = Direction.LONG if alert.question.sign > 0 else Direction.SHORT
            data = AlertRaised(alert_id=alert.name, symbol=alert.symbol, score=0.5, direction=direction)
            found.append((alert.question.time, 0, data))
        for session in self.sessions:
            found.append((self.exchange.closes[self.exchange.place[session]], 2, SessionClosed(session=session)))
        found.sort(key=lambda one: one[:2])
        return [
            Envelope(source="feed", id=str(place), time=moment, data=data, entry=f"{data.type}/{place}-0")
            for place, (moment, _, data) in enumerate(found, 1)
        ]

    def refusals(self):
        """{(symbol, date): why the codec refuses the row}, for the rows that lack a price."""
        found = {}
        for row in self.incomplete:
            data = {
                "symbol": row["symbol"],
                "interval": "1d",
                **{name: float(row[name]) for name in PRICES if row[name]},
            }
            told = moment_text(self.exchange.closes[self.exchange.place[row["date"]]])
            body = {"id": "1", "source": "feed", "type": "price.observed", "time": told, "data": data}
            try:
                decode({b"event": msgspec.json.encode(body)}, stream="price.observed", entry="1-0", now=NOW)
            except BrokenEvent as error:
                found[row["symbol"], row["date"]] = str(error)
        return found


class Joined(NamedTuple):
    """What the engine made of the market: {(alert, horizon): row of its example}, and the seconds that it took."""

    rows: dict
    refused: list
    taking: float
    settling: float


def join(market, store):
    """Feed attribution everything, and settle every session."""
    rules = Market(horizons=HORIZONS, benchmark="SPY", sources=["feed"])
    settled = []
    worker = Attribution(
        store,
        registries={"main": Registry(market=rules)},
        clock=lambda: NOW,
        on_settled=lambda _, session: settled.append(session),
    )
    events, refused, taking, settling = market.events(), [], 0.0, 0.0
    for place in range(0, len(events), BATCH):
        begun = time.perf_counter()
        with store.begin() as work:
            refused.extend(worker.handle(work, events[place : place + BATCH]))
            work.commit()
        taken = time.perf_counter()
        before = -1
        while before != len(settled):
            before = len(settled)
            worker.rest(lambda: NOW)
        taking, settling = taking + taken - begun, settling + time.perf_counter() - taken
    assert market.sessions == settled
    return Joined(_rows(store), refused, taking, settling)


def _rows(store):
    with store.read() as connection:
        return {(row.subject_id, row.horizon): row for row in standing(connection, origin="prices")}
