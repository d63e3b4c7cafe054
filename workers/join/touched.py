"""Which examples a batch may have changed."""

from collections.abc import Iterable

from store.examples import Key, Revision
from workers.join.rules import Slot


class Touched:
    """Units of which everything, or some slots, must be measured again. Only grows; order does not matter."""

    def __init__(self) -> None:
        self.whole: set[str] = set()
        self.stands: dict[Key, Revision] = {}
        self._slots: dict[str, set[Slot]] = {}

    def unit(self, unit: str) -> None:
        """Everything of a unit: its alerts and decisions are not what they were."""
        self.whole.add(unit)

    def slots(self, unit: str, slots: Iterable[Slot]) -> None:
        """Some slots of a unit."""
        self._slots.setdefault(unit, set()).update(slots)

    def standing(self, stands: Revision) -> None:
        """The slot of an example, which was read on the way: nobody has to read it again."""
        example = stands.example
        self.stands[example.key] = stands
        self.slots(example.unit, [Slot(example.horizon, example.origin)])

    @property
    def units(self) -> set[str]:
        """Every unit of which anything is touched."""
        return self.whole | self._slots.keys()

    def of(self, unit: str) -> set[Slot]:
        """The slots of a unit that were touched by name."""
        return self._slots.get(unit, set())

    def __bool__(self) -> bool:
        return bool(self.whole or self._slots)
