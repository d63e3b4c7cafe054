"""The snapshots at the broker, held against the store, which is the truth."""

from collections.abc import Callable, Iterable

import msgspec
import structlog

from store.outbox import Outbox
from store.store import Store
from store.versions import Versions
from workers.gate.publication import OWNER, announcement, snapshot_key

log = structlog.get_logger()

LOOK_EVERY_US = 5_000_000
"""How often the broker is asked whether it still has the snapshots, in microseconds."""


class Snapshots:
    """Announces a version once more where the broker has lost it: it came back empty, or without its last second.

    ``at_broker(key)`` is what lies there now, or None.
    """

    def __init__(
        self,
        store: Store,
        *,
        strategies: Iterable[str],
        at_broker: Callable[[str], bytes | None],
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._strategies = tuple(strategies)
        self._at_broker = at_broker
        self._clock = clock
        self._looked_at = 0

    def mend(self) -> None:
        """Put the version in force of each strategy into the outbox again where its snapshot is missing or another.

        Raises:
            BrokerUnreachable, BrokerRefused, StoreError: nobody knows; ask again later.
        """
        now = self._clock()
        if 0 <= now - self._looked_at < LOOK_EVERY_US:
            return
        self._looked_at = now
        for strategy in self._strategies:
            with self._store.read() as reading:
                version = Versions(reading).latest(strategy)
                on_its_way = bool(Outbox(reading).waiting(OWNER, 1))
            if version is None or on_its_way:
                continue
            if self._at_broker(snapshot_key(strategy)) != msgspec.json.encode(version):
                log.warning("snapshot.lost", strategy=strategy, version=str(version.id))
                with self._store.begin() as work:
                    letter = announcement(version, changes=[], time=work.now)
                    Outbox(work.connection).post(OWNER, [letter], now=work.now)
                    work.commit()
