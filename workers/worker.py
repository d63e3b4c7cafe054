"""What every worker is to the runtime."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from schemas.event import Envelope
from store.work import Work


class Refusal(NamedTuple):
    """An event that decodes but cannot be taken in, and the reason that its sender will read."""

    envelope: Envelope
    reason: str


class Worker(Protocol):
    """Turns events into rows of its own and letters for the outbox.

    ``name`` is the consumer group and the owner of its outbox rows; ``reads`` are the streams, by type.
    """

    @property
    def name(self) -> str: ...
    @property
    def reads(self) -> tuple[str, ...]: ...

    def handle(self, work: Work, batch: Sequence[Envelope]) -> Sequence[Refusal]:
        """Take a batch in, within the transaction of ``work`` and without committing it.

        The same batch again must change nothing. What is refused is buried in the same transaction.
        """
        ...

    def rest(self, settled_before: Callable[[], int]) -> None:
        """Called after every turn, outside of its transaction.

        ``settled_before()`` asks the broker up to which millisecond every entry of this worker's
        streams has been taken in and acknowledged.
        """
        ...
