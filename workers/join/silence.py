"""What facts wait for in silence, and what breaks it."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from store.awaited import Awaited, Slot, Wait
from store.examples import Key
from workers.join.join import Unfilled


class Silence:
    """The silent examples of some facts, as they are stored and as they will be.

    Those of one fact belong to one place. Of an example that waits elsewhere, or once it is told, there is a row of
    its own.
    """

    def __init__(self, waits: Mapping[int, Wait], *, strategy: str) -> None:
        self._waits = waits
        self._strategy = strategy
        self._begun: dict[int, Wait] = {}
        self._over: dict[int, set[Slot]] = defaultdict(set)

    def has(self, key: Key) -> bool:
        """Whether the example stands in silence."""
        wait = self._waits.get(key[0])
        return wait is not None and key[1:] in wait.dues

    def holds(self, one: Unfilled) -> bool:
        """Whether the example waits in silence as it did, or begins to: it did not stand before."""
        case, slot, wait = one.case, one.slot, self._waits.get(one.case.fact)
        if wait is not None and slot in wait.dues:
            return wait.dues[slot] == one.due and wait.place == one.place
        begun = self._begun.get(case.fact)
        others = begun or wait
        if others is not None and others.place != one.place:
            return False
        if begun is None:
            self._begun[case.fact] = begun = Wait(case.fact, self._strategy, case.subject, case.id, one.place, {})
        begun.dues[slot] = one.due
        return True

    def breaks(self, key: Key) -> bool:
        """The example has a row of its own from now on; whether it waited in silence before."""
        if not self.has(key):
            return False
        self._over[key[0]].add(key[1:])
        return True

    @property
    def begun(self) -> Collection[Wait]:
        """What waits from now on, and did not before."""
        return self._begun.values()

    @property
    def broken(self) -> Iterator[tuple[Wait, Slot]]:
        """What waited and does so no longer."""
        return ((self._waits[fact], slot) for fact, slots in self._over.items() for slot in slots)

    def write(self, awaited: Awaited) -> None:
        """Store what changed."""
        awaited.add([wait for fact, wait in self._begun.items() if fact not in self._waits])
        awaited.replace([self._left(fact) for fact in sorted({*self._begun, *self._over} & self._waits.keys())])

    def _left(self, fact: int) -> Wait:
        wait, over = self._waits[fact], self._over.get(fact, set())
        left = {slot: due for slot, due in wait.dues.items() if slot not in over}
        return wait._replace(dues=left | (self._begun[fact].dues if fact in self._begun else {}))
