"""The market around a decision, as the trading side saw it."""

from msgspec import Struct

from schemas.quantities import Count, Number, Return, Unit, Word


class MarketContext(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the whole market did, and for a thesis the symbol's own volume trend, volatility and momentum.

    Changes are fractions of the previous close, VIX is in index points, ``advance_decline`` is advancing by
    declining issues, ``volatility`` a fraction a year, ``momentum`` in the sender's own measure.
    """

    spy_change: Return | None = None
    qqq_change: Return | None = None
    vix: Number | None = None
    advance_decline: Number | None = None
    share_above_50_day: Unit | None = None
    share_above_200_day: Unit | None = None
    new_highs: Count | None = None
    new_lows: Count | None = None
    volume_trend: Word | None = None
    volatility: Return | None = None
    momentum: Number | None = None
