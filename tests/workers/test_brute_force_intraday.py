"""The engine against the oracle, on real bars of an hour: two exchanges in one strategy's books, looked at midway.

Shares across a split of seven to one and, at a venue that never closes, a coin whose days are moved by whole weeks to
lie beside the shares'; it stops trading midway. Now and then a bar misses, and the benchmark's bar comes behind those
that it is compared with.
"""

import random
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from schemas.parameters import Market, Registry
from schemas.price import PriceObserved
from schemas.session import SessionClosed
from schemas.vocabulary import Direction
from tests.standing import COLUMNS, Row
from tests.workers.brute_force import Exchange, Question, Series, Terms, answer
from tests.workers.desk import EPOCH, Desk, Stream
from tests.workers.known_defects import kind_of
from tests.workers.real_market import FOLDER, PRICES, rows_of
from tests.workers.test_brute_force import differences

SHARES, COIN = FOLDER / "us_hourly_spy_aapl.csv.gz", FOLDER / "crypto_btcusd_1h.csv.gz"
pytestmark = pytest.mark.skipif(not (SHARES.is_file() and COIN.is_file()), reason=f"no hourly bars in {FOLDER}")

HOUR = 3_600_000_000
MINUTE = HOUR // 60
FIRST, LAST = "2014-06-02", "2014-06-27"
LASTS = {"BTC-USD": "2014-06-13", "AAPL": LAST, "SPY": LAST}
SPLIT = "2014-06-09 09:00"
MOVED = timedelta(weeks=209)
NYSE, ALWAYS = Exchange("XNYS", "2013-06-01", "2015-06-30"), Exchange("24/7", "2013-06-01", "2015-06-30")
EXCHANGES = {"BTC-USD": ALWAYS, "AAPL": NYSE, "SPY": NYSE}
VENUES = {"BTC-USD": "COINS"}
HORIZONS = ["1h", "4h", "13h", "1d", "3d"]


def bars_of(symbol, file, column, zone, moved, dice):
    """Nearly all of its bars from FIRST to its last day; the files tell when each starts."""
    for row in rows_of(file):
        start = datetime.fromisoformat(row[column]).replace(tzinfo=zone) - moved
        if row["symbol"] == symbol and FIRST <= f"{start:%Y-%m-%d}" <= LASTS[symbol] and dice.random() > 0.02:
            end = (start.astimezone(UTC) - EPOCH) // timedelta(microseconds=1) + HOUR
            prices = (float(row[name]) for name in PRICES)
            factor = 1 / 7 if symbol == "AAPL" and row[column] == SPLIT else None
            yield EXCHANGES[symbol].shorter(end, HOUR, *prices, factor=factor)


def questions(symbol, bars, count, dice):
    """Alerts and purchases, by name, at any minute from the first bar to the last."""
    for number in range(count):
        time = dice.randrange(bars[0].start // MINUTE, bars[-1].start // MINUTE) * MINUTE
        price = next(bar.open for bar in bars if bar.start >= time)
        sign, away = dice.choice((1, -1)), price * dice.choice((0.003, 0.01, 0.3))
        bought = (dice.choice((None, price * 1.001)), price - sign * away, price + sign * away, dice.choice((1, 5)))
        yield f"{symbol}-{number}", (symbol, Question(time, sign, *(bought if number % 2 else ())))


class Floor:
    """All that is told, in its order, and the engine that hears it."""

    def __init__(self, store):
        dice = random.Random(20_140_609)
        shares = (SHARES, "bar_start", ZoneInfo("America/New_York"), timedelta())
        files = {"BTC-USD": (COIN, "ts", UTC, MOVED), "AAPL": shares, "SPY": shares}
        self.bars = {symbol: list(bars_of(symbol, *file, dice)) for symbol, file in files.items()}
        self.asked = {
            name: question
            for symbol, count in {"BTC-USD": 60, "AAPL": 50, "SPY": 6}.items()
            for name, question in questions(symbol, self.bars[symbol], count, dice)
        }
        market = Market(
            horizons=HORIZONS, primary_horizon="1d", bars="1h", benchmark="SPY", venues={"COINS": "24/7"}, sources=["s"]
        )
        self.desk, self.stream, self.dice = Desk(store, rules=Registry(market=market), versions=0), Stream("s"), dice

    def events(self):
        """(time, rank, event) of everything, the benchmark's bars behind the others of their hour."""
        for name, (symbol, question) in self.asked.items():
            yield question.time, 0, self._told(name, symbol, question)
        for rank, (symbol, bars) in enumerate(self.bars.items(), 1):
            for bar in bars:
                told = dict(zip(("open", "high", "low", "close", "factor"), bar[2:7], strict=True))
                data = PriceObserved(symbol=symbol, venue=VENUES.get(symbol), interval="1h", **told)
                yield bar.end, rank, self.stream.event(data, bar.end)
        for place in range(NYSE.place[FIRST], NYSE.place[LAST] + 1):
            close = NYSE.closes[place]
            yield close, 9, self.stream.event(SessionClosed(session=NYSE.names[place]), close)

    def _told(self, name, symbol, question):
        direction = Direction.LONG if question.sign > 0 else Direction.SHORT
        about = {"symbol": symbol, "direction": direction, "version": None, "venue": VENUES.get(symbol)}
        if question.max_hold is None:
            return self.stream.alert(name, question.time, **about)
        bought = {field: getattr(question, field) for field in ("fill_price", "stop", "target", "max_hold")}
        return self.stream.decision(name, question.time, **about, **bought)

    def wrong(self, told):
        """What the engine says otherwise than the oracle, when no more than these events were told."""
        heard = {(event.data.symbol, event.time) for _, rank, event in told if 0 < rank < 9}
        series = {s: Series(bar for bar in bars if (s, bar.end) in heard) for s, bars in self.bars.items()}
        settled = max((NYSE.closes[NYSE.place[session]] for _, session in self.desk.settled), default=0)
        rows = self.desk.examples(*COLUMNS)
        for _, rank, event in told:
            if rank == 0:
                yield from self._wrong(event.data, rows, series, settled)

    def _wrong(self, data, rows, series, settled):
        name = data.alert_id if data.type == "alert.raised" else data.decision_id
        symbol, question = self.asked[name]
        for horizon in HORIZONS if question.max_hold is None else [*HORIZONS, "close"]:
            expected = answer(
                question,
                horizon,
                series=series[symbol],
                exchange=EXCHANGES[symbol],
                terms=Terms(interval=HOUR),
                settled=bisect_right(EXCHANGES[symbol].closes, settled) - 1,
                benchmark=series["SPY"],
            )
            subject = data.type.partition(".")[0]
            row = Row(rows[f"main/{subject}/{name}/{horizon}/prices"])
            yield from ((name, horizon, column) for column in differences(row, expected, question.sign))
            ours = (row.state, kind_of(row), row.marks, row.exit_reason)
            theirs = (expected["state"], expected["kind"], "jump" if expected["jump"] else "", expected.get("how"))
            if ours != theirs:
                yield name, horizon, ours, theirs


def test_at_every_moment_the_books_are_what_plain_loops_make_of_the_bars_so_far(sqlite_store):
    floor = Floor(sqlite_store)
    events = sorted(floor.events(), key=lambda one: one[:2])
    looks = {len(events), *floor.dice.sample(range(len(events)), 12)}
    begin, seen = 0, 0
    while begin < len(events):
        end = min(begin + floor.dice.choice((1, 2, 40)), *(look for look in looks if look > begin))
        assert [] == floor.desk.take(*(event for _, _, event in events[begin:end]))
        floor.desk.rest()
        begin = end
        if begin in looks:
            assert [] == list(floor.wrong(events[:begin]))[:10], begin
            seen += 1
    assert len(looks) == seen
    rows = floor.desk.examples("state", "horizon", "exit_reason", "exit_time").values()
    ended = {(row["state"], row["exit_reason"]) for row in rows if row["horizon"] == "close" and row["exit_time"]}
    assert {("censored", None), *(("matched", how) for how in ("stop_loss", "take_profit", "time_exit"))} == ended
