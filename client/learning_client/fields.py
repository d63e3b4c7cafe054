"""The optional fields of every event, and which fields it has at all.

Units: returns, sizes and everything named ``_fraction`` are fractions (0.021 is 2.1 %); scores, confidences and
probabilities are 0 to 1; prices and amounts are in the instrument's currency; ``_bps`` are hundredths of a per
cent, ``_millions`` of the currency or of shares. Times are aware datetimes or microseconds since 1970 in UTC.
A publisher with ``units`` converts what its program says in others. A field that is left out, None or not a number is
missing; it never becomes 0.
"""

from collections.abc import Collection, Mapping
from typing import TypedDict

from learning_client.moments import Moment


class AlertFields(TypedDict, total=False):
    """What a scanner may say of a candidate, beside symbol, score and features."""

    params_version: str | None
    unit: str | None
    assignments: Mapping[str, Mapping[str, float]] | None
    venue: str | None
    currency: str | None
    direction: str | None  # long, short
    price: float | None
    regime: str | None
    confidence: float | None
    action_tag: str | None  # trade_ready, watchlist, monitor
    strength: str | None  # hot, developing, watchlist, waiting
    alert_type: str | None  # squeeze_setup, rs_leader, volume_spike, high_score_scan
    market_phase: str | None  # premarket, regular, afterhours, closed
    run_id: str | None
    pattern: str | None
    theme: str | None
    theme_role: str | None  # driver, beneficiary, picks_shovels
    theme_stage: str | None  # early, middle, late, ongoing, unknown
    catalyst_type: str | None
    catalyst_score: float | None
    catalyst_recency_days: float | None
    sentiment_label: str | None
    sector: str | None
    component_scores: Mapping[str, float] | None
    volume: float | None
    relative_volume_30d: float | None
    expected_relative_volume: float | None  # predicted for the sessions of the primary horizon
    market_cap_millions: float | None
    float_shares_millions: float | None
    rsi: float | None  # 0 to 100
    ema20: float | None
    vwap: float | None
    atr_fraction: float | None
    up_days_of_5: int | None
    short_interest_fraction: float | None
    borrow_fee_fraction: float | None
    utilisation_fraction: float | None
    call_put_ratio: float | None
    iv_percentile: float | None  # 0 to 1
    sentiment_score: float | None  # -1 to 1
    social_rank: float | None
    spread_bps: float | None
    executions_per_minute: float | None
    above_20_day_average: bool | None
    above_50_day_average: bool | None
    above_200_day_average: bool | None
    in_squeeze: bool | None
    breakout: bool | None
    risk_flags: Collection[str] | None  # low_confidence, wide_spread, low_volume
    algorithm_version: str | None
    data_time: Moment | None
    data_age_seconds: float | None


class MarketFields(TypedDict, total=False):
    """The market around a decision."""

    spy_change: float | None
    qqq_change: float | None
    vix: float | None
    advance_decline: float | None
    share_above_50_day: float | None
    share_above_200_day: float | None
    new_highs: int | None
    new_lows: int | None
    volume_trend: str | None
    volatility: float | None
    momentum: float | None


class DecisionFields(TypedDict, total=False):
    """What may be said of a decision, beside symbol and action."""

    alert_id: str | None
    position_id: str | None
    thesis_id: str | None
    account: str | None
    mode: str | None  # live, paper, shadow
    made_by: str | None  # discovery, thesis, rule, manual
    direction: str | None
    conviction: float | None
    size: float | None
    price: float | None
    fill_price: float | None  # paid at the time of the decision
    stop: float | None
    target: float | None
    max_hold: int | None  # sessions
    params_version: str | None
    unit: str | None
    assignments: Mapping[str, Mapping[str, float]] | None
    venue: str | None
    currency: str | None
    score: float | None
    weights: Mapping[str, float] | None
    component_scores: Mapping[str, float] | None
    market: MarketFields | None
    market_phase: str | None
    regime: str | None
    regime_confidence: float | None
    order_type: str | None  # market, limit, stop, stop_limit, bracket
    quantity: float | None
    notional: float | None


class FillFields(TypedDict, total=False):
    """What may be said of a fill, beside symbol, side, quantity and price."""

    decision_id: str | None
    position_id: str | None
    account: str | None
    fees: float | None
    multiplier: float | None
    venue: str | None
    currency: str | None
    sequence: int | None  # the broker's order among fills of the same time
    order_id: str | None
    order_type: str | None
    notional: float | None
    bracket_stop: float | None
    bracket_target: float | None


class OutcomeFields(TypedDict, total=False):
    """What may be said of an outcome, beside what it followed and its horizon."""

    entry_price: float | None
    exit_price: float | None
    return_: float | None  # ``return`` on the wire, signed as the position earned it
    gross: float | None
    fees: float | None
    net: float | None
    # stop_loss, take_profit, time_exit, trailing, manual, regime_reversal, edge_deterioration, liquidation
    exit_reason: str | None
    mfe: float | None
    mae: float | None
    symbol: str | None
    direction: str | None  # long, short
    venue: str | None
    currency: str | None
    account: str | None
    trade_id: str | None
    entry_time: Moment | None
    exit_time: Moment | None
    quantity: float | None
    gross_amount: float | None
    fees_amount: float | None
    net_amount: float | None
    holding_seconds: float | None
    benchmark_return: float | None
    returns: Mapping[str, float] | None
    days_to_peak: float | None
    catalyst_materialised: bool | None
    volume_prediction_accuracy: float | None
    outcome_class: str | None


class PriceFields(TypedDict, total=False):
    """What may be said of a bar, beside symbol, interval and its four prices."""

    volume: float | None
    final: bool | None
    revision: int | None
    factor: float | None  # what earlier prices are multiplied by to compare with this bar
    venue: str | None
    currency: str | None


class DiscoveryFields(TypedDict, total=False):
    """What may be said of a scanner's run, beside how many were looked at and kept."""

    filtered_size: int | None
    counts_by_tag: Mapping[str, int] | None
    counts_by_stage: Mapping[str, int] | None
    execution_seconds: float | None
    score_min: float | None
    score_max: float | None
    score_mean: float | None
    score_variance: float | None
    params_version: str | None
    algorithm_version: str | None


class ThesisFields(TypedDict, total=False):
    """What may be said of a thesis, beside symbol and recommendation."""

    text: str | None
    confidence: float | None
    reasoning: str | None
    risk_level: str | None  # low, medium, high, extreme
    pattern_type: str | None
    market: MarketFields | None
    ai_generated: bool | None
    alert_id: str | None
    decision_id: str | None
    position_id: str | None
    venue: str | None


REQUIRED: Mapping[str, frozenset[str]] = {
    "alert.raised": frozenset({"alert_id", "symbol", "score"}),
    "decision.made": frozenset({"decision_id", "symbol", "action"}),
    "fill.reported": frozenset({"fill_id", "symbol", "side", "quantity", "price"}),
    "outcome.observed": frozenset({"outcome_id"}),
    "price.observed": frozenset({"symbol", "interval", "open", "high", "low", "close"}),
    "discovery.completed": frozenset({"run_id", "universe_size", "candidate_count"}),
    "thesis.formed": frozenset({"thesis_id", "symbol", "recommendation"}),
    "session.closed": frozenset({"session"}),
    "symbol.changed": frozenset({"symbol", "session"}),
    "params.applied": frozenset({"client", "epoch", "version"}),
    "client.reported": frozenset({"client"}),
}
"""The fields without which an event means nothing, by its name on the wire."""

OPTIONAL: Mapping[str, frozenset[str]] = {
    "alert.raised": frozenset(AlertFields.__annotations__) | {"features"},
    "decision.made": frozenset(DecisionFields.__annotations__),
    "fill.reported": frozenset(FillFields.__annotations__),
    "outcome.observed": frozenset(OutcomeFields.__annotations__)
    | {"decision_id", "alert_id", "position_id", "horizon"},
    "price.observed": frozenset(PriceFields.__annotations__),
    "discovery.completed": frozenset(DiscoveryFields.__annotations__),
    "thesis.formed": frozenset(ThesisFields.__annotations__),
    "session.closed": frozenset(),
    "symbol.changed": frozenset({"renamed_to", "venue"}),
    "params.applied": frozenset({"applied_at", "refused"}),
    "client.reported": frozenset(
        {
            "sent",
            "spooled",
            "dropped",
            "unreadable",
            "queued",
            "breaker",
            "version",
            "version_age_seconds",
            "clock_offset_seconds",
        }
    ),
}
"""All other fields, by the event's name on the wire."""
