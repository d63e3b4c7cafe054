"""Which examples a batch may have changed."""

from collections.abc import Iterable
from itertools import starmap

from store.awaited import Wait
from store.examples import Key, Revision
from workers.join.rules import Slot

NONE_NEW = 2**63
"""Beyond every ingest sequence."""


class Touched:
    """Units of which everything, or some slots, must be measured again. Only grows; order does not matter.

    Attributes:
        new_from: of facts from this ingest sequence on nothing stands yet: they came with this batch.
        stands: examples that were read on the way, ``waits`` what facts wait for: nobody has to read them again.
    """

    def __init__(self, *, new_from: int = NONE_NEW) -> None:
        self.new_from = new_from
        self.whole: set[str] = set()
        self.stands: dict[Key, Revision] = {}
        self.waits: dict[int, Wait] = {}
        self._slots: dict[str, set[Slot]] = {}

    def unit(self, unit: str) -> None:
        """Everything of a unit: its alerts and decisions are not what they were."""
        self.whole.add(unit)

    def slots(self, unit: str, slots: Iterable[Slot]) -> None:
        """Some slots of a unit."""
        self._slots.setdefault(unit, set()).update(slots)

    def standing(self, stands: Revision) -> None:
        """The slot of an example that was read."""
        example = stands.example
        self.stands[example.key] = stands
        self.slots(example.unit, [Slot(example.horizon, example.origin)])

    def waiting(self, wait: Wait, slots: Iterable[tuple[str, str]]) -> None:
        """Some slots of what was read that a fact waits for."""
        self.waits[wait.fact] = wait
        self.slots(wait.place.unit, starmap(Slot, slots))

    def moved(self) -> None:
        """What was read on the way may belong to other instruments by now."""
        self.stands.clear()
        self.waits.clear()

    @property
    def units(self) -> set[str]:
        """Every unit of which anything is touched."""
        return self.whole | self._slots.keys()

    def of(self, unit: str) -> set[Slot]:
        """The slots of a unit that were touched by name."""
        return self._slots.get(unit, set())

    def __bool__(self) -> bool:
        return bool(self.whole or self._slots)
