"""What facts wait for in silence has one row a fact. Pending examples that have rows of their own keep these."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TEXT: TypeEngine[str] = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
INTEGER: TypeEngine[int] = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    """Make the table, and its indexes."""
    op.create_table(
        "awaited",
        sa.Column("fact", INTEGER, autoincrement=False, nullable=False),
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("subject_id", TEXT, nullable=False),
        sa.Column("instrument", INTEGER, nullable=False),
        sa.Column("unit", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("marks", TEXT, nullable=False),
        sa.Column("slots", TEXT, nullable=False),
        sa.Column("dues", TEXT, nullable=False),
        sa.Column("due", INTEGER, nullable=False),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.id"], name=op.f("fk_awaited_instrument")),
        sa.PrimaryKeyConstraint("fact", name=op.f("pk_awaited")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_awaited_instrument_due"), "awaited", ["instrument", "due"], unique=False)
    op.create_index(
        op.f("ix_awaited_strategy_session_slots"), "awaited", ["strategy", "session", "slots"], unique=False
    )
