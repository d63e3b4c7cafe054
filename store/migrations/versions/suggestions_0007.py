"""What the Bayesian optimiser suggested, and why not, has a row for each allocation and session it was looked at in."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TEXT: TypeEngine[str] = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
INTEGER: TypeEngine[int] = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "suggestions",
        sa.Column("strategy", TEXT, nullable=False),
        sa.Column("allocation", TEXT, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("cut", INTEGER, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("proposal_id", TEXT),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("strategy", "allocation", "session", name=op.f("pk_suggestions")),
        sqlite_strict=True,
    )
