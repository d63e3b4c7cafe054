"""What becomes of examples whose prices did not come in time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from schemas.calendar import Calendar, NoSession
from store.bar_ends import last_ends
from workers.join.paths import Paths, Window
from workers.join.rules import Rules
from workers.join.view import Ending

NO_BAR = "no bar of"
"""How the reason begins where not a single bar came that prices are measured with."""

STOPPED = "it traded last"
"""How the reason begins where an instrument stopped trading before the end."""

NEVER = -(2**62)
"""Earlier than any bar."""


class Endings:
    """Says why windows that are given up can no longer be filled.

    It looks at no bar before the longest gap that an instrument may have, and at none after the window was given up,
    so that a bar that comes much later changes nothing.
    """

    def __init__(
        self, connection: Connection, rules: Rules, *, calendars: Mapping[int, Calendar], paths: Paths
    ) -> None:
        self._connection = connection
        self._rules = rules
        self._calendars = calendars
        self._paths = paths

    def of(self, windows: Iterable[tuple[Window, int]]) -> dict[Window, Ending]:
        """Why each window ended, which was given up at the moment beside it."""
        given = set(windows)
        lasts = self._lasts(given)
        complete = [window for window, lost_at in given if lasts.get((window, lost_at), NEVER) >= window.end]
        entered = {window for window, there in zip(complete, self._paths.entered(complete), strict=True) if there}
        ends = {
            window: self._end(window, lost_at, lasts.get((window, lost_at)), entered=window in entered)
            for window, lost_at in given
        }
        stopped = [window for window, ending in ends.items() if ending.reason.startswith(STOPPED)]
        for window, figures in zip(stopped, self._paths.cut_short(stopped), strict=True):
            if figures is not None:
                reason = f"{ends[window].reason}; its last price was used"
                ends[window] = Ending(reason, False, figures._replace(exit_reason=None))
        return ends

    def _lasts(self, windows: Iterable[tuple[Window, int]]) -> dict[tuple[Window, int], int]:
        """The last bar of each that has any; those of one stretch of time are asked for together."""
        together: dict[tuple[int, int], list[Window]] = defaultdict(list)
        for window, lost_at in windows:
            together[self._since(window), lost_at].append(window)
        found: dict[tuple[Window, int], int] = {}
        for (since, until), mine in together.items():
            numbers = {window.instrument for window in mine}
            interval = self._rules.market.bars
            last = last_ends(self._connection, numbers, interval=interval, since=since, until=until)
            found.update(((window, until), last[window.instrument]) for window in mine if window.instrument in last)
        return found

    def _since(self, window: Window) -> int:
        calendar = self._calendar(window)
        return int(calendar.opens[max(0, self._place(calendar, window.latest) - self._rules.market.gap_sessions)])

    def _calendar(self, window: Window) -> Calendar:
        return self._calendars.get(window.instrument, self._rules.calendar)

    def _end(self, window: Window, lost_at: int, last: int | None, *, entered: bool) -> Ending:
        calendar = self._calendar(window)
        if last is None:
            came = f"{self._rules.market.bars} came from {_day(calendar, window.latest)} to {_day(calendar, lost_at)}"
            return Ending(f"{NO_BAR} {came}", True)
        if last < window.start:
            return Ending(f"{STOPPED} before {_day(calendar, window.latest)}", False)
        if last < window.end:
            return Ending(f"{STOPPED} on {_day(calendar, last)}", False)
        if not entered:
            return Ending(f"no bar came to enter on {_day(calendar, window.latest)}", False)
        return Ending(f"no bar came that ends with {_day(calendar, window.end)}; later ones did", False)

    def _place(self, calendar: Calendar, moment: int) -> int:
        return calendar.place(_day(calendar, moment))


def _day(calendar: Calendar, moment: int) -> str:
    """The session that a moment lies in, its close included."""
    try:
        return calendar.session_of(moment - 1)
    except NoSession:
        return calendar.sessions[-1]
