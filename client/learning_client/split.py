"""Which arm of an allocation a unit belongs to."""

import hashlib
from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from types import MappingProxyType
from typing import Any

from learning_client.declared import Declared, frozen
from learning_client.version import WHOLE, Allocation, VersionNumber


class Split:
    """One allocation, ready to assign: what is the same for every unit is computed once.

    Attributes:
        arms: the values of each arm, tuples in place of lists.
        used: those of them that the calling program declares, in the form of its defaults.
    """

    def __init__(self, allocation: Allocation, *, declared: Declared, number: VersionNumber) -> None:
        self.id = allocation.id
        self.names = tuple(allocation.parameters)
        self.arms: list[Mapping[str, Any]] = [
            MappingProxyType({name: frozen(value) for name, value in arm.values.items()}) for arm in allocation.arms
        ]
        self.used = [declared.used(arm.values, number=number) for arm in allocation.arms]
        self._ends = list(accumulate(arm.share << 32 for arm in allocation.arms))
        self._head = hashlib.sha256(f"{allocation.id}:".encode())

    def place_of(self, unit: str) -> int:
        """The place of the unit's arm: the first whose cumulative share, of 2**32, lies above the unit's draw."""
        return bisect_right(self._ends, self.draw(unit) * WHOLE)

    def draw(self, unit: str) -> int:
        """The first four bytes of SHA-256(allocation id ":" unit), big-endian."""
        digest = self._head.copy()
        digest.update(unit.encode())
        return int.from_bytes(digest.digest()[:4], "big")
