"""What health knows: put together from sides that look independently, and told to both."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

import structlog

from schemas.reports import HealthOverview, HealthReported, HealthState
from workers.checks.reading import Reading, Reason, span
from workers.checks.standing import Standing, Told

log = structlog.get_logger()

REPEAT_US = 300_000_000
"""A part that does not change is told again after so long."""

MOST_WAITING = 2_000
"""So many words wait for a store that is away; then the oldest are given up. They were sent."""

DIRECT_AFTER_US = 1_000_000
"""A word that the store has not taken for so long is sent without it."""


@dataclass(eq=False)
class Bulletin:
    """Something told that has not reached both the history and the stream yet."""

    told: Told
    recorded: bool = False
    sent: bool = False


class Watch:
    """Puts together what each side sees; every side may call it from a thread of its own.

    A side is the way to one thing that may be away. While a look of one takes longer than ``silent_us``, any other side
    says so: what hangs cannot say it itself.

    Args:
        known: how parts were before a restart, and since when.
        away: what is told of a part when its side cannot look, by side: the part, and how it is called.
        steady: a clock that nobody sets, by which a look is measured.
    """

    def __init__(
        self,
        *,
        known: Mapping[str, tuple[HealthState, int]],
        away: Mapping[str, tuple[str, str]],
        silent_us: int,
        clock: Callable[[], int],
        steady: Callable[[], int],
    ) -> None:
        self._lock = Lock()
        self._standing = Standing(known, repeat_us=REPEAT_US)
        self._away = away
        self._silent_us = silent_us
        self._clock = clock
        self._steady = steady
        self._begun: dict[str, int] = {}
        self._bulletins: deque[Bulletin] = deque(maxlen=MOST_WAITING)

    def begin(self, side: str) -> None:
        """A side goes to look."""
        with self._lock:
            self._begun[side] = self._steady()

    def end(self, side: str) -> None:
        """It has looked and has told what it had to tell."""
        with self._lock:
            self._begun.pop(side, None)
            self._judge()

    def take(self, side: str, readings: Sequence[Reading]) -> None:
        """What a side found: everything that it looks after. From here on it tells what it has to tell."""
        with self._lock:
            if side in self._begun:
                self._begun[side] = self._steady()
            self._tell(self._standing.take(side, readings, whole=True, now=self._clock()))
            self._judge()

    def fail(self, side: str, why: str) -> None:
        """A side could not look."""
        with self._lock:
            self._begun.pop(side, None)
            self._miss(side, why)
            self._judge()

    def overview(self) -> HealthOverview:
        """How everything is now."""
        with self._lock:
            self._judge()
            return HealthOverview(at=self._clock(), parts=self._standing.reported())

    def shown(self) -> Mapping[str, tuple[Reading, int]]:
        """What was found of each part that could be looked at, and since when it is in its state."""
        with self._lock:
            self._judge()
            return {name: (reading, self._standing.since(name)) for name, reading in self._standing.shown.items()}

    def unrecorded(self) -> list[Bulletin]:
        """What the history does not have yet, in order."""
        with self._lock:
            return [one for one in self._bulletins if not one.recorded]

    def unsent(self, *, store: str) -> list[Bulletin]:
        """What must be sent without the store: it does not take anything, or has not for too long."""
        with self._lock:
            part = self._away[store][0]
            found = self._standing.shown.get(part)
            away = found is None or found.state is HealthState.CRITICAL
            late = self._clock() - DIRECT_AFTER_US
            return [one for one in self._bulletins if not one.sent and (away or one.told.at <= late)]

    def recorded(self, bulletins: Sequence[Bulletin]) -> None:
        """The history has these, and the outbox those that were not sent: nothing is left to do for them."""
        with self._lock:
            for one in bulletins:
                one.recorded = one.sent = True
            self._drop()

    def sent(self, bulletins: Sequence[Bulletin]) -> None:
        """These are in their stream."""
        with self._lock:
            for one in bulletins:
                one.sent = True
            self._drop()

    def _judge(self) -> None:
        """Say of every side whose look takes too long that it does not answer."""
        now = self._steady()
        for side, begun in list(self._begun.items()):
            if now - begun > self._silent_us:
                limit = span(self._silent_us / 1e6)
                self._miss(side, f"it has not answered for {span((now - begun) / 1e6)} (limit {limit})")

    def _miss(self, side: str, why: str) -> None:
        part, called = self._away[side]
        unseen = sorted(self._standing.owned(side) - {part})
        blind = f"; of {', '.join(unseen)} nothing is known meanwhile" if unseen else ""
        reading = Reading(part, (Reason("away", f"{called}: {why}{blind}", HealthState.CRITICAL),))
        self._tell(self._standing.take(side, [reading], whole=False, now=self._clock()))

    def _tell(self, told: Sequence[Told]) -> None:
        self._bulletins.extend(Bulletin(one) for one in told)
        for one in told:
            if one.changed:
                _log(one.reported)

    def _drop(self) -> None:
        while self._bulletins and self._bulletins[0].recorded and self._bulletins[0].sent:
            self._bulletins.popleft()


def _log(reported: HealthReported) -> None:
    say = log.info if reported.state is HealthState.HEALTHY else log.warning
    say("health.changed", part=reported.part, state=reported.state.value, reasons=reported.reasons)
