"""The units that an allocation assigned, one by one, with what each earned."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, select

from schemas.attributed import Contribution
from store.tables import examples

AT_ONCE = 2_000
"""How many rows are fetched together."""

_CONTRIBUTIONS = msgspec.json.Decoder(list[Contribution])


class LoggedUnit(NamedTuple):
    """A unit: its assignment session, the version that assigned it, its arm, and its reward in 1e-6."""

    session: str
    version: str
    arm: str
    total: int


def logged_units(
    connection: Connection, strategy: str, allocation: str, *, reward: str, horizon: str, origin: str
) -> Iterator[LoggedUnit]:
    """The units of an allocation that are counted, as they stand now, in no order that means anything.

    Also those of sessions of which more may come: which are mature is for the reader to say.
    """
    table = examples.c
    chosen = select(table.contributions).where(
        table.strategy == strategy, table.horizon == horizon, table.origin == origin, table.contributions != "[]"
    )
    for body in connection.execute(chosen.execution_options(yield_per=AT_ONCE)).scalars():
        for one in _CONTRIBUTIONS.decode(body):
            if one.allocation == allocation and one.reward == reward and one.n == 1:
                yield LoggedUnit(one.session, one.version, one.arm, one.total)
