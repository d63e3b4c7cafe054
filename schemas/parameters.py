"""What may be tuned: parameter definitions and the registry of one strategy."""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct, ValidationError, convert, field

from schemas.allocation import Purpose, Value
from schemas.errors import InvalidRegistry
from schemas.learner import Learner
from schemas.outcome import Horizon
from schemas.price import Interval
from schemas.quantities import FeatureName, Name, Number, Positive, Return, Symbol, Text, Unit

MOST_ARMS = 32
"""So many arms beside the baseline may be tried at once."""


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


class Proposer(Enum):
    """Which learner proposes the arms of a trial."""

    BAYESIAN = "bayesian"


class Reward(Struct, frozen=True):
    """The reward that judges a parameter, written ``unit_pnl:close`` or ``alert_return:5d``."""

    kind: RewardKind
    horizon: Horizon

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.horizon}"

    @property
    def reported(self) -> bool:
        """Whether trading reports what carries it, as at the close; every fixed horizon is told by prices."""
        return self.horizon == "close"

    @classmethod
    def parse(cls, text: str) -> "Reward":
        """The reverse of ``str``.

        Raises:
            ValueError: the text is not ``KIND:HORIZON``.
        """
        kind, _, horizon = text.partition(":")
        try:
            return convert({"kind": kind, "horizon": horizon}, cls)
        except ValidationError as error:
            raise ValueError(f"{text!r} is no reward: write 'unit_pnl:close' or 'alert_return:5d'") from error


class Parameter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value that trading reads.

    Attributes:
        default: the value before anything is learned. A curve is a list of knots ``[x, y]``, x rising; a set
            is a list of words.
        min, max: bounds of a number or integer, and of the y of a curve. ``step`` is the grid from ``min`` on.
        choices: the words that a choice, or a set, may have.
        affects: what moves when it moves, such as ``final_score``. ``used_in`` says where trading reads it.
        learnable: whether the engine may change it by itself.
        max_change: the largest change a day, in the parameter's unit, or as a fraction of the value where
            ``relative``; where absent only the bounds limit it. A learnable member of a group has 0.05.
        group: the members of a group are weights of one score and sum to 1.
        decides_trade: whether it has a say in what is traded at all. Assumed unless denied, because such a
            value may only be judged by ``unit_pnl``: by mean return a trade, the strictest threshold always wins.
        reward: what judges it, ``unit_pnl:close`` or ``alert_return:5d``; the registry's where absent.
    """

    name: Name
    default: Value
    type: ParameterType = ParameterType.NUMBER
    unit: ParameterUnit = ParameterUnit.NONE
    min: Number | None = None
    max: Number | None = None
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
    decides_trade: bool = True
    reward: str | None = None

    @property
    def numeric(self) -> bool:
        """Whether it is one number that can be moved by an offset."""
        return self.type in (ParameterType.NUMBER, ParameterType.INTEGER)

    def fraction(self, value: Value) -> float:
        """``value`` as a fraction: 2 percent is 0.02, 70 points are 0.7.

        Raises:
            InvalidRegistry: the parameter has no number, or a unit that no fraction belongs to.
        """
        if self.unit not in _WHOLE or not isinstance(value, int | float):
            raise InvalidRegistry(
                f"parameter {self.name!r}: {value!r} in the unit {self.unit.value!r} is no fraction; "
                f"the unit must be one of {', '.join(unit.value for unit in _WHOLE)}"
            )
        return value / _WHOLE[self.unit]

    def settled(self, value: float) -> float:
        """The nearest value that the parameter may have: on its step, within its bounds, 12 digits."""
        lowest = self.min or 0.0
        if self.step is not None:
            value = lowest + round((value - lowest) / self.step) * self.step
        value = round(value) if self.type is ParameterType.INTEGER else float(f"{value:.12g}")
        value = value if self.min is None or value >= self.min else self.min
        value = value if self.max is None or value <= self.max else self.max
        return int(value) if self.type is ParameterType.INTEGER else value

    def largest_change(self, value: float) -> float | None:
        """How far it may move from ``value`` within a day, in its own unit; None where only bounds limit it."""
        if self.max_change is None:
            return None
        return self.max_change * abs(value) if self.relative else self.max_change


class Market(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a strategy's sessions are, and how its examples are measured.

    Attributes:
        calendar: the exchange's ISO 10383 code, or ``24/7``; its time zone dates the sessions. ``venues`` are the
            calendars of venues that differ from it.
        horizons: ``5d`` counts sessions, ``4h`` and ``30m`` time in which the exchange is open.
        bars: the interval of the bars that prices are measured with.
        benchmark: the symbol that returns are compared with, at ``benchmark_venue``.
        win, loss: fractions, used where the registry has no ``outcome.win_threshold`` and ``outcome.loss_threshold``.
        nonpositive_prices: allows prices of 0 and less.
        sources: those whose ``session.closed`` a cycle waits for; ``grace_hours`` after its close a session that the
            engine lived through is taken for closed without them.
        price_sources: whose bar counts where several tell one: the first named here, then by name.
        close_after: the maximum hold in sessions: when it has passed, a cohort's ``close`` rewards enter.
        lost_after: how many sessions past its due an example without the needed facts is given up.
        jump_guard: a larger move from close to close, as a fraction, that no factor explains is held for
            ``jump_hold`` sessions for a factor or a second source, and then counted as it is.
        gap_sessions: after so many sessions without a bar a symbol is taken for a new instrument.
        waiting_sessions, waiting_limit: how long, and how many, outcomes wait for what they are the outcome of.
        infer_within_minutes: an outcome without ids is joined with the one alert or decision of its symbol and
            direction that lies at most so long before its ``entry_time``; None joins none.
        thesis_horizon: at which horizon theses are judged; the primary one where absent.
    """

    calendar: Annotated[str, Meta(min_length=1, max_length=100)] = "XNYS"
    horizons: list[Horizon] = field(default_factory=lambda: ["1d", "3d", "5d", "7d", "30d"])
    primary_horizon: Horizon = "5d"
    venues: dict[Name, str] = {}
    bars: Interval = "1d"
    benchmark: Symbol | None = None
    benchmark_venue: Name | None = None
    close_after: Annotated[int, Meta(ge=1, le=250)] = 30
    lost_after: Annotated[int, Meta(ge=1, le=250)] = 5
    win: Return = 0.02
    loss: Return = -0.02
    nonpositive_prices: bool = False
    sources: list[Name] = []
    grace_hours: Annotated[float, Meta(gt=0.0, le=1_000.0)] = 6.0
    price_sources: list[Name] = []
    jump_guard: Positive = 0.25
    jump_hold: Annotated[int, Meta(ge=0, le=30)] = 3
    gap_sessions: Annotated[int, Meta(ge=10, le=1_000)] = 63
    waiting_sessions: Annotated[int, Meta(ge=1, le=1_000)] = 60
    waiting_limit: Annotated[int, Meta(ge=1, le=10_000_000)] = 100_000
    infer_within_minutes: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    thesis_horizon: Horizon | None = None

    @property
    def judged_at(self) -> Horizon:
        """The horizon at which theses are judged."""
        return self.thesis_horizon or self.primary_horizon


class Comparing(Enum):
    """How shares compare arms: by their differences within sessions, or by their levels where nothing drifts."""

    WITHIN_SESSIONS = "within_sessions"
    LEVELS = "levels"


class LearningRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the strategy learns.

    ``reward`` judges every parameter that names none of its own. ``budget`` bounds the sum of non-baseline
    shares over all explorations. ``winsorise`` bounds a unit's reward on both sides before it is counted.
    ``fading`` is the daily factor on old sessions (1 keeps all). ``prior_sd`` is how far an arm may plausibly
    lie from the baseline, in reward. ``floor`` is the least share that an explored arm keeps, so that it goes
    on being measured. ``comparison`` is within sessions; by levels only where rewards do not drift, or shares follow
    the drift. The gate always compares within sessions.

    Shares move once they have been in force for ``dwell`` sessions and some share would move by more than
    ``least_change``; what is stopped is stopped at once. An arm is stopped while it is worse than the baseline by more
    than ``drop_margin`` (in reward) with the probability ``drop_probability``. A new arm has no share for ``shadow``
    sessions. ``guard``, where it is set, is the part of the baseline's reward that all exploring may cost: nothing is
    tried before the baseline has surely earned something; without it only ``budget`` bounds what exploring costs.
    """

    reward: str = "unit_pnl:close"
    budget: Annotated[float, Meta(ge=0.0, le=0.2)] = 0.05
    winsorise: Annotated[float, Meta(gt=0.0, le=1_000.0)] = 1.0
    fading: Annotated[float, Meta(gt=0.0, le=1.0)] = 1.0
    prior_sd: Positive = 0.01
    floor: Unit = 0.005
    comparison: Comparing = Comparing.WITHIN_SESSIONS
    dwell: Annotated[int, Meta(ge=0, le=250)] = 5
    least_change: Unit = 0.002
    drop_margin: Annotated[float, Meta(ge=0.0, le=1_000.0)] = 0.0
    drop_probability: Annotated[float, Meta(gt=0.5, lt=1.0)] = 0.99
    shadow: Annotated[int, Meta(ge=0, le=250)] = 1
    guard: Annotated[float, Meta(gt=0.0, le=1.0)] | None = None


class GateRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the gate asks before a baseline is replaced: error rate and least evidence."""

    alpha: Annotated[float, Meta(gt=0.0, le=0.2)] = 0.05
    minimum_units: Annotated[int, Meta(ge=2, le=1_000_000)] = 100
    minimum_sessions: Annotated[int, Meta(ge=2, le=10_000)] = 10


class PatternRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a pattern is, and how insights are drawn.

    Attributes:
        edges: by feature, the rising numbers between its ranges; the ranges that an alert's features lie in are its
            pattern. Without any no patterns are kept. Rows that stand keep the pattern of the edges they came under.
        days: so many calendar days of alerts an insight looks back on.
        cases: a pattern with fewer cases than this is not called best or worst.
        alpha: among all claims that one session's insights call significant, the chance of even one false one.
    """

    edges: Annotated[
        dict[FeatureName, Annotated[list[Number], Meta(min_length=1, max_length=20)]], Meta(max_length=8)
    ] = {}
    days: Annotated[int, Meta(ge=10, le=1_000)] = 90
    cases: Annotated[int, Meta(ge=10, le=1_000_000)] = 30
    alpha: Annotated[float, Meta(gt=0.0, le=0.2)] = 0.05


class Trial(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arms that are tried beside the baseline: each is the baseline plus ``offsets``, within bounds.

    When the baseline moves, the arms move with it. ``share`` is the sum of all non-baseline shares.

    Attributes:
        proposes: the learner that proposes arms; ``offsets`` are then the first ones, and may be missing.
        parameters: those that such a learner may move, beside those that have offsets.
        arms: how many such a trial has at most, the baseline aside.
        batch: how many new ones are proposed at once at most.
    """

    id: Name
    layer: Name
    purpose: Purpose = Purpose.EXPLORE
    share: Unit
    offsets: Annotated[list[dict[Name, Number]], Meta(max_length=MOST_ARMS)] = []
    proposes: Proposer | None = None
    parameters: list[Name] = []
    arms: Annotated[int, Meta(ge=1, le=MOST_ARMS)] = 8
    batch: Annotated[int, Meta(ge=1, le=8)] = 2

    @property
    def names(self) -> list[str]:
        """The parameters that its arms set, sorted."""
        return sorted({*self.parameters, *(name for offsets in self.offsets for name in offsets)})


class Registry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All parameters of one strategy, with the rules of its market, its learning, its gate and its patterns."""

    strategy: Name = "main"
    description: Text = ""
    market: Market = Market()
    learning: LearningRules = LearningRules()
    gate: GateRules = GateRules()
    patterns: PatternRules = PatternRules()
    parameters: Mapping[str, Parameter] = {}
    trials: list[Trial] = []
    learners: list[Learner] = []

    @property
    def defaults(self) -> dict[str, Value]:
        """The values before anything is learned."""
        return {name: parameter.default for name, parameter in self.parameters.items()}

    @property
    def groups(self) -> dict[str, list[str]]:
        """The names of each group's members."""
        groups: dict[str, list[str]] = {}
        for name, parameter in self.parameters.items():
            if parameter.group is not None:
                groups.setdefault(parameter.group, []).append(name)
        return groups

    def fraction(self, name: str, values: Mapping[str, Value] | None = None) -> float:
        """The parameter's value in ``values``, else its default, as a fraction: 2 percent is 0.02.

        Raises:
            InvalidRegistry: no such parameter, or its unit is none that a fraction belongs to.
        """
        if name not in self.parameters:
            raise InvalidRegistry(f"strategy {self.strategy!r} has no parameter {name!r}")
        parameter = self.parameters[name]
        return parameter.fraction((values or {}).get(name, parameter.default))

    def reward_of(self, name: str) -> Reward:
        """The reward that judges the parameter ``name``."""
        return Reward.parse(self.parameters[name].reward or self.learning.reward)


_WHOLE = {ParameterUnit.FRACTION: 1, ParameterUnit.PERCENT: 100, ParameterUnit.POINTS: 100}
"""What the whole is in each unit that a fraction belongs to."""


def whole_steps(number: float, step: float) -> bool:
    """Whether ``number`` is a whole number of steps, but for rounding."""
    return abs(number / step - round(number / step)) < 1e-6
