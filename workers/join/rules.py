"""How one strategy's examples are measured."""

from collections.abc import Iterable, Mapping
from itertools import starmap
from typing import Any, NamedTuple

from schemas.attributed import Origin, OutcomeClass, Subject
from schemas.calendar import Calendar, NoSession
from schemas.parameters import Registry, Reward
from schemas.spans import sessions_of, span_of
from workers.join.cases import BUY, Case

WIN, NEUTRAL, LOSS = OutcomeClass.WIN.value, OutcomeClass.NEUTRAL.value, OutcomeClass.LOSS.value

LONG_BEFORE = -(2**62)
"""Earlier than anything."""


class Slot(NamedTuple):
    """Which of a subject's examples: a horizon, measured from prices or reported by trading."""

    horizon: str
    origin: str


CLOSE = Slot("close", Origin.REPORTED.value)
BARRIER = Slot("close", Origin.PRICES.value)
"""What prices say of the close of a position with a stop, a target or a longest hold."""


class End(NamedTuple):
    """When a slot of a case ends, when it is given up without its facts, and from when on it may be filled."""

    at: int
    lost_at: int
    due: int


class Rules:
    """A strategy's registry and calendars, as attribution asks them.

    ``rewards`` are the rewards that any parameter is judged by, under the slot whose example carries them.
    ``fixed`` are the slots of the registry's horizons, ``usual`` those of every alert and decision,
    ``judged`` those of theses, ``priced`` all that bars may fill.
    ``reach`` is how many sessions the longest window of prices spans. ``width`` is within how many microseconds of
    its end a horizon's last bar must end.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.market = registry.market
        self.calendar = Calendar.named(registry.market.calendar)
        self._venues = {venue: Calendar.named(name) for venue, name in registry.market.venues.items()}
        self.rewards: dict[Slot, set[Reward]] = {}
        for name in registry.parameters:
            reward = registry.reward_of(name)
            self.rewards.setdefault(slot_of(reward), set()).add(reward)
        self.fixed = tuple(Slot(horizon, Origin.PRICES.value) for horizon in self.market.horizons)
        self.judged = (Slot(self.market.judged_at, Origin.PRICES.value),)
        self.usual = (*self.fixed, CLOSE) if CLOSE in self.rewards else self.fixed
        self._barred = (*self.usual, BARRIER)
        self.priced = tuple(sorted({*self.fixed, *self.judged, BARRIER}))
        self.interval = span_of(self.market.bars)
        self.width = self.interval or 1
        spans = [sessions_spanned(slot.horizon) for slot in (*self.fixed, *self.judged)]
        self.reach = max([*spans, self.market.close_after, 2])
        self._by_session = {slot for slot in (*self.usual, *self.judged, CLOSE) if span_of(slot.horizon) is None}
        self._ends: dict[tuple[Slot, str, str], End] = {}
        self._win = self._threshold("outcome.win_threshold", otherwise=self.market.win)
        self._loss = self._threshold("outcome.loss_threshold", otherwise=self.market.loss)

    def calendar_of(self, venue: str) -> Calendar:
        """The sessions of a venue."""
        return self._venues.get(venue, self.calendar)

    def slots(self, case: Case) -> tuple[Slot, ...]:
        """The examples that a case always has; further reported ones exist when trading reports them."""
        if case.subject == Subject.THESIS.value:
            return self.judged
        return self._barred if case.barred else self.usual

    def before(self, horizons: Iterable[tuple[str, str]]) -> set[Slot]:
        """The slots of prices among (horizon, origin) that an earlier registry asked for and this one does not."""
        return {slot for slot in starmap(Slot, horizons) if slot.origin == BARRIER.origin} - {*self.priced}

    def barred(self, row: Mapping[str, Any]) -> bool:
        """Whether a decision's row opens a position with a stop, a target or a longest hold."""
        limits = (row["stop"], row["target"], row["max_hold"] or None)
        return row["action"] == BUY and any(limit is not None for limit in limits)

    def session_of_unit(self, unit: str, *, time: int) -> str:
        """The session in a unit's name, ``AAPL/2024-01-31``, or that of ``time`` where it names none."""
        named = unit.rpartition("/")[2]
        return named if self.calendar.is_session(named) else self.calendar.session_of(time)

    def end(self, slot: Slot, case: Case) -> End:
        """When ``slot`` of ``case`` ends.

        Raises:
            NoSession: it lies beyond the calendar; of what trading reports it is the last session then.
        """
        if slot not in self._by_session:
            return self._end(slot, case)
        key = (slot, case.session if slot == CLOSE else case.entry, case.venue)
        found = self._ends.get(key)
        if found is None:
            found = self._ends[key] = self._end(slot, case)
        return found

    def _end(self, slot: Slot, case: Case) -> End:
        calendar = self.calendar if slot == CLOSE else self.calendar_of(case.venue)
        due = None
        if slot == CLOSE:
            session = calendar.shift(case.session, self.market.close_after)
            at = calendar.close_of(session)
        elif slot == BARRIER:
            session = calendar.shift(case.entry, max(1, case.max_hold or self.market.close_after) - 1)
            at = calendar.close_of(session)
            due = calendar.close_of(case.entry) if self.interval is None else case.time
        elif (span := span_of(slot.horizon)) is not None:
            at = self._after(calendar, slot, case, span)
            session = calendar.session_of(at - 1)
        else:
            session = self._counted(calendar, slot, case)
            at = calendar.close_of(session)
        return End(
            at, calendar.close_of(_no_later(calendar, session, self.market.lost_after)), at if due is None else due
        )

    def _counted(self, calendar: Calendar, slot: Slot, case: Case) -> str:
        try:
            return calendar.shift(case.entry, sessions_of(slot.horizon) - 1)
        except NoSession:
            if slot.origin == Origin.PRICES.value:
                raise
            return calendar.sessions[-1]

    def _after(self, calendar: Calendar, slot: Slot, case: Case, span: int) -> int:
        try:
            return calendar.after(case.time, span)
        except NoSession:
            if slot.origin == Origin.PRICES.value:
                raise
            return calendar.close_of(calendar.sessions[-1])

    def check_reach(self, *, session: str, entry: str, venue: str, max_hold: int | None) -> None:
        """That everything which can follow an alert, decision or thesis lies within the calendar. Raises NoSession."""
        self.calendar.shift(session, self.market.close_after)
        self.calendar_of(venue).shift(entry, max(self.reach, max_hold or 0) + 1)

    def long_ago(self, session: str, *, by: int) -> int:
        """A moment before which ``by`` sessions of every calendar of the strategy have closed with ``session``."""
        reached = self.calendar.close_of(session)
        return min(_closed_before(calendar, reached, by) for calendar in (self.calendar, *self._venues.values()))

    def goes_on(self, session: str) -> bool:
        """Whether something may be told after the close of a session that still belongs to its date."""
        return self.calendar.session_of(self.calendar.close_of(session)) == session

    def outcome_class(self, earned: float | None) -> str | None:
        """Win, loss or neutral; nothing where nothing is known."""
        if earned is None:
            return None
        if earned >= self._win:
            return WIN
        return LOSS if earned <= self._loss else NEUTRAL

    def _threshold(self, name: str, *, otherwise: float) -> float:
        return self.registry.fraction(name) if name in self.registry.parameters else otherwise


def sessions_spanned(horizon: str) -> int:
    """How many sessions a horizon spans at the most: every session is open for an hour at least."""
    span = span_of(horizon)
    return sessions_of(horizon) if span is None else 2 + span // 3_600_000_000


def slot_of(reward: Reward) -> Slot:
    """The slot whose example carries the reward of a unit."""
    return CLOSE if reward.reported else Slot(reward.horizon, Origin.PRICES.value)


def _no_later(calendar: Calendar, session: str, by: int) -> str:
    return calendar.sessions[min(calendar.place(session) + by, len(calendar.sessions) - 1)]


def _closed_before(calendar: Calendar, reached: int, by: int) -> int:
    newest = calendar.last_closed(reached)
    place = -1 if newest is None else calendar.place(newest) - by
    return calendar.close_of(calendar.sessions[place]) if place >= 0 else LONG_BEFORE
