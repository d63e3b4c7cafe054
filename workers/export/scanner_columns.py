"""The columns that an example has of what the scanner saw: of its alert, and of the run that found it."""

from datetime import datetime
from typing import Any

from events.moments import microseconds
from workers.export.column import Column, Kind
from workers.export.subjects import Subject

NO_ALERT = "where there is no alert, or it did not say"
NO_RUN = "where the alert names no discovery run, or that did not say"
NEITHER = "where neither told it"


def _of_alert(name: str, kind: Kind, unit: str, meaning: str) -> Column[Subject]:
    return Column(name, kind, unit, meaning, NO_ALERT, lambda it: _plain(getattr(it.alert, name, None)))


def _of_run(name: str, meaning: str) -> Column[Subject]:
    return Column(name, Kind.INTEGER, "count", meaning, NO_RUN, lambda it: getattr(it.run, name, None))


def _of_both(name: str, kind: Kind, unit: str, meaning: str) -> Column[Subject]:
    """What the decision says, else its alert."""

    def of(it: Subject) -> Any:
        own = _plain(getattr(it.decision, name, None))
        return own if own is not None else _plain(getattr(it.alert, name, None))

    return Column(name, kind, unit, meaning, NEITHER, of)


def _plain(value: Any) -> Any:
    """A word of a closed set as text, a moment in microseconds, anything else as it is."""
    if isinstance(value, datetime):
        return microseconds(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return getattr(value, "value", value)


TEXT, NUMBER, INTEGER, FLAG = Kind.TEXT, Kind.NUMBER, Kind.INTEGER, Kind.FLAG

SCANNER_COLUMNS: tuple[Column[Subject], ...] = (
    _of_both("price", NUMBER, "currency", "The price that the decision saw, else its alert."),
    _of_both(
        "market_phase", TEXT, "", "`premarket`, `regular`, `afterhours` or `closed`: of the decision, else its alert."
    ),
    _of_both(
        "component_scores",
        Kind.NUMBERS,
        "0 to 1",
        "What the score is made of, by name: of the decision, else its alert.",
    ),
    _of_alert("features", Kind.NUMBERS, "the scanner's own", "What the scanner measured, by name, from the past only."),
    _of_alert("confidence", NUMBER, "0 to 1", "The scanner's word on its data. No probability of success."),
    _of_alert("action_tag", TEXT, "", "What the scanner itself suggested."),
    _of_alert("strength", TEXT, "", "The scanner's own class of the score."),
    _of_alert("alert_type", TEXT, "", "Which of the scanner's rules raised the alert."),
    _of_alert("pattern", TEXT, "", "The pattern that the scanner named."),
    _of_alert("theme", TEXT, "", "The theme that it belongs to."),
    _of_alert("theme_role", TEXT, "", "What the company is within the theme."),
    _of_alert("theme_stage", TEXT, "", "How far the theme had run."),
    _of_alert("catalyst_type", TEXT, "", "What was to move it."),
    _of_alert("catalyst_score", NUMBER, "0 to 1", "How strong that was."),
    _of_alert("catalyst_recency_days", NUMBER, "days", "How old that was."),
    _of_alert("sentiment_label", TEXT, "", "The mood, in the scanner's word."),
    _of_alert("sentiment_score", NUMBER, "-1 to 1", "The mood, from bearish to bullish."),
    _of_alert("social_rank", NUMBER, "rank", "Its place among what people talk of; 1 is the first."),
    _of_alert("sector", TEXT, "", "The sector of the company."),
    _of_alert("volume", NUMBER, "shares", "The volume that the alert saw."),
    _of_alert("relative_volume_30d", NUMBER, "multiple", "Volume by its mean of 30 days."),
    _of_alert(
        "expected_relative_volume",
        NUMBER,
        "multiple",
        "The multiple of the mean of 30 days that was predicted for the sessions of the primary horizon.",
    ),
    _of_alert("market_cap_millions", NUMBER, "millions of currency", "What the company was worth."),
    _of_alert("float_shares_millions", NUMBER, "millions of shares", "What can be traded of it."),
    _of_alert("rsi", NUMBER, "0 to 100", "Relative strength index."),
    _of_alert("ema20", NUMBER, "currency", "Exponential mean of 20 days."),
    _of_alert("vwap", NUMBER, "currency", "Mean price, weighted by volume."),
    _of_alert("atr_fraction", NUMBER, "fraction of the price", "Average true range."),
    _of_alert("up_days_of_5", INTEGER, "days", "How many of the last five days rose."),
    _of_alert("short_interest_fraction", NUMBER, "fraction of the float", "What is sold short."),
    _of_alert("borrow_fee_fraction", NUMBER, "fraction a year", "What borrowing a share costs."),
    _of_alert("utilisation_fraction", NUMBER, "fraction of what can be lent", "What is lent out."),
    _of_alert("call_put_ratio", NUMBER, "ratio", "Calls by puts."),
    _of_alert("iv_percentile", NUMBER, "0 to 1", "Where implied volatility stands in its own past."),
    _of_alert("spread_bps", NUMBER, "1/100 of a per cent", "Between bid and ask."),
    _of_alert("executions_per_minute", NUMBER, "a minute", "How often it was traded."),
    _of_alert("above_20_day_average", FLAG, "", "The price was above its mean of 20 days."),
    _of_alert("above_50_day_average", FLAG, "", "The price was above its mean of 50 days."),
    _of_alert("above_200_day_average", FLAG, "", "The price was above its mean of 200 days."),
    _of_alert("in_squeeze", FLAG, "", "The scanner saw a squeeze."),
    _of_alert("breakout", FLAG, "", "The scanner saw a breakout."),
    _of_alert("risk_flags", Kind.WORDS, "", "What the scanner warned of; empty where of nothing."),
    _of_alert("algorithm_version", TEXT, "", "The version of the scanner."),
    _of_alert("data_time", Kind.TIME, "", "When the data that the alert was made from was current."),
    _of_alert("data_age_seconds", NUMBER, "seconds", "How old that data was."),
    _of_alert("run_id", TEXT, "", "The discovery run that found it."),
    _of_run("universe_size", "How many instruments that run looked at."),
    _of_run("filtered_size", "How many its filters left."),
    _of_run("candidate_count", "How many it kept as candidates."),
)
