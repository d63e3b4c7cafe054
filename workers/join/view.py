"""One unit at one slot: what is known of each of its cases, and what the unit is worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from schemas.attributed import Contribution, ExampleState
from schemas.parameters import Reward, RewardKind
from store.examples import PRICES
from workers.join.cases import Case, Cohort
from workers.join.counting import Counting, Find, Uncounted
from workers.join.reports import Figures
from workers.join.rules import CLOSE, Slot


class Standing(NamedTuple):
    """Where an example stands, what it contributes, and a reason where something is amiss."""

    state: ExampleState
    contributions: list[Contribution]
    reason: str | None


@dataclass(frozen=True, slots=True)
class View:
    """A unit at a slot.

    ``figures`` are those of the cases that something is known of, by ``Case.key``. ``over``: every case's maximum
    hold has passed. ``awaited``: the slot is ``close`` and a reward asks for it, so that a unit's
    representative stays pending until its cohort's maximum hold has passed and every purchase is closed.
    """

    cohort: Cohort
    slot: Slot
    figures: Mapping[str, Figures]
    over: bool
    awaited: bool

    def standing(self, case: Case, counting: Counting, find: Find) -> Standing:
        """Where the example of ``case`` stands. Only the representative of its unit contributes."""
        state = self._state(case)
        if state is ExampleState.CENSORED:
            price = self.figures[case.key].entry_price
            return Standing(state, [], f"no fraction of the entry price {price} exists: it is not above 0")
        if state is not ExampleState.MATCHED or case is not self.cohort.representative:
            return Standing(state, [], None)
        rewards = counting.rewards(case, self.slot, find)
        if isinstance(rewards, Uncounted):
            return Standing(state, [], rewards.reason)
        worth = {reward: self._worth(case, reward) for reward in sorted(rewards, key=str)}
        values = {reward: value for reward, value in worth.items() if isinstance(value, float)}
        reasons = [value.reason for value in worth.values() if isinstance(value, Uncounted)]
        contributions = counting.contributions(case, self.slot, values, find) if values else ()
        return Standing(state, sorted(contributions), "; ".join(reasons) or None)

    def _state(self, case: Case) -> ExampleState:
        figures = self.figures.get(case.key)
        if self.slot.origin == PRICES and figures and (figures.entry_price or 0.0) <= 0:
            return ExampleState.CENSORED
        complete = self._closed(case) if self.awaited else figures is not None
        return ExampleState.MATCHED if complete else ExampleState.PENDING

    def _closed(self, case: Case) -> bool:
        if case is self.cohort.representative:
            return self.over and all(bought.key in self.figures for bought in self.cohort.bought)
        return case.key in self.figures or (self.over and not case.bought)

    def _worth(self, case: Case, reward: Reward) -> float | Uncounted | None:
        """What the unit earned in one reward; None while not all of it is known."""
        return self._pnl() if reward.kind is RewardKind.UNIT_PNL else self.figures[case.key].return_

    def _pnl(self) -> float | Uncounted | None:
        """The sum of size x return over what was bought, a real 0 where nothing was."""
        total = 0.0
        for case in self.cohort.bought:
            if case.size is None:
                return Uncounted(f"decision {case.id!r} was bought without a size; send the fraction of equity")
            if (figures := self.figures.get(case.key)) is None:
                return None
            earned = figures.net if self.slot == CLOSE else figures.return_
            if earned is None:
                return Uncounted(f"what decision {case.id!r} earned is not known; send net, or gross and fees")
            total += case.size * earned
        return total
