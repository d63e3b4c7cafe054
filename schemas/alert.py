"""What a scanner found."""

from typing import Annotated, ClassVar

from msgspec import Meta

from schemas.event import Event
from schemas.quantities import (
    Bps,
    Days,
    Features,
    Id,
    Name,
    Number,
    Numbers,
    Price,
    Quantity,
    Return,
    Seconds,
    Signed,
    Symbol,
    Time,
    Unit,
    VersionId,
    Word,
    wrong_name,
)
from schemas.vocabulary import ActionTag, AlertType, Direction, MarketPhase, RiskFlag, Strength, ThemeRole, ThemeStage


class AlertRaised(Event, frozen=True, kw_only=True):
    """A candidate that the scanner found, bought or not.

    Every candidate above a fixed, unlearned logging floor is told, or what is learned
    from alerts is learned from a selection that learning itself made.

    ``score``, component scores and ``confidence`` are 0 to 1; ``confidence`` is the scanner's word on its
    data, not a probability of success. ``params_version`` and ``unit`` say which values were in force, when
    they were taken from us; ``assignments`` are the values of the unit's arm by allocation.

    Suffixes name the unit: ``_fraction`` 0.021 is 2.1 %, ``_millions`` of the currency or of shares, ``_bps``
    hundredths of a per cent, ``_days``, ``_seconds``. ``price``, ``ema20`` and ``vwap`` are currency,
    ``volume`` is shares, ``relative_volume_30d`` a multiple of the 30-day mean, ``expected_relative_volume`` the
    multiple that is predicted for the sessions of the primary horizon. ``atr_fraction`` is of the
    price, ``short_interest_fraction`` of the float, ``borrow_fee_fraction`` a year, ``utilisation_fraction``
    of the shares that can be lent. ``rsi`` is 0 to 100, ``sentiment_score`` -1 (bearish) to 1, rank 1 is the
    first. ``data_time`` is when the data that the alert was made from was current.
    """

    type: ClassVar[str] = "alert.raised"

    alert_id: Id
    symbol: Symbol
    score: Unit
    features: Features = {}
    params_version: VersionId | None = None
    unit: Id | None = None
    assignments: dict[Id, Numbers] | None = None

    venue: Name | None = None
    currency: Name | None = None
    direction: Direction = Direction.LONG
    price: Price | None = None
    regime: Name | None = None
    confidence: Unit | None = None
    action_tag: ActionTag | None = None
    strength: Strength | None = None
    alert_type: AlertType | None = None
    market_phase: MarketPhase | None = None
    run_id: Id | None = None
    pattern: Word | None = None

    theme: Word | None = None
    theme_role: ThemeRole | None = None
    theme_stage: ThemeStage | None = None
    catalyst_type: Word | None = None
    catalyst_score: Unit | None = None
    catalyst_recency_days: Days | None = None
    sentiment_label: Word | None = None
    sector: Word | None = None
    component_scores: dict[Name, Unit] | None = None

    volume: Quantity | None = None
    relative_volume_30d: Number | None = None
    expected_relative_volume: Quantity | None = None
    market_cap_millions: Quantity | None = None
    float_shares_millions: Quantity | None = None
    rsi: Annotated[float, Meta(ge=0.0, le=100.0)] | None = None
    ema20: Price | None = None
    vwap: Price | None = None
    atr_fraction: Return | None = None
    up_days_of_5: Annotated[int, Meta(ge=0, le=5)] | None = None
    short_interest_fraction: Return | None = None
    borrow_fee_fraction: Return | None = None
    utilisation_fraction: Return | None = None
    call_put_ratio: Number | None = None
    iv_percentile: Unit | None = None
    sentiment_score: Signed | None = None
    social_rank: Number | None = None
    spread_bps: Bps | None = None
    executions_per_minute: Number | None = None
    above_20_day_average: bool | None = None
    above_50_day_average: bool | None = None
    above_200_day_average: bool | None = None
    in_squeeze: bool | None = None
    breakout: bool | None = None
    risk_flags: list[RiskFlag] = []
    algorithm_version: Word | None = None
    data_time: Time | None = None
    data_age_seconds: Seconds | None = None

    def __post_init__(self) -> None:
        if (wrong := wrong_name(self.features)) is not None:
            raise ValueError(
                f'a name in features is "{wrong[:60]}", expected letters, digits and _ . : -, such as rsi_14'
            )
