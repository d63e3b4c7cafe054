"""The sessions that the optimiser has heard of have a row, so that it can look at them outside of a writing turn."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TEXT: TypeEngine[str] = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
INTEGER: TypeEngine[int] = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "looks",
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("time", INTEGER, nullable=False),
        sa.Column("looked", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("strategy", "session", name=op.f("pk_looks")),
        sqlite_strict=True,
    )
