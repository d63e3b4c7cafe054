"""Alerts and daily bars of some symbols, session after session."""

from numpy.random import default_rng

from events.ids import Ids
from schemas.alert import AlertRaised
from schemas.calendar import Calendar
from schemas.event import Envelope, Event
from schemas.price import PriceObserved
from schemas.session import SessionClosed

FIRST = "2015-01-02"
HOUR = 3_600_000_000


class Tape:
    """One alert a symbol and session, an hour before the close, and one bar a symbol and session."""

    def __init__(self, *, symbols: int, sessions: int, first: str = FIRST) -> None:
        self._symbols = [f"S{place}" for place in range(symbols)]
        self._sessions = sessions
        self._first = first
        self._calendar = Calendar.named("XNYS")
        self._generator = default_rng(5)
        self._ids = Ids()

    def alerts_of(self, sessions: int) -> list[Envelope]:
        """The alerts of the first sessions."""
        return [one for number in range(sessions) for one in self.alerts(number)]

    def bars_of(self, sessions: int) -> list[Envelope]:
        """The bars of the first sessions."""
        return [one for number in range(sessions) for one in self.bars(number)]

    def alerts(self, number: int) -> list[Envelope]:
        """The alerts of one session."""
        session = self._calendar.shift(self._first, number)
        time = self._calendar.close_of(session) - HOUR
        return [
            self._told(AlertRaised(alert_id=f"{symbol}/{session}", symbol=symbol, score=0.5), time)
            for symbol in self._symbols
        ]

    def bars(self, number: int) -> list[Envelope]:
        """The bars of one session."""
        time = self._calendar.close_of(self._calendar.shift(self._first, number))
        levels = 100 + self._generator.standard_normal((len(self._symbols), 2)).round(2)
        return [
            self._told(
                PriceObserved(
                    symbol=symbol,
                    interval="1d",
                    open=first,
                    high=max(first, last) + 0.5,
                    low=min(first, last) - 0.5,
                    close=last,
                ),
                time,
            )
            for symbol, (first, last) in zip(self._symbols, levels.tolist(), strict=True)
        ]

    def closed(self, number: int) -> Envelope:
        """The end of one session."""
        session = self._calendar.shift(self._first, number)
        return self._told(SessionClosed(session=session), self._calendar.close_of(session))

    def _told(self, event: Event, time: int) -> Envelope:
        return Envelope(source="bench", id=self._ids.new(time), time=time, data=event, entry="")
