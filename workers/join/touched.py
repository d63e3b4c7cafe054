"""Which examples a batch may have changed."""

from collections.abc import Iterable

from workers.join.rules import Slot


class Touched:
    """Units of which everything, or some slots, must be measured again. Only grows; order does not matter."""

    def __init__(self) -> None:
        self.whole: set[str] = set()
        self._slots: dict[str, set[Slot]] = {}

    def unit(self, unit: str) -> None:
        """Everything of a unit: its alerts and decisions are not what they were."""
        self.whole.add(unit)

    def slots(self, unit: str, slots: Iterable[Slot]) -> None:
        """Some slots of a unit."""
        self._slots.setdefault(unit, set()).update(slots)

    @property
    def units(self) -> set[str]:
        """Every unit of which anything is touched."""
        return self.whole | self._slots.keys()

    def of(self, unit: str) -> set[Slot]:
        """The slots of a unit that were touched by name."""
        return self._slots.get(unit, set())

    def __bool__(self) -> bool:
        return bool(self.whole or self._slots)
