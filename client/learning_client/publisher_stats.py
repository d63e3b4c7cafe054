"""How a publisher is doing."""

from msgspec import Struct


class PublisherStats(Struct, frozen=True, kw_only=True):
    """Counts since the start by event type, what waits in memory and on disk, and what went wrong by kind.

    ``unreadable`` names the files of the spool that were put aside because they are damaged or cannot be read, with the
    events that are known to wait in each. ``breaker`` is ``closed`` while the broker takes events, ``open`` after three
    failures in a row, and ``half_open`` while it is tried again.
    """

    connected: bool
    breaker: str
    queued: int
    spooled: dict[str, int]
    sent: dict[str, int]
    dropped: dict[str, int]
    unreadable: dict[str, int]
    troubles: dict[str, int]
