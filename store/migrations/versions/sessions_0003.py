"""A settled session remembers the version that was in force; long holds are found by an index, and
what is pending by its slot; currencies are in upper case."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TEXT: TypeEngine[str] = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

# What was settled before this step finds the newest version that had been written by then.
_FIND = """
    UPDATE sessions SET version = (
        SELECT v.epoch || '-' || v.number FROM versions v
        WHERE v.strategy = sessions.strategy AND v.recorded_at <= sessions.settled_at
        ORDER BY v.epoch DESC, v.number DESC LIMIT 1
    )
"""


def upgrade() -> None:
    """Add the column, and fill it; write currencies in upper case; make the indexes."""
    op.add_column("sessions", sa.Column("version", TEXT, nullable=True))
    op.execute(_FIND)
    op.execute("UPDATE instruments SET currency = upper(currency)")
    op.create_index(
        op.f("ix_decisions_instrument_max_hold"),
        "decisions",
        ["instrument", "max_hold"],
        unique=False,
        sqlite_where=sa.text("max_hold IS NOT NULL"),
        postgresql_where=sa.text("max_hold IS NOT NULL"),
    )
    op.drop_index("ix_examples_pending", "examples")
    op.create_index(
        "ix_examples_pending",
        "examples",
        ["strategy", "horizon", "origin", "session", "state"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
