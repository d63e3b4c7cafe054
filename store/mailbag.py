"""One owner's part of the outbox, as the relay sees it."""

from collections.abc import Sequence

from store.outbox import Letter, Outbox
from store.store import Store
from store.work import Work


class Mailbag:
    """The letters of ``owner`` that were committed and not sent; each call is a turn of its own."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner

    def waiting(self, limit: int) -> list[Letter]:
        """The oldest letters that were not sent, at most ``limit``."""
        with self._store.read() as reading:
            return Outbox(reading).waiting(self._owner, limit)

    def seen(self, work: Work, limit: int) -> list[Letter]:
        """The same within the turn of ``work``, those among them that wait for its commit."""
        return Outbox(work.connection).waiting(self._owner, limit)

    def sent(self, ids: Sequence[int]) -> None:
        """These were sent."""
        with self._store.begin() as work:
            Outbox(work.connection).published(ids)
            work.commit()
