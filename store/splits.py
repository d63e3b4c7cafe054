"""How versions split units among arms."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, select

from schemas.allocation import arm_key, place_of
from schemas.version import VersionNumber
from store.portions import portions
from store.tables import versions


class Split(NamedTuple):
    """An allocation as one version has it: the keys of its arms, and their shares in 1/10,000, in their order."""

    allocation: str
    arms: Sequence[str]
    shares: Sequence[int]

    def arm_of(self, unit: str) -> str:
        """The key of the arm that the version gave the unit."""
        return self.arms[place_of(self.allocation, unit, shares=self.shares)]


class _Arm(msgspec.Struct):
    values: msgspec.Raw
    share: int


class _Allocation(msgspec.Struct):
    id: str
    arms: list[_Arm]


class _Body(msgspec.Struct):
    allocations: list[_Allocation]


def splits(connection: Connection, strategy: str, numbers: Iterable[str]) -> dict[tuple[str, str], Split]:
    """By version ``EPOCH-NUMBER`` and allocation id; what was never published is left out.

    Hundreds of versions hold the same few arms with other shares: the key of each is worked out once.
    """
    key = cache(lambda values: arm_key(msgspec.json.decode(values)))
    return {
        (number, one.id): Split(one.id, [key(bytes(arm.values)) for arm in one.arms], [arm.share for arm in one.arms])
        for number, body in _bodies(connection, strategy, numbers)
        for one in msgspec.json.decode(body, type=_Body).allocations
    }


def _bodies(connection: Connection, strategy: str, numbers: Iterable[str]) -> Iterator[tuple[str, str]]:
    epochs: dict[int, list[int]] = {}
    for parsed in map(VersionNumber.parse, numbers):
        epochs.setdefault(parsed.epoch, []).append(parsed.number)
    chosen = select(versions.c.number, versions.c.body).where(versions.c.strategy == strategy)
    for epoch, wanted in epochs.items():
        for portion in portions(sorted(wanted)):
            named = chosen.where(versions.c.epoch == epoch, versions.c.number.in_(portion))
            for number, body in connection.execute(named).all():
                yield str(VersionNumber(epoch, number)), body
