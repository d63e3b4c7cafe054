"""The join: an instrument for each meaning of a symbol, bars of several sources, books of positions, theses."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

from store.migrations.rows_0002 import carry_over, set_aside
from store.migrations.tallies_0002 import count_up

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INTEGER: TypeEngine[int] = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
REAL: TypeEngine[float] = sa.Double().with_variant(sqlite.REAL(), "sqlite")
TEXT: TypeEngine[str] = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the changed tables anew, with what their rows can tell, and the new ones beside them; count them."""
    set_aside(op.get_bind())
    _create()
    carry_over(op.get_bind())
    count_up(op.get_bind())


def _create() -> None:
    op.create_table(
        "instruments",
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("venue", TEXT, nullable=False),
        sa.Column("symbol", TEXT, nullable=False),
        sa.Column("currency", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instruments")),
        sqlite_strict=True,
    )
    op.create_table(
        "reconciliations",
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("balanced", INTEGER, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("strategy", "session", name=op.f("pk_reconciliations")),
        sqlite_strict=True,
    )
    op.create_table(
        "replays",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("taken", INTEGER, nullable=False),
        sa.Column("refused", INTEGER, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.Column("finished_at", INTEGER, nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_replays")),
        sqlite_strict=True,
    )
    op.create_table(
        "sessions",
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("cut", INTEGER, nullable=False),
        sa.Column("revisions", INTEGER, nullable=False),
        sa.Column("settled_at", INTEGER, nullable=False),
        sa.Column("pending", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("strategy", "session", name=op.f("pk_sessions")),
        sqlite_strict=True,
    )
    op.create_table(
        "symbol_changes",
        sa.Column("sequence", INTEGER, autoincrement=False, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("time", INTEGER, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("venue", TEXT, nullable=False),
        sa.Column("symbol", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("renamed_to", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_symbol_changes")),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_symbol_changes_source_event_id")),
        sa.UniqueConstraint(
            "strategy", "venue", "symbol", "session", name=op.f("uq_symbol_changes_strategy_venue_symbol_session")
        ),
        sqlite_strict=True,
    )
    op.create_table(
        "alerts",
        sa.Column("sequence", INTEGER, autoincrement=False, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("time", INTEGER, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("alert_id", TEXT, nullable=False),
        sa.Column("instrument", INTEGER, nullable=False),
        sa.Column("unit", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("entry_session", TEXT, nullable=False),
        sa.Column("score", REAL, nullable=False),
        sa.Column("direction", TEXT, nullable=False),
        sa.Column("params_version", TEXT, nullable=True),
        sa.Column("assignments", TEXT, nullable=True),
        sa.Column("regime", TEXT, nullable=True),
        sa.Column("run_id", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.id"], name=op.f("fk_alerts_instrument")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_alerts")),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_alerts_source_event_id")),
        sa.UniqueConstraint("strategy", "alert_id", name=op.f("uq_alerts_strategy_alert_id")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_alerts_instrument_entry_session"), "alerts", ["instrument", "entry_session"], unique=False)
    op.create_index(op.f("ix_alerts_strategy_unit"), "alerts", ["strategy", "unit"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("sequence", INTEGER, autoincrement=False, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("time", INTEGER, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("decision_id", TEXT, nullable=False),
        sa.Column("alert_id", TEXT, nullable=True),
        sa.Column("position_id", TEXT, nullable=True),
        sa.Column("thesis_id", TEXT, nullable=True),
        sa.Column("instrument", INTEGER, nullable=False),
        sa.Column("unit", TEXT, nullable=False),
        sa.Column("named_unit", INTEGER, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("entry_session", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("direction", TEXT, nullable=False),
        sa.Column("size", REAL, nullable=True),
        sa.Column("score", REAL, nullable=True),
        sa.Column("fill_price", REAL, nullable=True),
        sa.Column("stop", REAL, nullable=True),
        sa.Column("target", REAL, nullable=True),
        sa.Column("max_hold", INTEGER, nullable=True),
        sa.Column("params_version", TEXT, nullable=True),
        sa.Column("assignments", TEXT, nullable=True),
        sa.Column("regime", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.id"], name=op.f("fk_decisions_instrument")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_decisions")),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_decisions_source_event_id")),
        sa.UniqueConstraint("strategy", "decision_id", name=op.f("uq_decisions_strategy_decision_id")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_decisions_instrument_entry_session"), "decisions", ["instrument", "entry_session"], unique=False
    )
    op.create_index(op.f("ix_decisions_strategy_alert_id"), "decisions", ["strategy", "alert_id"], unique=False)
    op.create_index(op.f("ix_decisions_strategy_position_id"), "decisions", ["strategy", "position_id"], unique=False)
    op.create_index(op.f("ix_decisions_strategy_thesis_id"), "decisions", ["strategy", "thesis_id"], unique=False)
    op.create_index(op.f("ix_decisions_strategy_unit"), "decisions", ["strategy", "unit"], unique=False)
    op.create_table(
        "examples",
        sa.Column("fact", INTEGER, autoincrement=False, nullable=False),
        sa.Column("horizon", TEXT, nullable=False),
        sa.Column("origin", TEXT, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("subject_id", TEXT, nullable=False),
        sa.Column("instrument", INTEGER, nullable=False),
        sa.Column("unit", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("due", INTEGER, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("marks", TEXT, nullable=False),
        sa.Column("late", INTEGER, nullable=False),
        sa.Column("revision", INTEGER, nullable=False),
        sa.Column("sequence", INTEGER, nullable=False),
        sa.Column("entry_time", INTEGER, nullable=True),
        sa.Column("exit_time", INTEGER, nullable=True),
        sa.Column("entry_price", REAL, nullable=True),
        sa.Column("exit_price", REAL, nullable=True),
        sa.Column("return", REAL, nullable=True),
        sa.Column("net", REAL, nullable=True),
        sa.Column("benchmark", REAL, nullable=True),
        sa.Column("mfe", REAL, nullable=True),
        sa.Column("mae", REAL, nullable=True),
        sa.Column("volatility", REAL, nullable=True),
        sa.Column("peak_after", INTEGER, nullable=True),
        sa.Column("outcome_class", TEXT, nullable=True),
        sa.Column("exit_reason", TEXT, nullable=True),
        sa.Column("contributions", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.id"], name=op.f("fk_examples_instrument")),
        sa.PrimaryKeyConstraint("fact", "horizon", "origin", name=op.f("pk_examples")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_examples_due",
        "examples",
        ["instrument", "due"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_examples_pending",
        "examples",
        ["strategy", "session", "horizon", "origin"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "fills",
        sa.Column("sequence", INTEGER, autoincrement=False, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("time", INTEGER, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("fill_id", TEXT, nullable=False),
        sa.Column("decision_id", TEXT, nullable=True),
        sa.Column("position_id", TEXT, nullable=True),
        sa.Column("instrument", INTEGER, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("side", TEXT, nullable=False),
        sa.Column("quantity", REAL, nullable=False),
        sa.Column("price", REAL, nullable=False),
        sa.Column("fees", REAL, nullable=True),
        sa.Column("multiplier", REAL, nullable=False),
        sa.Column("rank", INTEGER, nullable=True),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.id"], name=op.f("fk_fills_instrument")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_fills")),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_fills_source_event_id")),
        sa.UniqueConstraint("strategy", "fill_id", name=op.f("uq_fills_strategy_fill_id")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_fills_instrument_account_time"), "fills", ["instrument", "account", "time"], unique=False)
    op.create_index(op.f("ix_fills_strategy_decision_id"), "fills", ["strategy", "decision_id"], unique=False)
    op.create_index(op.f("ix_fills_strategy_position_id"), "fills", ["strategy", "position_id"], unique=False)
    op.create_table(
        "listings",
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("venue", TEXT, nullable=False),
        sa.Column("symbol", TEXT, nullable=False),
        sa.Column("since", INTEGER, nullable=False),
        sa.Column("instrument", INTEGER, nullable=False),
        sa.Column("because", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.id"], name=op.f("fk_listings_instrument")),
        sa.PrimaryKeyConstraint("strategy", "venue", "symbol", "since", name=op.f("pk_listings")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_listings_instrument"), "listings", ["instrument"], unique=False)
    op.create_table(
        "open_lots",
        sa.Column("instrument", INTEGER, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("fill", TEXT, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("decision", TEXT, nullable=True),
        sa.Column("place", INTEGER, nullable=False),
        sa.Column("quantity", REAL, nullable=False),
        sa.Column("multiplier", REAL, nullable=False),
        sa.Column("price", REAL, nullable=False),
        sa.Column("time", INTEGER, nullable=False),
        sa.Column("fees", REAL, nullable=True),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.id"], name=op.f("fk_open_lots_instrument")),
        sa.PrimaryKeyConstraint("instrument", "account", "fill", name=op.f("pk_open_lots")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_open_lots_strategy_decision"), "open_lots", ["strategy", "decision"], unique=False)
    op.create_index(
        op.f("ix_open_lots_instrument_account_place"), "open_lots", ["instrument", "account", "place"], unique=False
    )
    op.create_table(
        "outcomes",
        sa.Column("sequence", INTEGER, autoincrement=False, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("time", INTEGER, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("outcome_id", TEXT, nullable=False),
        sa.Column("decision_id", TEXT, nullable=True),
        sa.Column("alert_id", TEXT, nullable=True),
        sa.Column("position_id", TEXT, nullable=True),
        sa.Column("instrument", INTEGER, nullable=True),
        sa.Column("direction", TEXT, nullable=True),
        sa.Column("entry_time", INTEGER, nullable=True),
        sa.Column("horizon", TEXT, nullable=False),
        sa.Column("gross", REAL, nullable=True),
        sa.Column("net", REAL, nullable=True),
        sa.Column("joined", INTEGER, nullable=False),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.id"], name=op.f("fk_outcomes_instrument")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_outcomes")),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_outcomes_source_event_id")),
        sa.UniqueConstraint("strategy", "outcome_id", name=op.f("uq_outcomes_strategy_outcome_id")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_outcomes_instrument_entry_time"),
        "outcomes",
        ["instrument", "entry_time"],
        unique=False,
        sqlite_where=sa.text("instrument IS NOT NULL"),
        postgresql_where=sa.text("instrument IS NOT NULL"),
    )
    op.create_index(op.f("ix_outcomes_strategy_alert_id"), "outcomes", ["strategy", "alert_id"], unique=False)
    op.create_index(op.f("ix_outcomes_strategy_decision_id"), "outcomes", ["strategy", "decision_id"], unique=False)
    op.create_index(op.f("ix_outcomes_strategy_position_id"), "outcomes", ["strategy", "position_id"], unique=False)
    op.create_index(
        "ix_outcomes_waiting",
        "outcomes",
        ["strategy", "time"],
        unique=False,
        sqlite_where=sa.text("joined = 0"),
        postgresql_where=sa.text("joined = 0"),
    )
    op.create_table(
        "prices",
        sa.Column("instrument", INTEGER, autoincrement=False, nullable=False),
        sa.Column("interval", TEXT, nullable=False),
        sa.Column("time", INTEGER, autoincrement=False, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("open", REAL, nullable=False),
        sa.Column("high", REAL, nullable=False),
        sa.Column("low", REAL, nullable=False),
        sa.Column("close", REAL, nullable=False),
        sa.Column("volume", REAL, nullable=True),
        sa.Column("factor", REAL, nullable=True),
        sa.Column("final", INTEGER, nullable=False),
        sa.Column("revision", INTEGER, nullable=False),
        sa.Column("entry", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.id"], name=op.f("fk_prices_instrument")),
        sa.PrimaryKeyConstraint("instrument", "interval", "time", "source", name=op.f("pk_prices")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "round_trips",
        sa.Column("instrument", INTEGER, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("entry_fill", TEXT, nullable=False),
        sa.Column("exit_fill", TEXT, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("entry_decision", TEXT, nullable=True),
        sa.Column("place", INTEGER, nullable=False),
        sa.Column("quantity", REAL, nullable=False),
        sa.Column("multiplier", REAL, nullable=False),
        sa.Column("entry_price", REAL, nullable=False),
        sa.Column("exit_price", REAL, nullable=False),
        sa.Column("entry_time", INTEGER, nullable=False),
        sa.Column("exit_time", INTEGER, nullable=False),
        sa.Column("gross", REAL, nullable=False),
        sa.Column("fees", REAL, nullable=True),
        sa.Column("net", REAL, nullable=True),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.id"], name=op.f("fk_round_trips_instrument")),
        sa.PrimaryKeyConstraint("instrument", "account", "entry_fill", "exit_fill", name=op.f("pk_round_trips")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_round_trips_strategy_entry_decision"), "round_trips", ["strategy", "entry_decision"], unique=False
    )
    op.create_index(
        op.f("ix_round_trips_instrument_account_entry_time"),
        "round_trips",
        ["instrument", "account", "entry_time"],
        unique=False,
    )
    op.create_table(
        "theses",
        sa.Column("sequence", INTEGER, autoincrement=False, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("time", INTEGER, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("thesis_id", TEXT, nullable=False),
        sa.Column("instrument", INTEGER, nullable=False),
        sa.Column("unit", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("entry_session", TEXT, nullable=False),
        sa.Column("recommendation", TEXT, nullable=False),
        sa.Column("confidence", REAL, nullable=True),
        sa.Column("alert_id", TEXT, nullable=True),
        sa.Column("decision_id", TEXT, nullable=True),
        sa.Column("position_id", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.id"], name=op.f("fk_theses_instrument")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_theses")),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_theses_source_event_id")),
        sa.UniqueConstraint("strategy", "thesis_id", name=op.f("uq_theses_strategy_thesis_id")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_theses_instrument_entry_session"), "theses", ["instrument", "entry_session"], unique=False)
    op.create_index(op.f("ix_theses_strategy_alert_id"), "theses", ["strategy", "alert_id"], unique=False)
    op.create_index(op.f("ix_theses_strategy_decision_id"), "theses", ["strategy", "decision_id"], unique=False)
    op.create_index(op.f("ix_theses_strategy_position_id"), "theses", ["strategy", "position_id"], unique=False)
    op.create_index(op.f("ix_theses_strategy_unit"), "theses", ["strategy", "unit"], unique=False)
