"""What is learned from history with full information: which parameters, and how."""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct

from schemas.outcome import Horizon
from schemas.quantities import Name


class LearnerKind(Enum):
    """What is learned, and so which roles its parameters have."""

    WEIGHTS = "weights"
    THRESHOLD = "threshold"
    EXITS = "exits"
    POSITION_SIZE = "position_size"


class Learner(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters that the weekly cycle judges on all of history, bought or not.

    Attributes:
        weights: the feature that each weight of the score belongs to, by parameter. A learner of another kind scores
            history anew by them; without them it takes the scores that were told.
        threshold: the least score that is bought. What stays below it earns a real 0.
        take_profit, stop_loss, max_hold: when a position is left: fractions of the entry price, and sessions.
        cap: the largest size of a position.
        horizon: over which the return counts, where there is no exit to be learned; the market's primary one where
            absent, and for position sizes ``close``: what trading reported.
        size: of every position that is judged, a fraction of equity.
        costs: of entry and exit together, a fraction of the entry price.
        sessions: of the past that are looked at.
    """

    id: Name
    kind: LearnerKind
    weights: dict[Name, Name] = {}
    threshold: Name | None = None
    take_profit: Name | None = None
    stop_loss: Name | None = None
    max_hold: Name | None = None
    cap: Name | None = None
    horizon: Horizon | None = None
    size: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.02
    costs: Annotated[float, Meta(ge=0.0, le=0.5)] = 0.0
    sessions: Annotated[int, Meta(ge=60, le=2_500)] = 250

    @property
    def roles(self) -> Mapping[str, str]:
        """The parameter of each role that is filled, but for the weights."""
        named = {role: getattr(self, role) for role in ("threshold", "take_profit", "stop_loss", "max_hold", "cap")}
        return {role: name for role, name in named.items() if name is not None}

    @property
    def learned(self) -> tuple[str, ...]:
        """The parameters that it moves, in the order of its candidates."""
        if self.kind is LearnerKind.WEIGHTS:
            return tuple(self.weights)
        return tuple(self.roles[role] for role in LEARNED[self.kind] if role in self.roles)

    @property
    def read(self) -> tuple[str, ...]:
        """The parameters that it reads and does not move: what it learns holds beside their values."""
        return tuple(name for name in (*self.weights, *self.roles.values()) if name not in self.learned)


LEARNED: Mapping[LearnerKind, tuple[str, ...]] = {
    LearnerKind.WEIGHTS: (),
    LearnerKind.THRESHOLD: ("threshold",),
    LearnerKind.EXITS: ("take_profit", "stop_loss", "max_hold"),
    LearnerKind.POSITION_SIZE: ("cap",),
}
"""The roles that each kind moves; the one of weights moves those."""

TAKEN: Mapping[LearnerKind, tuple[str, ...]] = {
    LearnerKind.WEIGHTS: ("threshold",),
    LearnerKind.THRESHOLD: (),
    LearnerKind.EXITS: ("threshold",),
    LearnerKind.POSITION_SIZE: (),
}
"""The roles that each kind reads and does not move."""
