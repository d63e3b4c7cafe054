"""What may be tuned: parameter definitions and the registry of one strategy."""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct

from schemas.allocation import Purpose, Value
from schemas.outcome import Horizon
from schemas.quantities import Name, Positive, Return, Text, Unit


class ParameterType(Enum):
    """What kind of value a parameter has."""

    NUMBER = "number"
    INTEGER = "integer"
    CHOICE = "choice"
    CURVE = "curve"
    SET = "set"


class ParameterUnit(Enum):
    """What one unit of the value means. The engine converts percent and points to fractions."""

    FRACTION = "fraction"
    PERCENT = "percent"
    POINTS = "points"
    COUNT = "count"
    DAYS = "days"
    SESSIONS = "sessions"
    BARS = "bars"
    RATIO = "ratio"
    NONE = "none"


class Scale(Enum):
    """In which steps a learner moves."""

    LINEAR = "linear"
    LOG = "log"


class RewardKind(Enum):
    """What a unit earns: its return at the fixed horizon, or the sum of size x net return of its decisions."""

    ALERT_RETURN = "alert_return"
    UNIT_PNL = "unit_pnl"


class Reward(Struct, frozen=True):
    """The reward that judges a parameter, written ``unit_pnl:close`` or ``alert_return:5d``."""

    kind: RewardKind
    horizon: Horizon

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.horizon}"


class Parameter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value that trading reads.

    ``max_change`` is the largest change a day, in the parameter's unit unless ``relative``. The members of
    a ``group`` sum to 1. ``used_in`` says where trading reads it.
    """

    name: Name
    default: Value
    type: ParameterType = ParameterType.NUMBER
    unit: ParameterUnit = ParameterUnit.NONE
    min: float | None = None
    max: float | None = None
    step: Positive | None = None
    scale: Scale = Scale.LINEAR
    choices: list[str] = []
    category: Name
    affects: Name
    description: Text
    used_in: Text | None = None
    learnable: bool = True
    max_change: Positive | None = None
    relative: bool = False
    group: Name | None = None
    reward: str | None = None


class Market(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a strategy's sessions are, and how its examples are measured.

    ``close_after`` is the maximum hold in sessions: when it has passed, a cohort's ``close`` rewards enter.
    ``lost_after`` is how many sessions past its due an example without the needed facts is given up.
    """

    calendar: Name = "XNYS"
    timezone: str = "America/New_York"
    horizons: list[Horizon] = ["1d", "3d", "5d", "7d", "30d"]
    primary_horizon: Horizon = "5d"
    close_after: Annotated[int, Meta(ge=1, le=250)] = 30
    lost_after: Annotated[int, Meta(ge=1, le=250)] = 5
    win: Return = 0.02
    loss: Return = -0.02
    nonpositive_prices: bool = False
    sources: list[Name] = []


class LearningRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the strategy learns.

    ``budget`` bounds the sum of non-baseline shares over all explorations. ``winsorise`` bounds a unit's
    reward on both sides before it is counted. ``fading`` is the daily factor on old sessions (1 keeps all).
    ``prior_sd`` is how far an arm may plausibly lie from the baseline, in reward. ``floor`` is the least
    share that an explored arm keeps, so that it goes on being measured.
    """

    budget: Annotated[float, Meta(ge=0.0, le=0.2)] = 0.05
    winsorise: Annotated[float, Meta(gt=0.0, le=1_000.0)] = 1.0
    fading: Annotated[float, Meta(gt=0.0, le=1.0)] = 1.0
    prior_sd: Positive = 0.01
    floor: Unit = 0.005


class GateRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the gate asks before a baseline is replaced: error rate and least evidence."""

    alpha: Annotated[float, Meta(gt=0.0, le=0.2)] = 0.05
    minimum_units: Annotated[int, Meta(ge=2, le=1_000_000)] = 30
    minimum_sessions: Annotated[int, Meta(ge=2, le=10_000)] = 10


class Trial(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arms that are tried beside the baseline: each is the baseline plus ``offsets``, within bounds.

    When the baseline moves, the arms move with it. ``share`` is the sum of all non-baseline shares.
    """

    id: Name
    layer: Name
    purpose: Purpose = Purpose.EXPLORE
    share: Unit
    offsets: Annotated[list[dict[Name, float]], Meta(min_length=1, max_length=32)]


class Registry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All parameters of one strategy, with the rules of its market, its learning and its gate."""

    strategy: Name = "main"
    description: Text = ""
    market: Market = Market()
    learning: LearningRules = LearningRules()
    gate: GateRules = GateRules()
    parameters: Mapping[str, Parameter] = {}
    trials: list[Trial] = []
