"""How long letters wait between commit and broker."""

from sqlalchemy import Connection

from schemas.reports import HealthState
from store.outbox import Outbox
from workers.checks.reading import Figure, Reading, Reason, graded, span

PART = "outbox"


class Letterbox:
    """Looks how old the oldest letter of each owner is."""

    def __init__(self, *, limit: float) -> None:
        self._limit = limit

    def look(self, reading: Connection, *, now: int) -> list[Reading]:
        """One reading. Raises what the driver raises."""
        reasons: list[Reason] = []
        figures: list[Figure] = []
        for owner, letters, since in Outbox(reading).owners():
            age = max(0.0, (now - since) / 1e6)
            figures += (
                Figure("outbox_letters", letters, (owner,)),
                Figure("outbox_oldest_age_seconds", age, (owner,)),
            )
            state = graded(age, limit=self._limit, critical=10 * self._limit)
            if state is not HealthState.HEALTHY:
                text = f"{letters:,} letters of {owner} wait in the outbox, the oldest for {span(age)}"
                advice = f"{owner} relays them itself: is it alive, and does the broker take them?"
                reasons.append(Reason(f"waits {owner}", f"{text} (limit {span(self._limit)}); {advice}", state))
        return [Reading(PART, tuple(reasons), tuple(figures))]
