"""What examples and bars were before they were revised is kept from now on, so that a cut can be read again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INTEGER: TypeEngine[int] = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
REAL: TypeEngine[float] = sa.Double().with_variant(sqlite.REAL(), "sqlite")
TEXT: TypeEngine[str] = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables; of what was revised before, nothing is known."""
    op.create_table(
        "superseded_examples",
        sa.Column("fact", INTEGER, autoincrement=False, nullable=False),
        sa.Column("horizon", TEXT, nullable=False),
        sa.Column("origin", TEXT, nullable=False),
        sa.Column("sequence", INTEGER, autoincrement=False, nullable=False),
        sa.Column("until", INTEGER, nullable=False),
        sa.Column("return", REAL, nullable=True),
        sa.Column("net", REAL, nullable=True),
        sa.PrimaryKeyConstraint("fact", "horizon", "origin", "sequence", name=op.f("pk_superseded_examples")),
        sqlite_strict=True,
    )
    op.create_table(
        "superseded_prices",
        sa.Column("instrument", INTEGER, autoincrement=False, nullable=False),
        sa.Column("interval", TEXT, nullable=False),
        sa.Column("time", INTEGER, autoincrement=False, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("recorded_at", INTEGER, nullable=False),
        sa.Column("until", INTEGER, nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("open", REAL, nullable=False),
        sa.Column("high", REAL, nullable=False),
        sa.Column("low", REAL, nullable=False),
        sa.Column("close", REAL, nullable=False),
        sa.Column("volume", REAL, nullable=True),
        sa.Column("factor", REAL, nullable=True),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.id"], name=op.f("fk_superseded_prices_instrument")),
        sa.PrimaryKeyConstraint(
            "instrument", "interval", "time", "source", "event_id", name=op.f("pk_superseded_prices")
        ),
        sqlite_strict=True,
    )
