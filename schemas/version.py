"""A snapshot of everything that is in force, for ever."""

from typing import NamedTuple

from msgspec import Struct, structs, to_builtins

from schemas.allocation import Allocation, Arm, Value
from schemas.canonical import checksum


class VersionNumber(NamedTuple):
    """Orders versions. The epoch changes when a store is restored from a backup."""

    epoch: int
    number: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> "VersionNumber":
        """The reverse of ``str``: ``"1-17"`` is epoch 1, number 17.

        Raises:
            ValueError: the text is not ``EPOCH-NUMBER``.
        """
        epoch, number = text.split("-")
        return cls(int(epoch), int(number))


class Version(Struct, frozen=True, kw_only=True):
    """All values of a strategy, the allocations in force, and the regime it is for. Never changed.

    The checksum covers what decides what trading does, and no wall clock or random id, so that a
    replay gives the same checksum bit for bit.
    """

    strategy: str
    epoch: int
    number: int
    previous: str | None
    session: str
    regime: str
    registry: str
    values: dict[str, Value]
    allocations: list[Allocation]
    checksum: str = ""

    def __post_init__(self) -> None:
        if not self.checksum:
            structs.force_setattr(self, "checksum", self._checksum())

    @property
    def id(self) -> VersionNumber:
        """Where the version stands in the order."""
        return VersionNumber(self.epoch, self.number)

    @property
    def intact(self) -> bool:
        """Whether the checksum that came with the version is that of its content."""
        return self.checksum == self._checksum()

    def assigned(self, unit: str) -> dict[str, Arm]:
        """The arm of ``unit`` in each allocation, by allocation id."""
        return {allocation.id: allocation.arm_of(unit) for allocation in self.allocations}

    def values_for(self, unit: str) -> dict[str, Value]:
        """All values that are in force for ``unit``."""
        values = dict(self.values)
        for arm in self.assigned(unit).values():
            values |= arm.values
        return values

    def _checksum(self) -> str:
        covered = to_builtins(self)
        del covered["checksum"]
        return checksum(covered)
