"""What the Bayesian optimiser suggested for an allocation, and why not."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import msgspec
from sqlalchemy import Connection, select

from store.dialects import insert_new
from store.rows import columns
from store.tables import suggestions

Shape = TypeVar("Shape")


class SuggestionRow(NamedTuple):
    """One look at one allocation, with the facts up to ``cut`` and the version that was in force.

    ``proposal_id`` names what was proposed, None where nothing was; ``body`` is the JSON of what it stands on.
    """

    strategy: str
    allocation: str
    session: str
    cut: int
    version: str
    proposal_id: str | None
    reason: str
    body: str
    recorded_at: int

    def read(self, shape: type[Shape]) -> Shape:
        """What the suggestion stands on, as a value of ``shape``."""
        return msgspec.json.decode(self.body, type=shape)


_ROWS = select(*columns(suggestions, SuggestionRow))


class Suggestions:
    """The suggestions of every strategy, one for each (strategy, allocation, session). Written once, never changed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, rows: Sequence[SuggestionRow]) -> list[bool]:
        """Write the rows that are new, and say of each whether it was."""
        return insert_new(self._connection, suggestions, [row._asdict() for row in rows])

    def known(self, strategy: str, session: str) -> set[str]:
        """The allocations that were looked at after this session."""
        named = (suggestions.c.strategy == strategy, suggestions.c.session == session)
        return set(self._connection.execute(select(suggestions.c.allocation).where(*named)).scalars())

    def last_proposed(self, strategy: str, allocation: str, *, before: str) -> str | None:
        """The last session before ``before`` after which arms of the allocation were proposed."""
        table = suggestions.c
        named = (table.strategy == strategy, table.allocation == allocation)
        chosen = select(table.session).where(*named, table.session < before, table.proposal_id.is_not(None))
        return self._connection.execute(chosen.order_by(table.session.desc()).limit(1)).scalar()

    def history(self, strategy: str, *, limit: int = 20) -> Sequence[SuggestionRow]:
        """The newest session first, its allocations by name."""
        chosen = _ROWS.where(suggestions.c.strategy == strategy)
        newest = chosen.order_by(suggestions.c.session.desc(), suggestions.c.allocation).limit(limit)
        return [SuggestionRow._make(row) for row in self._connection.execute(newest)]
