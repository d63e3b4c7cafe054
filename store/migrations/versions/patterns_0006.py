"""How patterns have done, kept event by event, and the insights that were drawn from them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXT: TypeEngine[str] = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
INTEGER: TypeEngine[int] = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    """Make the tables, and their indexes."""
    _occurrences()
    _patterns()
    _insights()


def _occurrences() -> None:
    op.create_table(
        "occurrences",
        sa.Column("fact", INTEGER, autoincrement=False, nullable=False),
        sa.Column("horizon", TEXT, nullable=False),
        sa.Column("origin", TEXT, nullable=False),
        sa.Column("revision", INTEGER, autoincrement=False, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("sequence", INTEGER, nullable=False),
        sa.Column("standing", INTEGER, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("alert_id", TEXT, nullable=False),
        sa.Column("symbol", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("signature", TEXT),
        sa.Column("regime", TEXT, nullable=False),
        sa.Column("entry_time", INTEGER),
        sa.Column("exit_time", INTEGER),
        sa.Column("net", INTEGER),
        sa.Column("won", INTEGER),
        sa.Column("mae", INTEGER),
        sa.Column("holding", INTEGER),
        sa.Column("confidence", INTEGER),
        sa.PrimaryKeyConstraint("fact", "horizon", "origin", "revision", name=op.f("pk_occurrences")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_occurrences_strategy_session"), "occurrences", ["strategy", "session"], unique=False)
    op.create_index(
        "ix_occurrences_standing",
        "occurrences",
        ["strategy", "signature"],
        unique=False,
        sqlite_where=sa.text("standing = 1"),
        postgresql_where=sa.text("standing = 1"),
    )


def _patterns() -> None:
    op.create_table(
        "patterns",
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("signature", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("horizon", TEXT, nullable=False),
        sa.Column("origin", TEXT, nullable=False),
        sa.Column("regime", TEXT, nullable=False),
        sa.Column("n", INTEGER, nullable=False),
        sa.Column("wins", INTEGER, nullable=False),
        sa.Column("total", INTEGER, nullable=False),
        sa.Column("squares", INTEGER, nullable=False),
        sa.Column("held", INTEGER, nullable=False),
        sa.Column("holding", INTEGER, nullable=False),
        sa.Column("told", INTEGER, nullable=False),
        sa.Column("forecast", INTEGER, nullable=False),
        sa.Column("hits", INTEGER, nullable=False),
        sa.Column("misses", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint(
            "strategy", "signature", "subject", "horizon", "origin", "regime", name=op.f("pk_patterns")
        ),
        sqlite_strict=True,
    )


def _insights() -> None:
    op.create_table(
        "insight_runs",
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("cut", INTEGER, nullable=False),
        sa.Column("told", INTEGER, nullable=False),
        sa.Column("said", TEXT),
        sa.PrimaryKeyConstraint("strategy", "session", name=op.f("pk_insight_runs")),
        sqlite_strict=True,
    )
    op.create_table(
        "insights",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("cut", INTEGER, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("figures", TEXT, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insights")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_insights_strategy_session"), "insights", ["strategy", "session"], unique=False)
