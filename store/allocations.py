"""Which allocations were in force, from which version on, until which."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, select, update

from schemas.allocation import Allocation
from schemas.version import Version
from store.dialects import insert_new, rows_of, run
from store.tables import allocations


class AllocationRow(NamedTuple):
    """An allocation with the shares it had at last, and the ids of the versions it was in force in.

    ``last_version`` is None while it is in force.
    """

    allocation: Allocation
    first_version: str
    last_version: str | None


_OF_STRATEGY = allocations.c.strategy == bindparam("of_strategy")
_RUNNING = select(allocations.c.id).where(_OF_STRATEGY, allocations.c.last_version.is_(None))
_NAMED = update(allocations).where(_OF_STRATEGY, allocations.c.id == bindparam("of_id"))
_END = _NAMED.values(last_version=bindparam("to_last"))
_GO_ON = _NAMED.values(body=bindparam("to_body"), last_version=None)


class Allocations:
    """The allocations of every strategy. Their shares in each version are in the version itself."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def follow(self, version: Version) -> None:
        """Begin the allocations that are new in ``version``, and end those that are no longer in it."""
        kept = {allocation.id for allocation in version.allocations}
        running = [id_ for (id_,) in rows_of(self._connection, _RUNNING, of_strategy=version.strategy)]
        ended = [
            {"of_strategy": version.strategy, "of_id": id_, "to_last": version.previous}
            for id_ in running
            if id_ not in kept
        ]
        run(self._connection, _END, ended)
        new = insert_new(self._connection, allocations, [_values(version, one) for one in version.allocations])
        going_on = [one for one, is_new in zip(version.allocations, new, strict=True) if not is_new]
        run(
            self._connection,
            _GO_ON,
            [
                {"of_strategy": version.strategy, "of_id": one.id, "to_body": msgspec.json.encode(one).decode()}
                for one in going_on
            ],
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
