"""Which entries were refused and still wait for a person."""

import re
from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection

from schemas.reports import HealthState
from store.dead_letters import DeadLetters, OpenLetters
from workers.checks.reading import Figure, Reading, Reason

PART = "dead_letters"
HOUR_US = 3_600_000_000
SHOWN = 5
VALUES = re.compile(r"(?<= is )\S.*(?=[,;] expected|, before)|(?<=byte )(0x)?[0-9a-f]+|[0-9]+(?= bytes)", re.S)
"""What differs in the reasons of entries that were refused for the same."""


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
        alike = _alike(self._open)
        for one in alike[:SHOWN]:
            text = f"{one.letters:,} entries of {one.stream} were refused by {one.worker}: {one.reason}"
            advice = "mend the sender, then `learning dead-letters retry` or `drop`"
            reasons.append(Reason(f"{one.worker} {one.stream} {_kind(one.reason)}", f"{text}; {advice}"))
        if rest := sum(one.letters for one in alike[SHOWN:]):
            reasons.append(Reason("rest", f"{rest:,} more, for {len(alike) - SHOWN:,} other reasons"))
        return reasons


def _alike(letters: Sequence[OpenLetters]) -> list[OpenLetters]:
    """Those together whose reasons differ in a value alone, with the newest of these; the most frequent first."""
    found: dict[tuple[str, str, str], OpenLetters] = {}
    for one in letters:
        kind = (one.worker, one.stream, _kind(one.reason))
        other = found.get(kind, one._replace(letters=0))
        newest = max(one, other, key=lambda each: each.newest)
        found[kind] = newest._replace(letters=one.letters + other.letters)
    return sorted(found.values(), key=lambda one: -one.letters)


def _kind(reason: str) -> str:
    """The reason without the values in it."""
    return VALUES.sub("…", reason)
