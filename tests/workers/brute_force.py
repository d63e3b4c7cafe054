"""What alerts and decisions came to, bar by bar: an oracle made from ``docs/horizons.md`` alone.

Plain loops over plain values; nothing of the engine is imported. Moments are microseconds since 1970 in UTC.
"""

import math
from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import NamedTuple

import exchange_calendars

NO_FIGURES = dict.fromkeys(
    ("entry_price", "exit_price", "earned", "mfe", "mae", "volatility", "peak_after", "benchmark", "relative")
)


class Terms(NamedTuple):
    """What the registry says. ``interval`` is the length of the bars, None for a session."""

    interval: int | None = None
    win: float = 0.02
    loss: float = -0.02
    guard: float = 0.25
    hold: int = 3
    lost_after: int = 5
    gap: int = 63


class Bar(NamedTuple):
    start: int
    end: int
    open: float
    high: float
    low: float
    close: float
    factor: float | None = None
    agreed: bool = False  # a second source's bar closes within 1 %

    @property
    def highest(self):
        return max(self[2:6])

    @property
    def lowest(self):
        return min(self[2:6])


class Question(NamedTuple):
    """An alert or a decision. ``sign`` is 1 long and -1 short."""

    time: int
    sign: int
    fill_price: float | None = None
    stop: float | None = None
    target: float | None = None
    max_hold: int | None = None


class Path(NamedTuple):
    """A position and what it saw: its bars, the last of them as it lived it, and the price it left at."""

    bars: list[Bar]
    exit_price: float
    how: str | None


class Exchange:
    """The sessions of a calendar without a pause at noon, by their place."""

    def __init__(self, name, first, last):
        found = exchange_calendars.get_calendar(name, start=first, end=last)
        self.names = [f"{day:%Y-%m-%d}" for day in found.sessions]
        self.opens = [int(one.timestamp()) * 1_000_000 for one in found.opens.dt.tz_convert("UTC")]
        self.closes = [int(one.timestamp()) * 1_000_000 for one in found.closes.dt.tz_convert("UTC")]
        self.place = {name: place for place, name in enumerate(self.names)}

    def entered(self, time):
        """The place of the first session that opens at ``time`` or later."""
        return bisect_left(self.opens, time)

    def within(self, end):
        """The place of the session that what ends at ``end`` belongs to."""
        return bisect_left(self.closes, end)

    def after(self, time, span):
        """When it has been open for ``span`` since ``time``."""
        place = bisect_right(self.closes, time)
        while True:
            begin = max(time, self.opens[place])
            if span <= self.closes[place] - begin:
                return begin + span
            span -= self.closes[place] - begin
            place += 1

    def daily(self, session, *prices, **more):
        """The daily bar of a session."""
        place = self.place[session]
        return Bar(self.opens[place], self.closes[place], *prices, **more)

    def shorter(self, end, interval, *prices, **more):
        """A bar of ``interval`` that ends at ``end``."""
        return Bar(max(end - interval, self.opens[self.within(end)]), end, *prices, **more)


class Series:
    """Bars in their order."""

    def __init__(self, bars):
        self.bars = list(bars)
        self.starts = [bar.start for bar in self.bars]
        self.ends = [bar.end for bar in self.bars]

    def entry(self, time, closed):
        """The place of the first bar that starts at ``time`` or later, and before ``closed``."""
        place = bisect_left(self.starts, time)
        return place if place < len(self.bars) and self.starts[place] < closed else None

    def exit(self, end, interval):
        """The place of the first bar that ends at ``end`` or less than one length later; of daily ones, at ``end``."""
        place = bisect_left(self.ends, end)
        return place if place < len(self.bars) and self.ends[place] < end + (interval or 1) else None

    def starting(self, moment):
        place = bisect_left(self.starts, moment)
        return place if place < len(self.bars) and self.starts[place] == moment else None

    def ending(self, moment):
        place = bisect_left(self.ends, moment)
        return place if place < len(self.bars) and self.ends[place] == moment else None


def answer(question, horizon, *, series, exchange, terms, settled, benchmark=None):
    """Where the example stands when the session at the place ``settled`` is the newest settled one, and its figures."""
    session = exchange.entered(question.time)
    if horizon == "close":
        due = session + question.max_hold - 1
        end = exchange.closes[due]
    elif horizon.endswith("d"):
        due = session + int(horizon[:-1]) - 1
        end = exchange.closes[due]
    else:
        end = exchange.after(question.time, int(horizon[:-1]) * {"h": 3_600, "m": 60}[horizon[-1]] * 1_000_000)
        due = exchange.within(end)
    first = series.entry(question.time, exchange.closes[session])
    last = series.exit(end, terms.interval)
    path = None
    if first is not None and horizon == "close":
        reached = bisect_left(series.ends, end) if last is None else last + 1
        path = barred(question, series.bars[first:reached], last is not None)
    elif first is not None and last is not None:
        path = Path(series.bars[first : last + 1], series.bars[last].close, None)
    if path is not None:
        made = figures(question, path, terms, benchmark)
        over = made["jump"] is None or hold_is_over(made["jump"], series, exchange, terms, settled)
        return made | {"state": "matched" if over else "pending", "kind": None, "ends_at": end}
    if due + terms.lost_after > settled:
        return NO_FIGURES | {"state": "pending", "kind": None, "jump": None, "ends_at": end}
    return given_up(question, series, exchange, terms, session, due, first, end, benchmark) | {"ends_at": end}


def barred(question, bars, complete):
    """The position up to its stop, its target or, where the bars reach it, its time limit; None while it runs."""
    stop, target = question.stop, question.target
    long = question.sign > 0
    for place, bar in enumerate(bars):
        if bar.factor is not None:
            stop, target = (level and level * bar.factor for level in (stop, target))
        for at_open in (True, False):
            lowest, highest = (bar.open, bar.open) if at_open else (bar.lowest, bar.highest)
            for level, how, below in ((stop, "stop_loss", long), (target, "take_profit", not long)):
                if level is not None and (lowest <= level if below else highest >= level):
                    left = bar.open if at_open else level
                    lived = bar._replace(high=max(bar.open, left), low=min(bar.open, left), close=left)
                    return Path([*bars[:place], lived], left, how)
    return Path(bars, bars[-1].close, "time_exit") if complete else None


def figures(question, path, terms, benchmark):
    """All figures of a position that is over."""
    sign, bars = question.sign, path.bars
    paid = bars[0].open if question.fill_price is None else question.fill_price
    entered = bars[0].start if question.fill_price is None else question.time
    scales = later_factors(bars)
    entry = paid * scales[0]
    if question.fill_price is not None and bars[0].factor is not None:
        entry *= bars[0].factor
    best, peak, worst = entry, None, entry
    prices = [entry]
    for bar, scale in zip(bars, scales, strict=True):
        highest, lowest = max(bar[2:6]) * scale, min(bar[2:6]) * scale
        gain, pain = (highest, lowest) if sign > 0 else (lowest, highest)
        if sign * gain > sign * best:
            best, peak = gain, bar.end
        if sign * pain < sign * worst:
            worst = pain
        prices.append(bar.close * scale)
    earned = clipped(sign * (path.exit_price / entry - 1))
    compared = compare(benchmark, bars[0].start, bars[-1].end)
    return {
        "entry_price": paid,
        "counts_as": entry,
        "exit_price": path.exit_price,
        "earned": earned,
        "mfe": clipped(sign * (best / entry - 1)) if peak else 0.0,
        "mae": clipped(sign * (worst / entry - 1)) if worst != entry else 0.0,
        "volatility": volatility(prices),
        "peak_after": peak - entered if peak else 0,
        "benchmark": compared,
        "relative": None if compared is None else earned - sign * compared,
        "class": "win" if earned >= terms.win else "loss" if earned <= terms.loss else "neutral",
        "how": path.how,
        "jump": last_jump(prices, bars, terms),
        "entered_at": entered,
        "left_at": bars[-1].end,
    }


def later_factors(bars):
    """By what the prices of each bar are multiplied to compare with the last: the factors after it."""
    scales = [1.0] * len(bars)
    for place in range(len(bars) - 2, -1, -1):
        scales[place] = scales[place + 1] * (bars[place + 1].factor or 1.0)
    return scales


def volatility(prices):
    if len(prices) < 3 or min(prices) <= 0:
        return None
    steps = [math.log(after / before) for before, after in pairwise(prices)]
    mean = math.fsum(steps) / len(steps)
    return math.sqrt(math.fsum((step - mean) ** 2 for step in steps) / (len(steps) - 1))


def last_jump(prices, bars, terms):
    """The end of the last bar that a jump led to, or None."""
    found = None
    for (before, after), bar in zip(pairwise(prices), bars, strict=True):
        if abs(after / before - 1) > terms.guard and bar.factor is None and not bar.agreed:
            found = bar.end
    return found


def hold_is_over(jump, series, exchange, terms, settled):
    """Whether the last session of the hold is settled, or the instrument has a bar that ends with it or later."""
    until = exchange.within(jump) + terms.hold
    return settled >= until or series.ends[-1] >= exchange.closes[until]


def compare(benchmark, start, end):
    """What the benchmark did from the bar that starts at ``start`` to the bar that ends at ``end``."""
    if benchmark is None:
        return None
    first, last = benchmark.starting(start), benchmark.ending(end)
    if first is None or last is None:
        return None
    bars = benchmark.bars[first : last + 1]
    return bars[-1].close / (bars[0].open * later_factors(bars)[0]) - 1


def given_up(question, series, exchange, terms, session, due, first, end, benchmark):
    """What becomes of an example that has no figures in time."""
    since, until = exchange.opens[max(0, session - terms.gap)], exchange.closes[due + terms.lost_after]
    newest = bisect_right(series.ends, until) - 1
    nothing = NO_FIGURES | {"jump": None}
    if newest < 0 or series.ends[newest] < since:
        return nothing | {"state": "lost", "kind": "nothing came"}
    if series.ends[newest] < end:
        entered = first is not None and first <= newest
        path = Path(series.bars[first : newest + 1], series.bars[newest].close, None) if entered else None
        known = figures(question, path, terms, benchmark) if path else nothing
        return known | {"state": "censored", "kind": "stopped"}
    return nothing | {"state": "censored", "kind": "no entry" if first is None else "no exit"}


def clipped(fraction):
    return max(-1_000.0, min(1_000.0, fraction))
