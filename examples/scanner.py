"""A trading process that the engine can learn from. Take it as a pattern.

It reads daily bars as CSV lines (``symbol,date,open,high,low,close,volume``), one session after the other, and tells
the engine everything: every candidate, what was decided, what was filled, what came of it, and the bars themselves.
What it trades by comes from ``ParameterClient``, out of memory: it never waits for the engine, and with the engine
gone it goes on with what it has. In the folder ``--state`` lies what outlives it: events that wait for a broker that is
away, and the last good version of the parameters. Everything above ``Scanner`` is pure, so that a judge can repeat it
on other values.
"""

import argparse
import math
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, time
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from learning_client import EventPublisher, ParameterClient, SpoolFolder, unit_of
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

STRATEGY = "demo"
NEW_YORK = ZoneInfo("America/New_York")
LOGGING_FLOOR = 0.35  # never learned: what is learned decides what is bought, not what is told
HISTORY = 80  # bars that the features look back on
SIZE, EQUITY = 0.10, 100_000.0  # of equity in one position; equity in currency
FEES = 0.0005  # of what is traded, a side

FEATURES = ("volume_momentum", "squeeze", "trend", "relative_strength", "gap", "volatility")
DEFAULTS = {
    f"weight.{name}": weight for name, weight in zip(FEATURES, (0.15, 0.15, 0.20, 0.20, 0.15, 0.15), strict=True)
}
DEFAULTS |= {"threshold.score": 0.50, "exit.take_profit": 0.04, "exit.stop_loss": 0.03, "exit.max_hold": 4}
# The trading side's own bounds: a version that goes beyond them is refused as a whole.
BOUNDS = {f"weight.{name}": (0.0, 0.6) for name in FEATURES}
BOUNDS |= {"threshold.score": (0.3, 0.8), "exit.take_profit": (0.02, 0.10), "exit.stop_loss": (0.01, 0.08)}
BOUNDS |= {"exit.max_hold": (2, 6)}


class Bar(NamedTuple):
    """One symbol's session: prices in its currency, volume in shares."""

    symbol: str
    date: str
    open: float
    high: float
    low: float
    close: float
    volume: float

    @classmethod
    def parse(cls, line: str) -> "Bar":
        """The bar in one CSV line."""
        symbol, date, *numbers = line.strip().split(",")
        return cls(symbol, date, *map(float, numbers))


def sessions(lines: Iterable[str]) -> Iterator[list[Bar]]:
    """The bars of one date after the other; a blank line ends a session, so that a pipe need not send the next one."""
    bars: list[Bar] = []
    for line in lines:
        bar = Bar.parse(line) if line.strip() else None
        if bars and (bar is None or bar.date != bars[0].date):
            yield bars
            bars = []
        if bar:
            bars.append(bar)
    if bars:
        yield bars


def candidates(histories: Mapping[str, Sequence[Bar]]) -> dict[str, dict[str, float]]:
    """The features, each 0 to 1, of every symbol with enough history whose mean feature clears the logging floor.

    The floor looks at the plain mean and not at the score, because the score moves with what is learned.
    """
    past = {symbol: np.array([bar[2:] for bar in bars]) for symbol, bars in histories.items() if len(bars) >= HISTORY}
    months = {symbol: float(bars[-1, 3] / bars[-21, 3]) for symbol, bars in past.items()}
    found = {}
    for symbol, bars in past.items():
        beaten = sum(other < months[symbol] for other in months.values())
        features = _features(bars[-HISTORY:], strength=beaten / (len(months) - 1) if len(months) > 1 else 0.5)
        if sum(features.values()) / len(features) >= LOGGING_FLOOR:
            found[symbol] = features
    return found


def _features(bars: NDArray[np.float64], *, strength: float) -> dict[str, float]:
    opens, highs, lows, closes, volumes = bars.T
    ranges = (highs - lows) / closes
    widths = sliding_window_view(closes, 20).std(axis=1) / sliding_window_view(closes, 20).mean(axis=1)
    swings = sliding_window_view(ranges, 14).mean(axis=1)
    values = (
        _squash(math.log((volumes[-5:].mean() + 1) / (volumes[-20:].mean() + 1)), scale=0.3),
        float((widths > widths[-1]).mean()),
        _squash(closes[-10:].mean() / closes[-40:].mean() - 1, scale=0.03),
        strength,
        _squash((opens[-1] / closes[-2] - 1) / (ranges[-20:].mean() + 1e-9), scale=0.5),
        float((swings < swings[-1]).mean()),
    )
    return {name: round(value, 6) for name, value in zip(FEATURES, values, strict=True)}


def _squash(value: float, *, scale: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, float(value) / scale))))


def score(features: Mapping[str, float], values: Mapping[str, float]) -> float:
    """0 to 1: the features, weighted by values that sum to 1."""
    return round(min(1.0, max(0.0, sum(features[name] * values[f"weight.{name}"] for name in FEATURES))), 6)


class Exit(NamedTuple):
    """How a position ended: a price in currency; fractions of the entry price, ``net`` after the fees of both sides."""

    price: float
    reason: str
    gross: float
    net: float
    mfe: float
    mae: float


class Position(NamedTuple):
    """A long paper position that keeps the values it was opened with."""

    entry: float
    take_profit: float
    stop_loss: float
    max_hold: int
    held: int = 0
    highest: float = 0.0
    lowest: float = math.inf

    @classmethod
    def opened(cls, entry: float, values: Mapping[str, float]) -> "Position":
        """A position at the price ``entry``, to be left as ``values`` say."""
        return cls(entry, values["exit.take_profit"], values["exit.stop_loss"], round(values["exit.max_hold"]))

    def after(self, bar: Bar) -> "Position | Exit":
        """The position after one more session, or how it ended there.

        Target and stop in one bar count as the stop, because nobody knows which came first. An
        open beyond either is the price that was got.
        """
        stop, target = self.entry * (1 - self.stop_loss), self.entry * (1 + self.take_profit)
        if bar.open <= stop or bar.open >= target:
            return self._ended(bar.open, "stop_loss" if bar.open <= stop else "take_profit", (bar.open, bar.open))
        reached = (min(bar.high, target), max(bar.low, stop))
        if bar.low <= stop:
            return self._ended(stop, "stop_loss", reached)
        if bar.high >= target:
            return self._ended(target, "take_profit", reached)
        if self.held + 1 >= self.max_hold:
            return self._ended(bar.close, "time_exit", reached)
        high, low = reached
        return self._replace(held=self.held + 1, highest=max(self.highest, high), lowest=min(self.lowest, low))

    def _ended(self, price: float, reason: str, reached: tuple[float, float]) -> Exit:
        gross = price / self.entry - 1
        mfe = max(self.highest, reached[0], self.entry) / self.entry - 1
        mae = min(self.lowest, reached[1], self.entry) / self.entry - 1
        return Exit(price, reason, gross, gross - 2 * FEES, mfe, mae)


class Order(NamedTuple):
    """What is bought at the next open, by the values that were in force when it was decided."""

    decision_id: str
    symbol: str
    values: Mapping[str, float]


class Scanner:
    """Trades on paper, one session after the other, and tells the engine everything."""

    def __init__(self, events: EventPublisher, params: ParameterClient) -> None:
        self._events = events
        self._params = params
        self._histories: dict[str, deque[Bar]] = {}
        self._orders: list[Order] = []
        self._held: list[tuple[Order, Position, datetime]] = []

    def remember(self, bars: Iterable[Bar]) -> None:
        """Add bars to what the features look back on."""
        for bar in bars:
            self._histories.setdefault(bar.symbol, deque(maxlen=HISTORY)).append(bar)

    def trade(self, bars: Sequence[Bar]) -> None:
        """Live through one session: fill at its open, leave within it, look for candidates after its close."""
        day, close = bars[0].date, _moment(bars[0].date, "16:00")
        for bar in bars:
            self._open(bar)
            self._leave(bar, close)
            prices = {name: value for name, value in bar._asdict().items() if name != "date"}
            self._events.price(interval="1d", time=close, **prices)
        self.remember(bars)
        here = {bar.symbol: self._histories[bar.symbol] for bar in bars}
        for symbol, features in candidates(here).items():
            self._decide(symbol, day, features, price=here[symbol][-1].close, time=close)
        self._events.session_closed(session=day, time=close)

    def _decide(self, symbol: str, day: str, features: Mapping[str, float], *, price: float, time: datetime) -> None:
        name, known = f"{symbol}-{day}", self._params.snapshot(unit=unit_of(symbol, day))
        points = score(features, known.values)
        buy = points >= known["threshold.score"]
        told: dict[str, Any] = {"symbol": symbol, "score": points, "price": price, "time": time, "snapshot": known}
        self._events.alert(alert_id=name, features=features, **told)
        action, size, hold = "BUY" if buy else "IGNORE", SIZE if buy else 0.0, known["exit.max_hold"]
        self._events.decision(decision_id=name, alert_id=name, action=action, size=size, max_hold=hold, **told)
        if buy:
            self._orders.append(Order(name, symbol, known.values))

    def _open(self, bar: Bar) -> None:
        time = _moment(bar.date, "09:30")
        for order in [order for order in self._orders if order.symbol == bar.symbol]:
            self._orders.remove(order)
            position = Position.opened(bar.open, order.values)
            self._held.append((order, position, time))
            self._fill(order, position, side="buy", price=bar.open, time=time)

    def _leave(self, bar: Bar, time: datetime) -> None:
        held, self._held = self._held, []
        for order, position, since in held:
            after = position.after(bar) if order.symbol == bar.symbol else position
            if isinstance(after, Position):
                self._held.append((order, after, since))
                continue
            self._fill(order, position, side="sell", price=after.price, time=time)
            self._events.outcome(
                outcome_id=f"{order.decision_id}-close",
                decision_id=order.decision_id,
                symbol=order.symbol,
                horizon="close",
                entry_price=position.entry,
                exit_price=after.price,
                gross=after.gross,
                fees=2 * FEES,
                net=after.net,
                mfe=after.mfe,
                mae=after.mae,
                exit_reason=after.reason,
                entry_time=since,
                exit_time=time,
                time=time,
            )

    def _fill(self, order: Order, position: Position, *, side: str, price: float, time: datetime) -> None:
        quantity = SIZE * EQUITY / position.entry
        self._events.fill(
            fill_id=f"{order.decision_id}-{side}",
            decision_id=order.decision_id,
            symbol=order.symbol,
            side=side,
            quantity=quantity,
            price=price,
            fees=FEES * quantity * price,
            time=time,
        )


def _moment(date: str, clock: str) -> datetime:
    return datetime.combine(datetime.fromisoformat(date), time.fromisoformat(clock), NEW_YORK)


def main(publisher: type[EventPublisher] = EventPublisher) -> None:
    """Trade on the sessions that come in, until there are no more. ``publisher`` is what tells the engine of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bars", type=Path, help="CSV file to trade on; without it, standard input")
    parser.add_argument("--history", type=Path, help="CSV file of the bars before, to look back on")
    parser.add_argument("--state", type=Path, default=Path("var/scanner"), help="folder of what outlives the process")
    options = parser.parse_args()
    url, prefix = os.environ.get("RQ_REDIS_URL", "redis://localhost:6379/0"), os.environ.get("LEARNING_PREFIX", "")
    spool = SpoolFolder(path=str(options.state / "events"))
    events = publisher(url, source="scanner", strategy=STRATEGY, prefix=prefix, spool=spool)
    params = ParameterClient(
        url,
        defaults=DEFAULTS,
        bounds=BOUNDS,
        last_known_good=options.state / "params.json",
        strategy=STRATEGY,
        prefix=prefix,
        publisher=events,
    )
    params.start()
    scanner = Scanner(events, params)
    if options.history:
        with options.history.open() as lines:
            scanner.remember(bar for bars in sessions(lines) for bar in bars)
    with options.bars.open() if options.bars else sys.stdin as lines:
        for bars in sessions(lines):
            scanner.trade(bars)
    params.close()
    events.close()


if __name__ == "__main__":
    main()
