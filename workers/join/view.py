"""One unit at one slot: what is known of each of its cases, where they stand, and what the unit is worth."""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.attributed import Contribution, ExampleState, Mark, Origin
from schemas.parameters import Reward, RewardKind
from workers.join.cases import Case, Cohort
from workers.join.counting import Counting, Find, Uncounted
from workers.join.figures import Figures
from workers.join.paths import Window
from workers.join.rules import CLOSE, End, Slot

PRICES = Origin.PRICES.value


WITHDRAWN = "what was reported belongs to it no longer"
"""An example that is there only because trading reported it keeps its row when that turns out otherwise."""


AWAITED = "its end is known; it is matched when the longest hold of its unit has passed and all of the unit is closed"
"""Why the close of a unit's representative is pending though trading reported it: it carries the unit's reward."""


UNTOLD = "trading reported nothing in time"
UNCLOSED = "its end is known, but not that of all its unit bought; what the unit earned is not counted"
"""Why the close of a unit's representative counts for nothing, though trading reported it in time."""


class Ending(NamedTuple):
    """Why an example of prices can no longer be filled, and what is known up to its last price.

    ``lost``: no bar ever came, so that nothing is known at all.
    """

    reason: str
    lost: bool
    figures: Figures | None = None


class Standing(NamedTuple):
    """Where an example stands, what it contributes, and a reason where something is amiss or ended."""

    state: ExampleState
    contributions: list[Contribution]
    reason: str | None = None

    def because(self, *uncounted: Uncounted) -> "Standing":
        """The same, with further reasons."""
        reasons = [self.reason, *(one.reason for one in uncounted)]
        return self._replace(reason="; ".join(reason for reason in reasons if reason) or None)


class Sight(NamedTuple):
    """What is known at a slot, by ``Case.fact`` of those that are looked at there.

    Attributes:
        ends: when the slot ends for each case; ``windows``: where prices are measured; ``figures``: what is known;
            ``endings``: why the windows of prices ended that are given up.
        released: the cases whose hold after a jump is over.
        awaited: the slot is ``close`` and a reward asks for it, so that a unit's representative stays pending until
            its cohort's maximum hold has passed and every purchase is closed.
    """

    slot: Slot
    awaited: bool
    ends: dict[int, End]
    windows: dict[int, Window]
    figures: dict[int, Figures]
    endings: dict[int, Ending]
    released: set[int]

    @classmethod
    def of(cls, slot: Slot, *, awaited: bool) -> "Sight":
        """A slot at which nothing is known yet."""
        return cls(slot, awaited, {}, {}, {}, {}, set())

    @property
    def expected(self) -> bool:
        """Whether the slot is there even if trading reports nothing at it."""
        return self.awaited or self.slot.origin == PRICES


class View(NamedTuple):
    """A unit at a slot.

    Attributes:
        mismatched: where trading says that other values were in force; the unit of such a case counts for nothing.
        reached: the close of the newest settled session.
    """

    cohort: Cohort
    sight: Sight
    mismatched: Mapping[int, str]
    reached: int

    def standing(self, case: Case, counting: Counting, find: Find) -> Standing:
        """Where the example of ``case`` stands.

        Only the representative of its unit contributes, once nothing of it is open: what is given up too, as far as it
        is known what it earned.
        """
        standing = self._standing(case)
        if standing.state is ExampleState.PENDING or case is not self.cohort.representative:
            return standing
        rewards = counting.rewards(case, self.sight.slot, find)
        if isinstance(rewards, Uncounted):
            return standing.because(rewards)
        if not rewards:
            return standing
        if doubts := [self.mismatched[one.fact] for one in (case, *self.cohort.cases) if one.fact in self.mismatched]:
            return standing.because(Uncounted(doubts[0]))
        worth = {reward: self._worth(case, standing.state, reward) for reward in sorted(rewards, key=str)}
        values = {reward: value for reward, value in worth.items() if isinstance(value, float)}
        contributions = sorted(counting.contributions(case, self.sight.slot, values, find)) if values else []
        uncounted = (value for value in worth.values() if isinstance(value, Uncounted))
        return standing.because(*uncounted)._replace(contributions=contributions)

    def waits(self, case: Case) -> bool:
        """Whether nothing is known of the example, and it is not given up either: it is pending, whatever it is."""
        sight = self.sight
        if case.fact in sight.figures or not sight.expected:
            return False
        return self._lost_at(case) > self.reached and not (sight.awaited and self._closed(case))

    def marks(self, case: Case) -> str:
        """What is to be known of the example beside its state."""
        figures = self.sight.figures.get(case.fact)
        marks = []
        if figures and figures.inferred:
            marks.append(Mark.INFERRED.value)
        if figures and figures.jump:
            marks.append(Mark.JUMP.value)
        if case.fact in self.mismatched:
            marks.append(Mark.MISMATCH.value)
        return ",".join(marks)

    def due(self, case: Case) -> int:
        """From when on the example may be filled: where the whole cohort is awaited, with the last of it."""
        return max(end.due for end in self._ends()) if self.sight.awaited else self.sight.ends[case.fact].due

    def _standing(self, case: Case) -> Standing:
        figures = self.sight.figures.get(case.fact)
        if figures and self.sight.slot.origin == PRICES:
            return self._of_prices(case, figures)
        complete = self._closed(case) if self.sight.awaited else figures is not None
        if complete:
            return Standing(ExampleState.MATCHED, [])
        if not self.sight.expected:
            return Standing(ExampleState.CENSORED, [], WITHDRAWN)
        if self._lost_at(case) <= self.reached:
            return self._given_up(case)
        return Standing(ExampleState.PENDING, [], AWAITED if figures else None)

    def _lost_at(self, case: Case) -> int:
        """When the example is given up; where the whole cohort is awaited, with the last of it."""
        return max(end.lost_at for end in self._ends()) if self.sight.awaited else self.sight.ends[case.fact].lost_at

    def _of_prices(self, case: Case, figures: Figures) -> Standing:
        if (figures.entry_price or 0.0) <= 0:
            reason = f"no fraction of the entry price {figures.entry_price} exists: it is not above 0"
            return Standing(ExampleState.CENSORED, [], reason)
        if figures.jump and case.fact not in self.sight.released:
            reason = "a jump that no factor explains is held for a factor or a second source"
            return Standing(ExampleState.PENDING, [], reason)
        return Standing(ExampleState.MATCHED, [])

    def _given_up(self, case: Case) -> Standing:
        if ending := self.sight.endings.get(case.fact):
            return Standing(ExampleState.LOST if ending.lost else ExampleState.CENSORED, [], ending.reason)
        if case.fact in self.sight.figures:
            return Standing(ExampleState.MATCHED, [], UNCLOSED)
        return Standing(ExampleState.LOST, [], UNTOLD)

    def _ends(self) -> list[End]:
        """When the slot ends for each case of the unit."""
        return [self.sight.ends[case.fact] for case in self.cohort.cases]

    def _closed(self, case: Case) -> bool:
        over = all(end.at <= self.reached for end in self._ends())
        if case is self.cohort.representative:
            return over and all(bought.fact in self.sight.figures for bought in self.cohort.bought)
        return case.fact in self.sight.figures or (over and not case.bought)

    def _worth(self, case: Case, state: ExampleState, reward: Reward) -> float | Uncounted | None:
        """What the unit earned in one reward; None where not all of it is known."""
        if reward.kind is RewardKind.UNIT_PNL:
            return self._pnl()
        return self.sight.figures[case.fact].return_ if state is ExampleState.MATCHED else None

    def _pnl(self) -> float | Uncounted | None:
        """The sum of size x return over what was bought, a real 0 where nothing was."""
        if inferred := next((case for case in self.cohort.cases if self._inferred(case)), None):
            what = f"the outcome of {inferred.subject} {inferred.id!r}"
            return Uncounted(f"{what} bore no id and was inferred; it is not counted")
        total = 0.0
        for case in self.cohort.bought:
            if case.size is None:
                return Uncounted(f"decision {case.id!r} was bought without a size; send the fraction of equity")
            if (figures := self.sight.figures.get(case.fact)) is None:
                return self._untold(case)
            if figures.jump and case.fact not in self.sight.released:
                return None
            earned = figures.net if self.sight.slot == CLOSE else figures.return_
            if earned is None:
                return Uncounted(f"what decision {case.id!r} earned is not known; send net, or gross and fees")
            total += case.size * earned
        return total

    def _inferred(self, case: Case) -> bool:
        """Whether only the declared rule says that there was a trade: then nobody knows what the unit earned."""
        figures = self.sight.figures.get(case.fact)
        return figures is not None and figures.inferred

    def _untold(self, case: Case) -> Uncounted | None:
        """Why a unit of which one purchase is not known adds nothing, once it is given up."""
        if self.sight.slot == CLOSE or self._lost_at(case) > self.reached:
            return None
        return Uncounted(f"what followed decision {case.id!r} of the same unit is not known")
