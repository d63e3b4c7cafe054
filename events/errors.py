"""What can go wrong between a stream and its reader.

EngineError
    BrokenEvent     an entry that no retry will mend
    NewerEvent      an entry for a newer engine than this one
    Unfit           why an entry is no event, before its bytes are known; becomes a BrokenEvent
    BrokerUnreachable  the broker is gone or cannot serve for now: wait and ask again
    BrokerRefused      the broker will answer the same way again
    BrokerNotStarted   the embedded broker does not run: nothing to start, or it did not come up
"""

from schemas.errors import EngineError

BODY_LIMIT = 65_536
"""So many bytes of a refused entry are kept."""


class BrokenEvent(EngineError):
    """An entry that cannot be an event. No retry will mend it: it belongs into the dead letters.

    Attributes:
        reason: which field or byte is wrong, what it holds and what it should look like.
        body: the first ``BODY_LIMIT`` bytes of what was refused.
        size: how many bytes there were.
    """

    def __init__(self, reason: str, body: bytes) -> None:
        super().__init__(reason)
        self.reason = reason
        self.body = body[:BODY_LIMIT]
        self.size = len(body)


class NewerEvent(EngineError):
    """An event of a schema version that this engine does not know yet; a newer engine will read it."""

    def __init__(self, kind: str, version: int, *, known: int) -> None:
        super().__init__(
            f"{kind} has schema version {version}, this engine knows versions up to {known}: upgrade the engine"
        )
        self.kind = kind
        self.version = version
        self.known = known


class BrokerUnreachable(EngineError):
    """The broker is gone, or there and for now busy, full or read-only. Wait, and call again."""


class BrokerRefused(EngineError):
    """The broker answers with an error that will not pass by itself: a right, or a key of another kind."""


class BrokerNotStarted(EngineError):
    """The embedded broker could not be started; the message says what to do."""


class Unfit(EngineError):
    """Why an entry is no event, in one sentence. ``decode`` puts the bytes beside it."""
