"""What was told of examples and never came to the statistics, because the broker lost it in between."""

from collections.abc import Callable, Iterable

import structlog

from store.missed import missed
from store.outbox import Outbox
from store.portions import portions
from store.statistics import Journal
from store.store import Store
from store.tallies import Tallies, journalled, told
from store.work import taken
from workers.join.ledger import OWNER

log = structlog.get_logger()

LOOK_EVERY_US = 5_000_000
"""How often the counts of told and taken revisions are compared, in microseconds."""

IN_VAIN_US = 600_000_000
"""How long nobody looks through the examples again after a search that found nothing."""


class LostRevisions:
    """Takes revisions from the store where the journal lacks them although everything was read that was sent.

    The broker came back empty, or without its last second: what it held of ``outcome.attributed`` is nowhere but in the
    examples, and without it a cycle would wait for ever. A revision that comes after all changes nothing.
    """

    def __init__(self, store: Store, *, strategies: Iterable[str], clock: Callable[[], int]) -> None:
        self._store = store
        self._strategies = tuple(strategies)
        self._clock = clock
        self._look_at = 0
        self._uneven: dict[str, tuple[int, int]] = {}

    def mend(self, settled_before: Callable[[], int]) -> None:
        """Compare the counts, and search where they have not agreed for two looks and nothing is on its way.

        ``settled_before()`` is the millisecond before which the broker has nothing left for the statistics.

        Raises:
            BrokerUnreachable, BrokerRefused, StoreError: nobody knows; ask again later.
        """
        now = self._clock()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY_US
        for strategy in self._strategies:
            with self._store.read() as reading:
                tallies = Tallies(reading)
                uneven = tallies.value(told(strategy)) != tallies.value(journalled(strategy))
                on_their_way = bool(Outbox(reading).waiting(OWNER, 1))
                number = taken(reading)
            if not uneven:
                self._uneven.pop(strategy, None)
            elif strategy not in self._uneven:
                if not on_their_way:
                    self._uneven[strategy] = now, number
            elif self._uneven[strategy][0] < min(now, settled_before() * 1_000):
                found = self._search(strategy, until=self._uneven.pop(strategy)[1])
                if not found:
                    self._uneven[strategy] = now + IN_VAIN_US, number

    def _search(self, strategy: str, *, until: int) -> int:
        """Put into the journal what it lacks of the examples as they stood at ``until``; how much that was."""
        with self._store.read() as reading:
            found = missed(reading, strategy, until=until)
        for portion in portions(found):
            with self._store.begin() as work:
                Journal(work.connection).record(portion)
                work.commit()
        if found:
            log.warning("revisions.lost", strategy=strategy, revisions=len(found), first=found[0].example_id)
        return len(found)
