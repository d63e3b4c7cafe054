"""Sessions closed by the calendar, where nobody told their end."""

from collections.abc import Iterable, Iterator, Mapping

from schemas.calendar import Calendar, NoSession
from schemas.event import Envelope
from schemas.parameters import Registry
from schemas.session import SessionClosed
from workers.replay.events import Replayed

SOURCE = "replay"
"""Who closes sessions of strategies that declare no sources."""


class SessionEnds:
    """Puts a ``session.closed`` behind the last event of each session, for every source that a strategy declares.

    An event belongs to the session of its date, as a unit does; one at midnight to the day that ends. Sessions in
    between that have no events are closed too, and the last one, if it is over at ``now``.
    """

    def __init__(self, registries: Mapping[str, Registry], *, now: int) -> None:
        self._sources = {name: one.market.sources or [SOURCE] for name, one in registries.items()}
        self._calendars = {name: Calendar.named(one.market.calendar) for name, one in registries.items()}
        self._now = now
        self._open: dict[str, str] = {}
        self._until: dict[str, int] = {}

    def after(self, events: Iterable[Replayed]) -> Iterator[Replayed]:
        """The events with the ends of their sessions among them, numbered anew."""
        for number, event in enumerate(self._with_ends(events)):
            yield event._replace(number=number)

    def _with_ends(self, events: Iterable[Replayed]) -> Iterator[Replayed]:
        for event in events:
            envelope = event.envelope
            if envelope is not None and not isinstance(envelope.data, SessionClosed):
                yield from self._ended(envelope.data.strategy, envelope.time)
            yield event
        for strategy, session in sorted(self._open.items()):
            if self._calendars[strategy].close_of(session) <= self._now:
                yield from self._closings(strategy, session)

    def _ended(self, strategy: str, time: int) -> Iterator[Replayed]:
        """The ends of the sessions that were open and are over before an event at ``time``."""
        if strategy not in self._calendars or time <= self._until.get(strategy, time - 1):
            return
        calendar = self._calendars[strategy]
        try:
            session = calendar.session_of(time - 1)
        except NoSession:
            return
        first = self._open.get(strategy, session)
        for place in range(calendar.place(first), calendar.place(session)):
            yield from self._closings(strategy, calendar.sessions[place])
        self._open[strategy], self._until[strategy] = max(first, session), calendar.close_of(session)

    def _closings(self, strategy: str, session: str) -> Iterator[Replayed]:
        close = self._calendars[strategy].close_of(session)
        for source in self._sources[strategy]:
            data = SessionClosed(strategy=strategy, session=session)
            identity = f"{SessionClosed.type}/{strategy}/{session}"
            envelope = Envelope(source=source, id=identity, time=close, data=data)
            yield Replayed(0, SessionClosed.type, 0, envelope)
