"""The columns that an example has of the alert, decision or thesis that it is about."""

from collections.abc import Callable
from typing import Any

from msgspec import to_builtins

from workers.export.column import NEVER, Column, Kind
from workers.export.subjects import Subject
from workers.join.cases import ALERT, DECISION, THESIS

NAMELESS = "where it names none"
NO_DECISION = "where the subject is no decision, or it did not say"
NO_THESIS = "where the subject is no thesis, or it did not say"
NO_VERSION = "where no version is named, or it was never published here"


def _alert_id(subject: Subject) -> str | None:
    return subject.case.id if subject.case.subject == ALERT else subject.case.alert_id


def _decision_id(subject: Subject) -> str | None:
    if subject.case.subject == DECISION:
        return subject.case.id
    return subject.thesis.decision_id if subject.thesis else None


def _thesis_id(subject: Subject) -> str | None:
    if subject.case.subject == THESIS:
        return subject.case.id
    return subject.decision.thesis_id if subject.decision else None


def _position_id(subject: Subject) -> str | None:
    positions = subject.case.positions
    return subject.case.position_id or (positions[0] if len(positions) == 1 else None)


def _market(subject: Subject) -> dict[str, Any] | None:
    about = subject.decision or subject.thesis
    return None if about is None or about.market is None else to_builtins(about.market)


def _weights(subject: Subject) -> dict[str, float] | None:
    return subject.decision.weights if subject.decision else None


def _arms(subject: Subject) -> list[dict[str, Any]] | None:
    return None if subject.arms is None else [arm._asdict() for arm in subject.arms]


def _decision(field: str) -> Callable[[Subject], Any]:
    return lambda subject: _word(getattr(subject.decision, field, None))


def _thesis(field: str) -> Callable[[Subject], Any]:
    return lambda subject: _word(getattr(subject.thesis, field, None))


def _word(value: Any) -> Any:
    """The word of a closed set, or the value itself."""
    return getattr(value, "value", value)


CASE_COLUMNS: tuple[Column[Subject], ...] = (
    Column("alert_id", Kind.TEXT, "", "The alert: itself, or the one that it is about.", NAMELESS, _alert_id),
    Column(
        "decision_id",
        Kind.TEXT,
        "",
        "The decision: itself, or the one that a thesis is about.",
        "where the subject is an alert, which may have several; where a thesis names none",
        _decision_id,
    ),
    Column("thesis_id", Kind.TEXT, "", "The thesis: itself, or the one that a decision names.", NAMELESS, _thesis_id),
    Column(
        "position_id",
        Kind.TEXT,
        "",
        "The position that it names, else the only one that its fills name.",
        "where there is none, or there are several",
        _position_id,
    ),
    Column("account", Kind.TEXT, "", "The account that the decision is for.", NO_DECISION, _decision("account")),
    Column(
        "venue",
        Kind.TEXT,
        "",
        "Where it is traded; empty where trading names no venue.",
        NEVER,
        lambda it: it.case.venue,
    ),
    Column(
        "symbol",
        Kind.TEXT,
        "",
        "The ticker that the instrument had at `time`, as trading told it; after a rename `instrument` stays the same.",
        NEVER,
        lambda it: it.case.symbol,
    ),
    Column("currency", Kind.TEXT, "", "What the prices are in.", "where nobody told it", lambda it: it.currency),
    Column(
        "time",
        Kind.TIME,
        "",
        "When the alert was raised, the decision made, the thesis formed.",
        NEVER,
        lambda it: it.case.time,
    ),
    Column(
        "entry_session",
        Kind.TEXT,
        "date",
        "The first session that opens at that time or later, in the calendar of the venue.",
        NEVER,
        lambda it: it.case.entry,
    ),
    Column(
        "direction",
        Kind.TEXT,
        "",
        "`long` or `short`; of a thesis that of what it is about, `long` where that is not known.",
        NEVER,
        lambda it: "long" if it.case.sign > 0 else "short",
    ),
    Column(
        "score",
        Kind.NUMBER,
        "0 to 1",
        "The score of the decision, else of its alert.",
        "where neither told it",
        lambda it: it.case.score,
    ),
    Column(
        "regime",
        Kind.TEXT,
        "",
        "What it is counted under: the regime of its alert, else of the decision, else `all`.",
        NEVER,
        lambda it: it.case.regime,
    ),
    Column(
        "regime_confidence",
        Kind.NUMBER,
        "0 to 1",
        "How sure the decision was of the regime.",
        NO_DECISION,
        _decision("regime_confidence"),
    ),
    Column(
        "action",
        Kind.TEXT,
        "",
        "`BUY`, `SELL`, `HOLD`, `IGNORE`, `TRIM` or `LIQUIDATE`.",
        "where the subject is no decision",
        lambda it: it.case.action,
    ),
    Column(
        "made_by",
        Kind.TEXT,
        "",
        "Who decided: `discovery`, `thesis`, `rule` or `manual`.",
        "where the subject is no decision",
        _decision("made_by"),
    ),
    Column(
        "mode",
        Kind.TEXT,
        "",
        "Whether money was at stake: `live`, `paper` or `shadow`.",
        "where the subject is no decision",
        _decision("mode"),
    ),
    Column(
        "size",
        Kind.NUMBER,
        "fraction of equity",
        "How large the position was to be.",
        NO_DECISION,
        lambda it: it.case.size,
    ),
    Column("conviction", Kind.NUMBER, "0 to 1", "How sure the decision was.", NO_DECISION, _decision("conviction")),
    Column(
        "fill_price",
        Kind.NUMBER,
        "currency",
        "What was paid at `time`, where it was carried out at once.",
        NO_DECISION,
        lambda it: it.case.fill_price,
    ),
    Column("stop", Kind.NUMBER, "currency", "Where a loss was to be taken.", NO_DECISION, lambda it: it.case.stop),
    Column("target", Kind.NUMBER, "currency", "Where a gain was to be taken.", NO_DECISION, lambda it: it.case.target),
    Column(
        "max_hold",
        Kind.INTEGER,
        "sessions",
        "The longest that it was to be held.",
        NO_DECISION,
        lambda it: it.case.max_hold,
    ),
    Column("order_type", Kind.TEXT, "", "How the order was placed.", NO_DECISION, _decision("order_type")),
    Column("weights", Kind.NUMBERS, "as told", "The weights that the score was made with.", NO_DECISION, _weights),
    Column(
        "market",
        Kind.VALUES,
        "changes are fractions, VIX index points",
        "The market around the decision or thesis, as trading saw it, by name.",
        "where the subject is an alert, or it did not say",
        _market,
    ),
    Column("recommendation", Kind.TEXT, "", "What the thesis recommends.", NO_THESIS, _thesis("recommendation")),
    Column("thesis_confidence", Kind.NUMBER, "0 to 1", "How sure the thesis is.", NO_THESIS, _thesis("confidence")),
    Column("risk_level", Kind.TEXT, "", "How risky the thesis says it is.", NO_THESIS, _thesis("risk_level")),
    Column("pattern_type", Kind.TEXT, "", "The pattern that the thesis sees.", NO_THESIS, _thesis("pattern_type")),
    Column("ai_generated", Kind.FLAG, "", "Whether a model wrote the thesis.", NO_THESIS, _thesis("ai_generated")),
    Column(
        "params_version",
        Kind.TEXT,
        "",
        "The version in force when it was told, `EPOCH-NUMBER`: its own, else its alert's.",
        "where neither named one",
        lambda it: it.case.params_version,
    ),
    Column(
        "values",
        Kind.VALUES,
        "each parameter's own",
        "All parameter values in force for the unit, by name, arms included.",
        NO_VERSION,
        lambda it: it.values,
    ),
    Column(
        "arms",
        Kind.ARMS,
        "`propensity` 1/10,000",
        "The arm that the unit was assigned to, by allocation, recomputed from version and unit.",
        NO_VERSION,
        _arms,
    ),
)
