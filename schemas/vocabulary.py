"""The closed sets of words on the wire, and the words of other systems that mean the same."""

from collections.abc import Mapping
from enum import Enum


class Direction(Enum):
    """Which way a position earns."""

    LONG = "long"
    SHORT = "short"


class Action(Enum):
    """What was decided about an alert or an open position. BUY opens or enlarges one, long or short; SELL, TRIM and
    LIQUIDATE leave one."""

    BUY = "BUY"
    SELL = "SELL"
    HOLD = "HOLD"
    IGNORE = "IGNORE"
    TRIM = "TRIM"
    LIQUIDATE = "LIQUIDATE"


EXITS = (Action.SELL.value, Action.TRIM.value, Action.LIQUIDATE.value)
"""Decisions about a position that is there. They never represent a unit: what was assigned, decided earlier."""


class Side(Enum):
    """The side of a fill; short sales and covers are sells and buys."""

    BUY = "buy"
    SELL = "sell"


class Mode(Enum):
    """Whether money was at stake."""

    LIVE = "live"
    PAPER = "paper"
    SHADOW = "shadow"


class MadeBy(Enum):
    """Who decided."""

    DISCOVERY = "discovery"
    THESIS = "thesis"
    RULE = "rule"
    MANUAL = "manual"


class MarketPhase(Enum):
    """The part of the exchange's day."""

    PREMARKET = "premarket"
    REGULAR = "regular"
    AFTERHOURS = "afterhours"
    CLOSED = "closed"


class ActionTag(Enum):
    """What the scanner itself suggested to do with its row."""

    TRADE_READY = "trade_ready"
    WATCHLIST = "watchlist"
    MONITOR = "monitor"


class Strength(Enum):
    """The scanner's own class of a score."""

    HOT = "hot"
    DEVELOPING = "developing"
    WATCHLIST = "watchlist"
    WAITING = "waiting"


class AlertType(Enum):
    """Which of the scanner's rules raised the alert."""

    SQUEEZE_SETUP = "squeeze_setup"
    RS_LEADER = "rs_leader"
    VOLUME_SPIKE = "volume_spike"
    HIGH_SCORE_SCAN = "high_score_scan"


class ThemeRole(Enum):
    """What a company is within a theme."""

    DRIVER = "driver"
    BENEFICIARY = "beneficiary"
    PICKS_SHOVELS = "picks_shovels"


class ThemeStage(Enum):
    """How far a theme has run."""

    EARLY = "early"
    MIDDLE = "middle"
    LATE = "late"
    ONGOING = "ongoing"
    UNKNOWN = "unknown"


class RiskFlag(Enum):
    """What the scanner warned of."""

    LOW_CONFIDENCE = "low_confidence"
    WIDE_SPREAD = "wide_spread"
    LOW_VOLUME = "low_volume"


class Recommendation(Enum):
    """What a thesis recommends for a position."""

    BUY_MORE = "BUY_MORE"
    HOLD = "HOLD"
    TRIM = "TRIM"
    TRIM_25 = "TRIM_25"
    TRIM_50 = "TRIM_50"
    LIQUIDATE = "LIQUIDATE"
    RESEARCH = "RESEARCH"


class RiskLevel(Enum):
    """How risky a thesis says its position is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    EXTREME = "extreme"


class ExitReason(Enum):
    """Why a position was closed."""

    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    TIME_EXIT = "time_exit"
    TRAILING = "trailing"
    MANUAL = "manual"
    REGIME_REVERSAL = "regime_reversal"
    EDGE_DETERIORATION = "edge_deterioration"
    LIQUIDATION = "liquidation"


class OrderType(Enum):
    """How an order was placed."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    BRACKET = "bracket"


ALIASES: Mapping[type[Enum], Mapping[str, str]] = {
    Direction: {"buy": "long", "sell": "short", "bullish": "long", "bearish": "short"},
    Action: {
        "pass": "IGNORE",
        "skip": "IGNORE",
        "buy_more": "BUY",
        "add": "BUY",
        "close": "LIQUIDATE",
        "exit": "LIQUIDATE",
        "trim_25": "TRIM",
        "trim_50": "TRIM",
    },
    Side: {"sell_short": "sell", "short": "sell", "cover": "buy", "buy_to_cover": "buy", "b": "buy", "s": "sell"},
    Mode: {"real": "live", "production": "live", "simulated": "paper", "dry_run": "paper"},
    MadeBy: {"human": "manual", "person": "manual", "ai": "thesis", "scanner": "discovery", "rules": "rule"},
    MarketPhase: {
        "pre": "premarket",
        "pre_market": "premarket",
        "open": "regular",
        "after_hours": "afterhours",
        "post": "afterhours",
    },
    ActionTag: {"trade": "trade_ready", "watch": "watchlist"},
    AlertType: {"squeeze": "squeeze_setup", "relative_strength": "rs_leader", "volume": "volume_spike"},
    ThemeRole: {"picks_and_shovels": "picks_shovels"},
    ThemeStage: {"mid": "middle"},
    Recommendation: {"buy": "BUY_MORE", "add": "BUY_MORE", "sell": "LIQUIDATE", "exit": "LIQUIDATE"},
    RiskLevel: {"moderate": "medium", "very_high": "extreme"},
    ExitReason: {
        "profit_target": "take_profit",
        "target": "take_profit",
        "tp": "take_profit",
        "stop": "stop_loss",
        "stopped_out": "stop_loss",
        "sl": "stop_loss",
        "time": "time_exit",
        "timeout": "time_exit",
        "max_hold": "time_exit",
        "trailing_stop": "trailing",
        "user": "manual",
    },
    OrderType: {"mkt": "market", "lmt": "limit"},
}
"""Other systems' words, in lower case with underscores, by the set that they belong to."""


def canonical_word(vocabulary: type[Enum], word: str) -> str:
    """The word of ``vocabulary`` that ``word`` means, or ``word`` itself where nobody knows it.

    Case, spaces and hyphens do not matter: ``canonical_word(Action, "BUY MORE")`` is ``"BUY"``.
    """
    folded = word.strip().lower().replace(" ", "_").replace("-", "_")
    for member in vocabulary:
        if folded == str(member.value).lower():
            return str(member.value)
    return ALIASES.get(vocabulary, {}).get(folded, word)
