"""Which entries were refused and still wait for a person."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection

from schemas.reports import HealthState
from store.dead_letters import DeadLetters, OpenLetters
from workers.checks.reading import Figure, Reading, Reason

PART = "dead_letters"
HOUR_US = 3_600_000_000
SHOWN = 5


class Letters:
    """Counts the open dead letters by reason, again only when one came or was closed."""

    def __init__(self, *, many: int) -> None:
        self._many = many
        self._moved: tuple[int, int] | None = None
        self._open: Sequence[OpenLetters] = ()

    def look(self, reading: Connection, *, now: int) -> list[Reading]:
        """One reading. Raises what the driver raises."""
        letters = DeadLetters(reading)
        if (moved := letters.moved()) != self._moved:
            self._open, self._moved = letters.reasons(), moved
        lately = letters.since(now - HOUR_US) if self._open else 0
        by_stream: Counter[str] = Counter()
        for one in self._open:
            by_stream[one.stream] += one.letters
        figures = tuple(Figure("dead_letters_open", count, (stream,)) for stream, count in sorted(by_stream.items()))
        return [Reading(PART, tuple(self._reasons(lately)), figures)]

    def _reasons(self, lately: int) -> list[Reason]:
        reasons = []
        if lately >= self._many:
            text = f"{lately:,} entries were refused within an hour (limit {self._many:,})"
            advice = "a sender is broken or its form has changed: `learning dead-letters list` shows the reasons"
            reasons.append(Reason("many", f"{text}; {advice}", HealthState.CRITICAL))
        for one in self._open[:SHOWN]:
            text = f"{one.letters:,} entries of {one.stream} were refused by {one.worker}: {one.reason}"
            advice = "mend the sender, then `learning dead-letters retry` or `drop`"
            reasons.append(Reason(f"{one.worker} {one.stream} {one.reason}", f"{text}; {advice}"))
        if rest := sum(one.letters for one in self._open[SHOWN:]):
            reasons.append(Reason("rest", f"{rest:,} more, for {len(self._open) - SHOWN:,} other reasons"))
        return reasons
