"""How a publisher is doing."""

from msgspec import Struct


class PublisherStats(Struct, frozen=True, kw_only=True):
    """Counts since the start by event type, what waits in memory and on disk, and what went wrong by kind.

    ``breaker`` is ``closed`` while the broker answers, ``open`` after three failures in a row, and ``half_open``
    while it is tried again.
    """

    connected: bool
    breaker: str
    queued: int
    spooled: dict[str, int]
    sent: dict[str, int]
    dropped: dict[str, int]
    troubles: dict[str, int]
