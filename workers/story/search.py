"""What a name means: all that it fits, or what may be meant instead."""

from collections.abc import Iterator
from difflib import SequenceMatcher
from hashlib import sha256
from heapq import nlargest
from itertools import zip_longest
from math import inf

from sqlalchemy import Connection

from schemas.attributed import Origin
from store.examples import LONGEST_ID, example_id
from store.stories import Stories
from workers.story.cast import CASES, TABLES, Role

HASHED = sha256().digest_size * 2
"""So many characters has the id of an example whose name would be too long."""

LIKE = 0.6
"""From which likeness on, 0 to 1, a name may be meant by another."""


class Search:
    """Finds names in the books of one strategy."""

    def __init__(self, connection: Connection, strategy: str) -> None:
        self._strategy = strategy
        self._stories = Stories(connection, strategy)

    def roles(self, name: str) -> list[Role]:
        """Everything that bears the name: facts, a position, and what an example of that id is about.

        Where that is nothing, it may be a discovery run that only alerts name.
        """
        found = [Role(what, name) for what, table in TABLES.items() if self._stories.sequences(table, [name])]
        if self._stories.position(name):
            found.append(Role("position", name))
        found.extend(self._of_example(name))
        if not found and self._stories.found_by(name):
            found.append(Role("discovery run", name))
        return list(dict.fromkeys(found))

    def near(self, name: str, *, most: int = 5) -> list[str]:
        """Names that are written almost like it, the nearest first."""
        liked = ((_likeness(name, other), other) for other in self._stories.near(name))
        return [other for _, other in nlargest(most, (pair for pair in liked if pair[0] >= (LIKE, -inf)))]

    def _of_example(self, name: str) -> Iterator[Role]:
        parts = name.split("/")
        if len(parts) >= 5 and parts[0] == self._strategy and parts[1] in CASES:
            subject_id = "/".join(parts[2:-2])
            yield from self._about(name, parts[1], [subject_id])
        if len(name) == HASHED and set(name) <= set("0123456789abcdef"):
            for what in CASES:
                yield from self._about(name, what, self._stories.long_names(TABLES[what], self._longer_than(what)))

    def _longer_than(self, what: str) -> int:
        """From how many characters on an id may make the name of its examples too long."""
        fixed = example_id(self._strategy, what, "", horizon="9999d", origin=Origin.REPORTED.value)
        return LONGEST_ID - len(fixed)

    def _about(self, name: str, what: str, subject_ids: list[str]) -> Iterator[Role]:
        facts = self._stories.sequences(TABLES[what], subject_ids)
        rows = self._stories.examples(facts.values())
        yield from (Role(what, row.example.subject_id) for row in rows if row.example.name == name)


def _likeness(name: str, other: str) -> tuple[float, int]:
    """How alike two names are: by what they have in common, then by how many characters are not the same."""
    return SequenceMatcher(None, other, name).ratio(), -sum(one != two for one, two in zip_longest(name, other))
