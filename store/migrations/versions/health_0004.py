"""What health said last, what trading processes said of themselves, and what became of refused entries."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT: TypeEngine[str] = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
INTEGER: TypeEngine[int] = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    """Make the tables, and the indexes by time."""
    op.create_table(
        "health_overview",
        sa.Column("id", INTEGER, autoincrement=False, nullable=False),
        sa.Column("time", INTEGER, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_health_overview")),
        sqlite_strict=True,
    )
    op.create_table(
        "client_reports",
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("client", TEXT, nullable=False),
        sa.Column("time", INTEGER, nullable=False),
        sa.Column("dropped", INTEGER, nullable=False),
        sa.Column("dropped_at", INTEGER, nullable=True),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("strategy", "client", name=op.f("pk_client_reports")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_client_reports_time"), "client_reports", ["time"], unique=False)
    op.create_table(
        "letter_fates",
        sa.Column("worker", TEXT, nullable=False),
        sa.Column("stream", TEXT, nullable=False),
        sa.Column("entry", TEXT, nullable=False),
        sa.Column("fate", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("by", TEXT, nullable=False),
        sa.Column("time", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("worker", "stream", "entry", name=op.f("pk_letter_fates")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_dead_letters_recorded_at"), "dead_letters", ["recorded_at"], unique=False)
    op.create_index(op.f("ix_health_recorded_at"), "health", ["recorded_at"], unique=False)
