"""Every table of the beginning."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INTEGER: TypeEngine[int] = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
REAL: TypeEngine[float] = sa.Double().with_variant(sqlite.REAL(), "sqlite")
TEXT: TypeEngine[str] = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
BLOB: TypeEngine[bytes] = sa.LargeBinary()


def upgrade() -> None:
    """Create every table, and the counter that ingest numbers are taken from."""
    op.create_table(
        "allocations",
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("purpose", TEXT, nullable=False),
        sa.Column("layer", TEXT, nullable=False),
        sa.Column("first_version", TEXT, nullable=False),
        sa.Column("last_version", TEXT, nullable=True),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("strategy", "id", name=op.f("pk_allocations")),
        sqlite_strict=True,
    )
    op.create_table(
        "applications",
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("client", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("time", INTEGER, nullable=False),
        sa.Column("applied_at", INTEGER, nullable=True),
        sa.Column("refused", TEXT, nullable=True),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("strategy", "client", "version", name=op.f("pk_applications")),
        sqlite_strict=True,
    )
    op.create_table(
        "audit",
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("old", TEXT, nullable=True),
        sa.Column("new", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("evidence", TEXT, nullable=True),
        sa.Column("by", TEXT, nullable=False),
        sa.Column("time", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_audit_strategy_name"), "audit", ["strategy", "name"], unique=False)
    op.create_table(
        "closings",
        sa.Column("sequence", INTEGER, autoincrement=False, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("time", INTEGER, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("entry", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_closings")),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_closings_source_event_id")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_closings_strategy_session"), "closings", ["strategy", "session"], unique=False)
    op.create_table(
        "counters",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
        sqlite_strict=True,
    )
    op.create_table(
        "cycles",
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("cut", INTEGER, nullable=False),
        sa.Column("started_at", INTEGER, nullable=False),
        sa.Column("finished_at", INTEGER, nullable=False),
        sa.Column("report", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("strategy", "kind", "session", name=op.f("pk_cycles")),
        sqlite_strict=True,
    )
    op.create_table(
        "dead_letters",
        sa.Column("worker", TEXT, nullable=False),
        sa.Column("stream", TEXT, nullable=False),
        sa.Column("entry", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("body", BLOB, nullable=False),
        sa.Column("size", INTEGER, nullable=False),
        sa.Column("attempts", INTEGER, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("worker", "stream", "entry", name=op.f("pk_dead_letters")),
        sqlite_strict=True,
    )
    op.create_table(
        "discovery_runs",
        sa.Column("sequence", INTEGER, autoincrement=False, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("time", INTEGER, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_discovery_runs")),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_discovery_runs_source_event_id")),
        sa.UniqueConstraint("strategy", "run_id", name=op.f("uq_discovery_runs_strategy_run_id")),
        sqlite_strict=True,
    )
    op.create_table(
        "evidence",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("cut", INTEGER, nullable=False),
        sa.Column("allocation", TEXT, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
        sqlite_strict=True,
    )
    op.create_table(
        "health",
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("part", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("reasons", TEXT, nullable=False),
        sa.Column("since", INTEGER, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_health")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_health_part_id"), "health", ["part", "id"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("worker", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("worker", "source", "event_id", name=op.f("pk_inbox")),
        sqlite_strict=True,
    )
    op.create_table(
        "instruments",
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("venue", TEXT, nullable=False),
        sa.Column("symbol", TEXT, nullable=False),
        sa.Column("currency", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instruments")),
        sa.UniqueConstraint("strategy", "venue", "symbol", name=op.f("uq_instruments_strategy_venue_symbol")),
        sqlite_strict=True,
    )
    op.create_table(
        "journal",
        sa.Column("example_id", TEXT, nullable=False),
        sa.Column("revision", INTEGER, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("sequence", INTEGER, nullable=False),
        sa.Column("movements", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("example_id", "revision", name=op.f("pk_journal")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_journal_strategy_sequence"), "journal", ["strategy", "sequence"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("stream", TEXT, nullable=False),
        sa.Column("body", BLOB, nullable=False),
        sa.Column("channel", TEXT, nullable=True),
        sa.Column("key", TEXT, nullable=True),
        sa.Column("value", BLOB, nullable=True),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_outbox_owner_id"), "outbox", ["owner", "id"], unique=False)
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
        sa.Column("horizon", TEXT, nullable=False),
        sa.Column("gross", REAL, nullable=True),
        sa.Column("net", REAL, nullable=True),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_outcomes")),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_outcomes_source_event_id")),
        sa.UniqueConstraint("strategy", "outcome_id", name=op.f("uq_outcomes_strategy_outcome_id")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_outcomes_strategy_alert_id"), "outcomes", ["strategy", "alert_id"], unique=False)
    op.create_index(op.f("ix_outcomes_strategy_decision_id"), "outcomes", ["strategy", "decision_id"], unique=False)
    op.create_index(op.f("ix_outcomes_strategy_position_id"), "outcomes", ["strategy", "position_id"], unique=False)
    op.create_table(
        "parameters",
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("registry", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("strategy", "name", name=op.f("pk_parameters")),
        sqlite_strict=True,
    )
    op.create_table(
        "proposals",
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("proposed_by", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("evidence", TEXT, nullable=True),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("decided", TEXT, nullable=True),
        sa.Column("version", TEXT, nullable=True),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("strategy", "id", name=op.f("pk_proposals")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_proposals_strategy_state"), "proposals", ["strategy", "state"], unique=False)
    op.create_table(
        "registries",
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("strategy", "hash", name=op.f("pk_registries")),
        sqlite_strict=True,
    )
    op.create_table(
        "sessions",
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("cut", INTEGER, nullable=False),
        sa.Column("revisions", INTEGER, nullable=False),
        sa.Column("settled_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("strategy", "session", name=op.f("pk_sessions")),
        sqlite_strict=True,
    )
    op.create_table(
        "statistics",
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("allocation", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("arm", TEXT, nullable=False),
        sa.Column("regime", TEXT, nullable=False),
        sa.Column("reward", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("n", INTEGER, nullable=False),
        sa.Column("total", INTEGER, nullable=False),
        sa.Column("squares", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint(
            "strategy", "allocation", "session", "arm", "regime", "reward", "version", name=op.f("pk_statistics")
        ),
        sqlite_strict=True,
    )
    op.create_table(
        "transitions",
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("proposal_id", TEXT, nullable=False),
        sa.Column("old", TEXT, nullable=True),
        sa.Column("new", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("by", TEXT, nullable=False),
        sa.Column("time", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transitions")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_transitions_strategy_proposal_id"), "transitions", ["strategy", "proposal_id"], unique=False
    )
    op.create_table(
        "versions",
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("epoch", INTEGER, nullable=False),
        sa.Column("number", INTEGER, nullable=False),
        sa.Column("previous", TEXT, nullable=True),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("regime", TEXT, nullable=False),
        sa.Column("registry", TEXT, nullable=False),
        sa.Column("checksum", TEXT, nullable=False),
        sa.Column("proposal_id", TEXT, nullable=True),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("strategy", "epoch", "number", name=op.f("pk_versions")),
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
        sa.Column("score", REAL, nullable=False),
        sa.Column("direction", TEXT, nullable=False),
        sa.Column("params_version", TEXT, nullable=True),
        sa.Column("regime", TEXT, nullable=True),
        sa.Column("run_id", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.id"], name=op.f("fk_alerts_instrument")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_alerts")),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_alerts_source_event_id")),
        sa.UniqueConstraint("strategy", "alert_id", name=op.f("uq_alerts_strategy_alert_id")),
        sqlite_strict=True,
    )
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
        sa.Column("instrument", INTEGER, nullable=False),
        sa.Column("unit", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("direction", TEXT, nullable=False),
        sa.Column("size", REAL, nullable=True),
        sa.Column("params_version", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.id"], name=op.f("fk_decisions_instrument")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_decisions")),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_decisions_source_event_id")),
        sa.UniqueConstraint("strategy", "decision_id", name=op.f("uq_decisions_strategy_decision_id")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_decisions_strategy_alert_id"), "decisions", ["strategy", "alert_id"], unique=False)
    op.create_index(op.f("ix_decisions_strategy_position_id"), "decisions", ["strategy", "position_id"], unique=False)
    op.create_index(op.f("ix_decisions_strategy_unit"), "decisions", ["strategy", "unit"], unique=False)
    op.create_table(
        "examples",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("subject_id", TEXT, nullable=False),
        sa.Column("instrument", INTEGER, nullable=False),
        sa.Column("unit", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("horizon", TEXT, nullable=False),
        sa.Column("origin", TEXT, nullable=False),
        sa.Column("due", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("revision", INTEGER, nullable=False),
        sa.Column("created_sequence", INTEGER, nullable=False),
        sa.Column("sequence", INTEGER, nullable=False),
        sa.Column("settled_sequence", INTEGER, nullable=True),
        sa.Column("late", INTEGER, nullable=False),
        sa.Column("entry_session", TEXT, nullable=False),
        sa.Column("entry_price", REAL, nullable=True),
        sa.Column("exit_price", REAL, nullable=True),
        sa.Column("return", REAL, nullable=True),
        sa.Column("net", REAL, nullable=True),
        sa.Column("mfe", REAL, nullable=True),
        sa.Column("mae", REAL, nullable=True),
        sa.Column("volatility", REAL, nullable=True),
        sa.Column("outcome_class", TEXT, nullable=True),
        sa.Column("exit_reason", TEXT, nullable=True),
        sa.Column("score", REAL, nullable=True),
        sa.Column("regime", TEXT, nullable=False),
        sa.Column("params_version", TEXT, nullable=True),
        sa.Column("contributions", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.id"], name=op.f("fk_examples_instrument")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_examples")),
        sa.UniqueConstraint(
            "strategy",
            "subject",
            "subject_id",
            "horizon",
            "origin",
            name=op.f("uq_examples_strategy_subject_subject_id_horizon_origin"),
        ),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_examples_instrument_due"), "examples", ["instrument", "due"], unique=False)
    op.create_index(op.f("ix_examples_sequence"), "examples", ["sequence"], unique=False)
    op.create_index(
        op.f("ix_examples_strategy_horizon_state_session"),
        "examples",
        ["strategy", "horizon", "state", "session"],
        unique=False,
    )
    op.create_index(
        op.f("ix_examples_strategy_settled_sequence"), "examples", ["strategy", "settled_sequence"], unique=False
    )
    op.create_index(op.f("ix_examples_strategy_unit"), "examples", ["strategy", "unit"], unique=False)
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
        sa.Column("side", TEXT, nullable=False),
        sa.Column("quantity", REAL, nullable=False),
        sa.Column("price", REAL, nullable=False),
        sa.Column("fees", REAL, nullable=True),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.id"], name=op.f("fk_fills_instrument")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_fills")),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_fills_source_event_id")),
        sa.UniqueConstraint("strategy", "fill_id", name=op.f("uq_fills_strategy_fill_id")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_fills_strategy_decision_id"), "fills", ["strategy", "decision_id"], unique=False)
    op.create_index(op.f("ix_fills_strategy_position_id"), "fills", ["strategy", "position_id"], unique=False)
    op.create_table(
        "prices",
        sa.Column("sequence", INTEGER, autoincrement=False, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("time", INTEGER, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("instrument", INTEGER, nullable=False),
        sa.Column("interval", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("open", REAL, nullable=False),
        sa.Column("high", REAL, nullable=False),
        sa.Column("low", REAL, nullable=False),
        sa.Column("close", REAL, nullable=False),
        sa.Column("volume", REAL, nullable=True),
        sa.Column("factor", REAL, nullable=True),
        sa.Column("final", INTEGER, nullable=False),
        sa.Column("entry", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.id"], name=op.f("fk_prices_instrument")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_prices")),
        sa.UniqueConstraint("instrument", "interval", "time", name=op.f("uq_prices_instrument_interval_time")),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_prices_source_event_id")),
        sqlite_strict=True,
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
        sa.Column("recommendation", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.id"], name=op.f("fk_theses_instrument")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_theses")),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_theses_source_event_id")),
        sa.UniqueConstraint("strategy", "thesis_id", name=op.f("uq_theses_strategy_thesis_id")),
        sqlite_strict=True,
    )
    op.execute("INSERT INTO counters (name, value) VALUES ('ingest', 0)")
