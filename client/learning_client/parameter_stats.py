"""How a client of the parameters is doing."""

from msgspec import Struct


class ParameterStats(Struct, frozen=True, kw_only=True):
    """How the client is doing: the newest good version (used or not), how many came, and what went wrong.

    ``standing`` is that of a snapshot; ``heard_seconds`` how long ago the broker was heard, None where it never was.
    """

    connected: bool
    version: str | None
    standing: str
    heard_seconds: float | None
    taken: int
    refused: int
    troubles: dict[str, int]
