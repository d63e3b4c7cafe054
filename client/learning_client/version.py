"""The parameters as the engine publishes them: values, allocations, and the arithmetic that assigns a unit."""

from datetime import date
from typing import NamedTuple

import msgspec
from msgspec import Struct

from learning_client.canonical import checksum
from learning_client.errors import RefusedVersion
from learning_client.moments import session_text

WHOLE = 10_000
LARGEST = 1 << 20
"""Bytes of a version or an update; more is refused unread."""

Value = float | int | str | list[str | list[float]]
"""A number, an integer, a choice, a set of words, or the knots of a curve."""


class VersionNumber(NamedTuple):
    """Orders versions; as text it is ``EPOCH-NUMBER``."""

    epoch: int
    number: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.number}"


class Arm(Struct, frozen=True, forbid_unknown_fields=True):
    """Values that are tried together, and the share of units that get them, in 1/10,000."""

    values: dict[str, Value]
    share: int


class Allocation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A split of units among arms."""

    id: str
    layer: str
    purpose: str
    parameters: list[str]
    arms: list[Arm]
    unit: str = "symbol/session"

    def __post_init__(self) -> None:
        if self.unit != "symbol/session":
            raise ValueError(f"allocation {self.id} randomises {self.unit!r}, this client knows only 'symbol/session'")
        if any(arm.share < 0 for arm in self.arms) or sum(arm.share for arm in self.arms) != WHOLE:
            raise ValueError(f"allocation {self.id}: the shares are not parts of {WHOLE}")
        if any(sorted(arm.values) != sorted(self.parameters) for arm in self.arms):
            raise ValueError(f"allocation {self.id}: an arm does not set exactly {self.parameters}")


class Version(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All values of a strategy and the allocations in force."""

    strategy: str
    epoch: int
    number: int
    previous: str | None
    session: str
    regime: str
    registry: str
    values: dict[str, Value]
    allocations: list[Allocation]
    checksum: str

    def __post_init__(self) -> None:
        split = [name for allocation in self.allocations for name in allocation.parameters]
        if len(split) != len(set(split)):
            raise ValueError("a parameter is in two allocations")

    @property
    def id(self) -> VersionNumber:
        """Where this version stands in the order."""
        return VersionNumber(self.epoch, self.number)

    @property
    def intact(self) -> bool:
        """Whether the checksum is that of the content."""
        covered = msgspec.to_builtins(self)
        del covered["checksum"]
        try:
            return checksum(covered) == self.checksum
        except ValueError:
            return False


def unit_of(symbol: str, session: "str | date") -> str:
    """What is randomised: one symbol on one session. ``session`` is a date, or its text ``2024-01-31``."""
    return f"{symbol}/{session_text(session)}"


def decode_version(body: bytes) -> Version:
    """The version that a snapshot key holds.

    Raises:
        RefusedVersion: too large, not of the known shape, or its checksum is not that of its content.
    """
    if len(body) > LARGEST:
        raise RefusedVersion(None, f"the snapshot is larger than {LARGEST} bytes")
    try:
        version = msgspec.json.decode(body, type=Version)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise RefusedVersion(None, f"the snapshot has an unknown shape: {error}") from error
    if not version.intact:
        raise RefusedVersion(version.id, f"the snapshot's checksum is not that of its content, version {version.id}")
    return version
