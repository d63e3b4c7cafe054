"""How one strategy's examples are measured."""

from typing import NamedTuple

from schemas.attributed import OutcomeClass
from schemas.calendar import Calendar, NoSession
from schemas.parameters import Registry, Reward
from store.examples import PRICES, REPORTED


class Slot(NamedTuple):
    """Which of an alert's or decision's examples: a horizon, measured from prices or reported by trading."""

    horizon: str
    origin: str


CLOSE = Slot("close", REPORTED)


class Rules:
    """A strategy's registry and calendar, as attribution asks them.

    ``slots`` are the examples that every alert and decision has; other reported ones exist when trading reports
    them. ``rewards`` are the rewards that any parameter is judged by, under the slot whose example carries them.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.market = registry.market
        self.calendar = Calendar.named(registry.market.calendar)
        self.rewards: dict[Slot, set[Reward]] = {}
        for name in registry.parameters:
            reward = registry.reward_of(name)
            self.rewards.setdefault(slot_of(reward), set()).add(reward)
        self.slots = [Slot(horizon, PRICES) for horizon in registry.market.horizons]
        if CLOSE in self.rewards:
            self.slots.append(CLOSE)
        self._dues: dict[tuple[Slot, str, str], str] = {}
        self._win = self._threshold("outcome.win_threshold", otherwise=self.market.win)
        self._loss = self._threshold("outcome.loss_threshold", otherwise=self.market.loss)

    def session_of_unit(self, unit: str, *, time: int) -> str:
        """The session in a unit's name, ``AAPL/2024-01-31``, or that of ``time`` where it names none."""
        named = unit.rpartition("/")[2]
        return named if self.calendar.is_session(named) else self.calendar.session_of(time)

    def due(self, slot: Slot, *, session: str, entry: str) -> str:
        """The session whose settling ends the slot of a unit of ``session`` that can be entered in ``entry``.

        Raises:
            NoSession: it lies beyond the calendar; of what trading reports it is the last one then.
        """
        key = (slot, session, entry)
        if key not in self._dues:
            self._dues[key] = self._due(slot, session=session, entry=entry)
        return self._dues[key]

    def _due(self, slot: Slot, *, session: str, entry: str) -> str:
        if slot == CLOSE:
            return self.calendar.shift(session, self.market.close_after)
        if slot.origin == PRICES:
            return self.calendar.shift(entry, _sessions(slot.horizon) - 1)
        try:
            return self.calendar.shift(entry, _sessions(slot.horizon) - 1) if slot.horizon.endswith("d") else entry
        except NoSession:
            return self.calendar.sessions[-1]

    def check_reach(self, *, session: str, time: int) -> None:
        """That every example of an alert or decision ends within the calendar. Raises NoSession."""
        entry = self.calendar.first_open_at_or_after(time)
        self.due(CLOSE, session=session, entry=entry)
        for slot in self.slots:
            self.due(slot, session=session, entry=entry)

    def matured(self, session: str) -> str:
        """The newest assignment session whose maximum hold has passed when ``session`` is settled; "" if none."""
        try:
            return self.calendar.shift(session, -self.market.close_after)
        except NoSession:
            return ""

    def outcome_class(self, earned: float | None) -> str | None:
        """Win, loss or neutral; nothing where nothing is known."""
        if earned is None:
            return None
        if earned >= self._win:
            return OutcomeClass.WIN.value
        return OutcomeClass.LOSS.value if earned <= self._loss else OutcomeClass.NEUTRAL.value

    def _threshold(self, name: str, *, otherwise: float) -> float:
        return self.registry.fraction(name) if name in self.registry.parameters else otherwise


def slot_of(reward: Reward) -> Slot:
    """The slot whose example carries the reward of a unit."""
    return CLOSE if reward.horizon == CLOSE.horizon else Slot(reward.horizon, PRICES)


def _sessions(horizon: str) -> int:
    return int(horizon.removesuffix("d"))
