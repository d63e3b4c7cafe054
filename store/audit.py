"""Every value that ever moved: from what to what, when, by whom and why."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, select

from schemas.allocation import Value
from schemas.params import Change
from schemas.version import Version
from store.dialects import insert_new
from store.rows import columns
from store.tables import audit


class Moved(NamedTuple):
    """One value that moved with one version. ``time``: int64 microseconds, when it was decided."""

    strategy: str
    version: str
    name: str
    old: Value
    new: Value
    reason: str
    evidence: str | None
    by: str
    time: int


def moved(version: Version, changes: Sequence[Change], *, by: str, time: int) -> list[Moved]:
    """What moved with ``version``."""
    number = str(version.id)
    return [
        Moved(version.strategy, number, one.name, one.old, one.new, one.reason, one.evidence, by, time)
        for one in changes
    ]


class Audit:
    """The audit trail. Nothing is ever changed or deleted in it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, moved: Sequence[Moved]) -> None:
        """Write what moved, in its order."""
        insert_new(self._connection, audit, list(map(_values, moved)))

    def history(self, strategy: str, *, name: str | None = None, limit: int = 100) -> Sequence[Moved]:
        """The newest first, of one parameter or of all."""
        chosen = select(*columns(audit, Moved)).where(audit.c.strategy == strategy)
        if name is not None:
            chosen = chosen.where(audit.c.name == name)
        rows = (Moved(*row) for row in self._connection.execute(chosen.order_by(audit.c.id.desc()).limit(limit)))
        return [row._replace(old=_decoded(row.old), new=_decoded(row.new)) for row in rows]


def _values(row: Moved) -> dict[str, Any]:
    texts = {"old": msgspec.json.encode(row.old).decode(), "new": msgspec.json.encode(row.new).decode()}
    return row._asdict() | texts


def _decoded(text: Any) -> Any:
    return msgspec.json.decode(text, type=Value)
