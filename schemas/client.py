"""How a trading process is doing."""

from typing import ClassVar

from schemas.event import Event
from schemas.quantities import Count, Counts, Id, Number, Seconds, VersionId, Word


class ClientReported(Event, frozen=True, kw_only=True):
    """Counts since the client's start, by event type; the version it runs and how old that is.

    ``unreadable`` counts, by file, the events that wait in files of its spool that it has put aside.
    """

    type: ClassVar[str] = "client.reported"

    client: Id
    sent: Counts = {}
    spooled: Counts = {}
    dropped: Counts = {}
    unreadable: Counts = {}
    queued: Count | None = None
    breaker: Word | None = None
    version: VersionId | None = None
    version_age_seconds: Seconds | None = None
    clock_offset_seconds: Number | None = None
