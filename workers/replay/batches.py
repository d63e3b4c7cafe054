"""Events in the portions that are taken in at once."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from schemas.session import SessionClosed
from workers.replay.events import Replayed

BATCH = 2_000
"""So many events are taken in by one transaction."""


class Batch(NamedTuple):
    """Events that follow each other. ``ends`` are those that close a session; nothing stands behind them."""

    events: Sequence[Replayed]
    ends: Sequence[Replayed]

    @property
    def reached(self) -> int:
        """How many events there are up to its last."""
        return self.events[-1].number + 1


def batches(events: Iterable[Replayed], *, size: int = BATCH) -> Iterator[Batch]:
    """At most ``size`` events each. One ends where a session does, so that it settles before what follows."""
    held: list[Replayed] = []
    ends: list[Replayed] = []
    for event in events:
        is_end = event.envelope is not None and isinstance(event.envelope.data, SessionClosed)
        if held and (len(held) == size or (ends and not is_end)):
            yield Batch(held, ends)
            held, ends = [], []
        held.append(event)
        if is_end:
            ends.append(event)
    if held:
        yield Batch(held, ends)
