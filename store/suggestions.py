"""What the Bayesian optimiser suggested for an allocation, and why not."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import msgspec
from sqlalchemy import Connection, select, update

from store.dialects import insert_new
from store.rows import columns
from store.tables import looks, suggestions

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


class Look(NamedTuple):
    """A session after which the optimiser is to look; ``time``: that of the event that said so, in microseconds."""

    strategy: str
    session: str
    time: int


_ROWS = select(*columns(suggestions, SuggestionRow))


class Suggestions:
    """The suggestions of every strategy, one for each (strategy, allocation, session). Written once, never changed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ask(self, asked: Sequence[Look]) -> None:
        """These sessions are to be looked at; one that was asked for before stays as it is."""
        insert_new(self._connection, looks, [{**look._asdict(), "looked": 0} for look in asked])

    def open_looks(self) -> list[Look]:
        """The sessions that wait, the oldest first."""
        chosen = select(*columns(looks, Look)).where(looks.c.looked == 0)
        return [Look._make(row) for row in self._connection.execute(chosen.order_by(looks.c.session, looks.c.strategy))]

    def looked(self, strategy: str, session: str) -> bool:
        """Whether what there was to suggest after that session is written."""
        named = (looks.c.strategy == strategy, looks.c.session == session)
        return bool(self._connection.execute(select(looks.c.looked).where(*named)).scalar())

    def finish(self, look: Look, rows: Sequence[SuggestionRow]) -> bool:
        """Write what was suggested, and say whether nobody had looked before: else nothing is written."""
        named = (looks.c.strategy == look.strategy, looks.c.session == look.session)
        waiting = update(looks).where(*named, looks.c.looked == 0).values(looked=1)
        if self._connection.execute(waiting).rowcount == 0:
            return False
        insert_new(self._connection, suggestions, [row._asdict() for row in rows])
        return True

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
