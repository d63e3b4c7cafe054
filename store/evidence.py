"""The numbers that proposals stand on."""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import msgspec
from sqlalchemy import Connection, select

from store.dialects import insert_new
from store.tables import evidence

Figures = TypeVar("Figures")


class EvidenceRow(NamedTuple):
    """What was computed of one allocation from the facts up to ``cut``. ``arms``: figures by arm key, as JSON."""

    id: str
    strategy: str
    session: str
    cut: int
    allocation: str
    arms: dict[str, msgspec.Raw]
    recorded_at: int


class EvidenceRows:
    """Evidence by its id. Written once, never changed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self,
        evidence_id: str,
        strategy: str,
        *,
        session: str,
        cut: int,
        allocation: str,
        arms: Mapping[str, object],
        now: int,
    ) -> bool:
        """Write the figures of each arm (any value that msgspec encodes), and say whether the row was new."""
        row = {
            "id": evidence_id,
            "strategy": strategy,
            "session": session,
            "cut": cut,
            "allocation": allocation,
            "recorded_at": now,
            "body": msgspec.json.encode(arms).decode(),
        }
        return insert_new(self._connection, evidence, [row])[0]

    def get(self, evidence_id: str) -> EvidenceRow | None:
        """The whole row."""
        table = evidence.c
        chosen = select(
            table.id, table.strategy, table.session, table.cut, table.allocation, table.body, table.recorded_at
        )
        row = self._connection.execute(chosen.where(table.id == evidence_id)).first()
        if row is None:
            return None
        return EvidenceRow(*row)._replace(arms=msgspec.json.decode(row.body, type=dict[str, msgspec.Raw]))

    def find(self, evidence_id: str, arm: str, *, shape: type[Figures]) -> Figures | None:
        """The figures of one arm, as a value of ``shape``. None where there is no such row or arm, or no such shape."""
        found = self.get(evidence_id)
        if found is None or arm not in found.arms:
            return None
        try:
            return msgspec.json.decode(found.arms[arm], type=shape)
        except msgspec.ValidationError:
            return None
