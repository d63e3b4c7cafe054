"""Which allocations were in force, from which version on, until which."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, select, update

from schemas.allocation import Allocation
from schemas.version import Version
from store.dialects import insert_new
from store.tables import allocations


class AllocationRow(NamedTuple):
    """An allocation with the shares it had at last, and the ids of the versions it was in force in.

    ``last_version`` is None while it is in force.
    """

    allocation: Allocation
    first_version: str
    last_version: str | None


class Allocations:
    """The allocations of every strategy. Their shares in each version are in the version itself."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def follow(self, version: Version) -> None:
        """Begin the allocations that are new in ``version``, and end those that are no longer in it."""
        table = allocations.c
        of_strategy = update(allocations).where(table.strategy == version.strategy)
        kept = [allocation.id for allocation in version.allocations]
        ended = of_strategy.where(table.last_version.is_(None), table.id.not_in(kept))
        self._connection.execute(ended.values(last_version=version.previous))
        new = insert_new(self._connection, allocations, [_values(version, one) for one in version.allocations])
        for allocation, is_new in zip(version.allocations, new, strict=True):
            if not is_new:
                body = msgspec.json.encode(allocation).decode()
                self._connection.execute(
                    of_strategy.where(table.id == allocation.id).values(body=body, last_version=None)
                )

    def history(self, strategy: str) -> Sequence[AllocationRow]:
        """All there ever were, by id."""
        table = allocations.c
        chosen = select(table.body, table.first_version, table.last_version).where(table.strategy == strategy)
        return [
            AllocationRow(msgspec.json.decode(body, type=Allocation), first, last)
            for body, first, last in self._connection.execute(chosen.order_by(table.id))
        ]


def _values(version: Version, allocation: Allocation) -> dict[str, str | None]:
    return {
        "strategy": version.strategy,
        "id": allocation.id,
        "purpose": allocation.purpose.value,
        "layer": allocation.layer,
        "first_version": str(version.id),
        "last_version": None,
        "body": msgspec.json.encode(allocation).decode(),
    }
