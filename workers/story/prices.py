"""The bars that examples were measured with."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from events.moments import moment
from schemas.attributed import Origin
from schemas.calendar import Calendar
from store import examples as books
from store.instruments import Instruments, Listing
from store.stories import Stories
from workers.join.paths import Benchmark
from workers.join.rules import Rules
from workers.join.tape import Places, Tape
from workers.story.bars import Bar, Compared, Factor, Jump, Prices, Quoted


class Span(NamedTuple):
    """An example's entry and exit time, and whether the entry is a price that was paid before the first bar."""

    entry: int
    exit: int
    paid: float | None


class PriceBook:
    """Looks up the bars of examples again, as the join reads them. ``venues``: of the instruments, by number."""

    def __init__(self, connection: Connection, rules: Rules, *, venues: Mapping[int, str]) -> None:
        self._connection = connection
        self._rules = rules
        self._stories = Stories(connection, rules.registry.strategy)
        self._calendars = {number: rules.calendar_of(venue) for number, venue in venues.items()}

    def of(self, example: books.Example, *, fill_price: float | None) -> Prices | None:
        """The bars from entry to exit; None for what trading reported, and where entry or exit is not known."""
        if example.origin != Origin.PRICES.value or example.entry_time is None or example.exit_time is None:
            return None
        span = Span(example.entry_time, example.exit_time, fill_price)
        calendar = self._calendars[example.instrument]
        tape = self._tape({example.instrument: calendar}, span)
        inside = np.flatnonzero((tape.starts >= span.entry) & (tape.ends <= span.exit))
        sources = self._sources(tape, example.instrument, calendar)
        return Prices(
            interval=self._rules.market.bars,
            bars=len(inside),
            entry=sources.bar(int(inside[0])) if len(inside) else None,
            exit=sources.bar(int(inside[-1])) if len(inside) else None,
            factors=[sources.factor(place) for place in inside.tolist() if not np.isnan(tape.factors[place])],
            jumps=list(self._jumps(tape, inside, span, sources)),
            benchmark=self._compared(tape, inside, span) if len(inside) else None,
        )

    def _tape(self, calendars: Mapping[int, Calendar], span: Span) -> Tape:
        return Tape(self._connection, calendars, rules=self._rules, since=span.entry, until=span.exit)

    def _sources(self, tape: Tape, instrument: int, calendar: Calendar) -> "_Sources":
        return _Sources(self._stories, tape, instrument, calendar, self._rules.market.bars)

    def _jumps(self, tape: Tape, inside: Places, span: Span, sources: "_Sources") -> Iterable[Jump]:
        """The steps beyond the guard that nothing explains: a bar that bears a factor is never one of these."""
        before = span.paid
        for place in inside.tolist():
            reached = float(tape.opens[place]) if before is None else before
            before = float(tape.closes[place])
            step = before / reached - 1 if reached > 0 else 0.0
            if abs(step) > self._rules.market.jump_guard and not tape.trusted[place]:
                yield Jump(session=sources.session(place), end=moment(int(tape.ends[place])), step=step)

    def _compared(self, tape: Tape, inside: Places, span: Span) -> Compared | None:
        market = self._rules.market
        number = self._benchmark.at(span.entry)
        if market.benchmark is None or number is None:
            return None
        calendar = self._rules.calendar_of(market.benchmark_venue or "")
        first, last = int(tape.starts[inside[0]]), int(tape.ends[inside[-1]])
        theirs = self._tape({number: calendar}, Span(first, last, None))
        sources = self._sources(theirs, number, calendar)
        entry, exit_ = np.flatnonzero(theirs.starts == first), np.flatnonzero(theirs.ends == last)
        return Compared(
            symbol=market.benchmark,
            entry=sources.bar(int(entry[0])) if len(entry) else None,
            exit=sources.bar(int(exit_[0])) if len(exit_) else None,
        )

    @cached_property
    def _benchmark(self) -> Benchmark:
        market = self._rules.market
        if market.benchmark is None:
            return Benchmark([])
        listing = Listing(market.benchmark_venue or "", market.benchmark)
        return Benchmark(Instruments(self._connection).eras(self._rules.registry.strategy, listing))


class _Sources:
    """The bars of one instrument on a tape, as values, with what every source told of them."""

    def __init__(self, stories: Stories, tape: Tape, instrument: int, calendar: Calendar, interval: str) -> None:
        self._stories = stories
        self._tape = tape
        self._instrument = instrument
        self._calendar = calendar
        self._interval = interval

    def bar(self, place: int) -> Bar:
        """The bar at a place of the tape."""
        tape, end = self._tape, int(self._tape.ends[place])
        quotes = self._stories.quotes(self._instrument, interval=self._interval, time=end)
        return Bar(
            start=moment(int(tape.starts[place])),
            end=moment(end),
            session=self.session(place),
            open=float(tape.opens[place]),
            high=float(tape.highs[place]),
            low=float(tape.lows[place]),
            close=float(tape.closes[place]),
            volume=_known(float(tape.volumes[place])),
            factor=_known(float(tape.factors[place])),
            quotes=[
                Quoted(
                    source=quote.source,
                    event_id=quote.event_id,
                    close=quote.close,
                    factor=quote.factor,
                    revision=quote.revision,
                    recorded_at=moment(quote.recorded_at),
                )
                for quote in quotes
            ],
        )

    def factor(self, place: int) -> Factor:
        """The factor that the bar at a place bears."""
        end = moment(int(self._tape.ends[place]))
        return Factor(session=self.session(place), end=end, factor=float(self._tape.factors[place]))

    def session(self, place: int) -> str:
        """The session that the bar at a place belongs to."""
        return self._calendar.session_of(int(self._tape.ends[place]) - 1)


def _known(number: float) -> float | None:
    return None if np.isnan(number) else number
