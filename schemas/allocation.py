"""How units are split among arms, in integer arithmetic that every language can repeat for ever."""

import hashlib
from collections.abc import Mapping, Sequence
from enum import Enum
from itertools import accumulate
from typing import Annotated

from msgspec import Meta, Struct

from schemas.canonical import canonical_json
from schemas.errors import EngineError
from schemas.quantities import Number

WHOLE = 10_000
"""A share is an integer in 1/10,000; the shares of an allocation sum to this."""

Exact = Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""An integer that every language holds exactly."""

Value = Number | Exact | str | list[str | list[Number]]
"""What a parameter can be: a number, an integer, a choice, a set of words, or the knots of a curve."""


class InvalidAllocation(EngineError):
    """An allocation whose shares, arms or parameters contradict each other."""


class Purpose(Enum):
    """Who sets the shares: Thompson sampling, a person's experiment, or the gate's rollout."""

    EXPLORE = "explore"
    EXPERIMENT = "experiment"
    ROLLOUT = "rollout"


class Arm(Struct, frozen=True):
    """Parameter values that are tried together, and the share of units that gets them, in 1/10,000."""

    values: dict[str, Value]
    share: int

    @property
    def key(self) -> str:
        """The arm's only identity: its values, as canonical JSON. Never its place in a list."""
        return arm_key(self.values)


class Allocation(Struct, frozen=True, kw_only=True):
    """A split of units among arms.

    The arm whose values are those of the version itself is the baseline. Allocations of different
    ``layer`` draw independently, because the id is part of what is hashed; no parameter is in two.
    ``unit`` names what is randomised: ``symbol/session``.

    Raises:
        InvalidAllocation: when shares do not sum to 10,000 or arms do not set the same parameters.
    """

    id: str
    layer: str
    purpose: Purpose
    parameters: list[str]
    arms: list[Arm]
    unit: str = "symbol/session"

    def __post_init__(self) -> None:
        if not self.arms or sum(arm.share for arm in self.arms) != WHOLE:
            raise InvalidAllocation(
                f"allocation {self.id}: the shares sum to {sum(a.share for a in self.arms)}, they must sum to {WHOLE}"
            )
        if any(not 0 <= arm.share <= WHOLE for arm in self.arms):
            raise InvalidAllocation(f"allocation {self.id}: every share must lie in 0 to {WHOLE}")
        if any(sorted(arm.values) != sorted(self.parameters) for arm in self.arms):
            raise InvalidAllocation(f"allocation {self.id}: every arm must set exactly {sorted(self.parameters)}")
        if len({arm.key for arm in self.arms}) != len(self.arms):
            raise InvalidAllocation(f"allocation {self.id}: two arms have the same values")

    def arm_of(self, unit: str) -> Arm:
        """The arm that ``unit`` belongs to, the same at every call, in every process and language."""
        return self.arms[place_of(self.id, unit, shares=[arm.share for arm in self.arms])]

    def baseline(self, values: Mapping[str, Value]) -> Arm | None:
        """The arm that equals the version's own ``values``, or None where no arm does."""
        wanted = arm_key({name: values[name] for name in self.parameters})
        return next((arm for arm in self.arms if arm.key == wanted), None)


def place_of(allocation_id: str, unit: str, *, shares: Sequence[int]) -> int:
    """Which of the shares, in 1/10,000 and in their order, ``unit`` belongs to: the first that its draw lies below.

    Raises:
        InvalidAllocation: the shares sum to less than 10,000, and nothing is left for the unit.
    """
    drawn = draw(allocation_id, unit)
    for place, cumulative in enumerate(accumulate(shares)):
        if drawn * WHOLE < cumulative << 32:
            return place
    raise InvalidAllocation(f"allocation {allocation_id}: the shares sum to {sum(shares)}, no arm is left for {unit!r}")


def draw(allocation_id: str, unit: str) -> int:
    """n of the design: the first four bytes of SHA-256(id ":" unit) as a big-endian integer."""
    return int.from_bytes(hashlib.sha256(f"{allocation_id}:{unit}".encode()).digest()[:4], "big")


def arm_key(values: Mapping[str, Value]) -> str:
    """The canonical text of an arm's values."""
    return canonical_json(dict(values))


def unit_of(symbol: str, session: str) -> str:
    """The default unit: one symbol on one session date."""
    return f"{symbol}/{session}"
