"""What a process says each time that it shows a sign of life."""

from msgspec import Struct

from schemas.reports import HealthState


class Beat(Struct, frozen=True, kw_only=True):
    """How a process is. Times are int64 microseconds on its own clock.

    Attributes:
        at: when it said this.
        lasts: seconds after which nobody remembers it.
        mode: what the gate may do, as this process was told.
        state, reasons, counts: as in ``health.reported``.
        turn_since: when the turn in hand began; None between turns.
        stopped: it was asked to end, and this is its last word.
    """

    at: int
    lasts: float
    mode: str = ""
    state: HealthState = HealthState.HEALTHY
    reasons: list[str] = []
    counts: dict[str, int] = {}
    turn_since: int | None = None
    stopped: bool = False
