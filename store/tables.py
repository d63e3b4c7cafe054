"""Every table. What each row is, which worker alone writes it, and in which unit its columns are.

Times are int64 microseconds in UTC, sessions are dates as text, values and bodies are JSON text, rewards
are quantised integers. SQLite tables are STRICT, so an overflowing sum is an error and not a float.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

INTEGER: TypeEngine[int] = BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
REAL: TypeEngine[float] = Double().with_variant(sqlite.REAL(), "sqlite")
BLOB: TypeEngine[bytes] = LargeBinary()


def _table(name: str, *parts: Any, **options: Any) -> Table:
    return Table(name, metadata, *parts, sqlite_strict=True, **options)


def _fact(name: str, *parts: Any) -> Table:
    """A fact as it arrived: named for ever by (source, event_id), with its place in the ingest sequence."""
    return _table(
        name,
        Column("sequence", INTEGER, primary_key=True, autoincrement=False),
        Column("source", Text, nullable=False),
        Column("event_id", Text, nullable=False),
        Column("strategy", Text, nullable=False),
        Column("time", INTEGER, nullable=False),
        Column("recorded_at", INTEGER, nullable=False),
        Column("body", Text, nullable=False),
        *parts,
        UniqueConstraint("source", "event_id"),
    )


# The ingest sequence, taken under its row's lock, so that numbers become visible in their order; and running counts.
counters = _table(
    "counters",
    Column("name", Text, primary_key=True),
    Column("value", INTEGER, nullable=False),
)

# Written by attribution: the facts.

instruments = _table(
    "instruments",
    Column("id", INTEGER, primary_key=True),
    Column("strategy", Text, nullable=False),
    Column("venue", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("currency", Text),
    UniqueConstraint("strategy", "venue", "symbol"),
)

alerts = _fact(
    "alerts",
    Column("alert_id", Text, nullable=False),
    Column("instrument", INTEGER, ForeignKey("instruments.id"), nullable=False),
    Column("unit", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("score", REAL, nullable=False),
    Column("direction", Text, nullable=False),
    Column("params_version", Text),
    Column("regime", Text),
    Column("run_id", Text),
    UniqueConstraint("strategy", "alert_id"),
    Index(None, "strategy", "unit"),
)

decisions = _fact(
    "decisions",
    Column("decision_id", Text, nullable=False),
    Column("alert_id", Text),
    Column("position_id", Text),
    Column("instrument", INTEGER, ForeignKey("instruments.id"), nullable=False),
    Column("unit", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("size", REAL),
    Column("params_version", Text),
    UniqueConstraint("strategy", "decision_id"),
    Index(None, "strategy", "unit"),
    Index(None, "strategy", "alert_id"),
    Index(None, "strategy", "position_id"),
)

fills = _fact(
    "fills",
    Column("fill_id", Text, nullable=False),
    Column("decision_id", Text),
    Column("position_id", Text),
    Column("instrument", INTEGER, ForeignKey("instruments.id"), nullable=False),
    Column("side", Text, nullable=False),
    Column("quantity", REAL, nullable=False),
    Column("price", REAL, nullable=False),
    Column("fees", REAL),
    UniqueConstraint("strategy", "fill_id"),
    Index(None, "strategy", "decision_id"),
    Index(None, "strategy", "position_id"),
)

# An outcome whose alert or decision has not come yet simply waits here.
outcomes = _fact(
    "outcomes",
    Column("outcome_id", Text, nullable=False),
    Column("decision_id", Text),
    Column("alert_id", Text),
    Column("position_id", Text),
    Column("horizon", Text, nullable=False),
    Column("gross", REAL),
    Column("net", REAL),
    UniqueConstraint("strategy", "outcome_id"),
    Index(None, "strategy", "decision_id"),
    Index(None, "strategy", "alert_id"),
    Index(None, "strategy", "position_id"),
)

# One row a bar, of which ``entry`` is the place in the stream: what stands later there replaces what stands
# earlier, but never what is final by what is not.
prices = _fact(
    "prices",
    Column("instrument", INTEGER, ForeignKey("instruments.id"), nullable=False),
    Column("interval", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("open", REAL, nullable=False),
    Column("high", REAL, nullable=False),
    Column("low", REAL, nullable=False),
    Column("close", REAL, nullable=False),
    Column("volume", REAL),
    Column("factor", REAL),
    Column("final", INTEGER, nullable=False),
    Column("entry", Text, nullable=False),
    UniqueConstraint("instrument", "interval", "time"),
)

discovery_runs = _fact(
    "discovery_runs",
    Column("run_id", Text, nullable=False),
    UniqueConstraint("strategy", "run_id"),
)

theses = _fact(
    "theses",
    Column("thesis_id", Text, nullable=False),
    Column("instrument", INTEGER, ForeignKey("instruments.id"), nullable=False),
    Column("recommendation", Text, nullable=False),
    UniqueConstraint("strategy", "thesis_id"),
)

# What each source said of the end of a session, and where in the streams it said so.
closings = _fact(
    "closings",
    Column("session", Text, nullable=False),
    Column("entry", Text, nullable=False),
    Index(None, "strategy", "session"),
)

# A session is settled when every declared source has closed it and nothing older is left in the streams.
# ``cut`` is the ingest sequence that its cycles read up to, ``revisions`` how many revisions of examples
# there had been by then: so many rows must the journal have up to the cut before a cycle may read it.
sessions = _table(
    "sessions",
    Column("strategy", Text, primary_key=True),
    Column("session", Text, primary_key=True),
    Column("cut", INTEGER, nullable=False),
    Column("revisions", INTEGER, nullable=False),
    Column("settled_at", INTEGER, nullable=False),
)

# Written by attribution: the join.

# One row for each (alert or decision, horizon, origin), replaced revision by revision. origin: prices, or
# reported by trading; the two are never mixed.
# due: the session whose settling ends the horizon. contributions: what stands in the statistics, JSON.
examples = _table(
    "examples",
    Column("id", Text, primary_key=True),
    Column("strategy", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("instrument", INTEGER, ForeignKey("instruments.id"), nullable=False),
    Column("unit", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("horizon", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("due", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("revision", INTEGER, nullable=False),
    Column("created_sequence", INTEGER, nullable=False),
    Column("sequence", INTEGER, nullable=False),
    Column("settled_sequence", INTEGER),
    Column("late", INTEGER, nullable=False),
    Column("entry_session", Text, nullable=False),
    Column("entry_price", REAL),
    Column("exit_price", REAL),
    Column("return", REAL),
    Column("net", REAL),
    Column("mfe", REAL),
    Column("mae", REAL),
    Column("volatility", REAL),
    Column("outcome_class", Text),
    Column("exit_reason", Text),
    Column("score", REAL),
    Column("regime", Text, nullable=False),
    Column("params_version", Text),
    Column("contributions", Text, nullable=False),
    UniqueConstraint("strategy", "subject", "subject_id", "horizon", "origin"),
    Index(None, "strategy", "unit"),
    Index(None, "strategy", "horizon", "state", "session"),
    Index(None, "strategy", "settled_sequence"),
    Index(None, "instrument", "due"),
    Index(None, "sequence"),
)

# Written by thompson: the exact statistics, and the journal that they are the sum of.

statistics = _table(
    "statistics",
    Column("strategy", Text, primary_key=True),
    Column("allocation", Text, primary_key=True),
    Column("session", Text, primary_key=True),
    Column("arm", Text, primary_key=True),
    Column("regime", Text, primary_key=True),
    Column("reward", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("n", INTEGER, nullable=False),
    Column("total", INTEGER, nullable=False),
    Column("squares", INTEGER, nullable=False),
)

# One row for each (example, revision) that was taken in: it makes a repeat harmless and dates every movement.
# ``movements`` is JSON: what was added and what was taken back.
journal = _table(
    "journal",
    Column("example_id", Text, primary_key=True),
    Column("revision", INTEGER, primary_key=True),
    Column("strategy", Text, nullable=False),
    Column("sequence", INTEGER, nullable=False),
    Column("movements", Text, nullable=False),
    Index(None, "strategy", "sequence"),
)

# Written by deployment: what may change, what was proposed, what is in force.

registries = _table(
    "registries",
    Column("strategy", Text, primary_key=True),
    Column("hash", Text, primary_key=True),
    Column("recorded_at", INTEGER, nullable=False),
    Column("body", Text, nullable=False),
)

# The definitions of the registry in force, one row a parameter.
parameters = _table(
    "parameters",
    Column("strategy", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("registry", Text, nullable=False),
    Column("body", Text, nullable=False),
)

versions = _table(
    "versions",
    Column("strategy", Text, primary_key=True),
    Column("epoch", INTEGER, primary_key=True),
    Column("number", INTEGER, primary_key=True),
    Column("previous", Text),
    Column("session", Text, nullable=False),
    Column("regime", Text, nullable=False),
    Column("registry", Text, nullable=False),
    Column("checksum", Text, nullable=False),
    Column("proposal_id", Text),
    Column("recorded_at", INTEGER, nullable=False),
    Column("body", Text, nullable=False),
)

# Which allocation was in force from which version on, until which.
allocations = _table(
    "allocations",
    Column("strategy", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("layer", Text, nullable=False),
    Column("first_version", Text, nullable=False),
    Column("last_version", Text),
    Column("body", Text, nullable=False),
)

proposals = _table(
    "proposals",
    Column("strategy", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", Text),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("decided", Text),
    Column("version", Text),
    Column("recorded_at", INTEGER, nullable=False),
    Index(None, "strategy", "state"),
)

transitions = _table(
    "transitions",
    Column("id", INTEGER, primary_key=True),
    Column("strategy", Text, nullable=False),
    Column("proposal_id", Text, nullable=False),
    Column("old", Text),
    Column("new", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("time", INTEGER, nullable=False),
    Index(None, "strategy", "proposal_id"),
)

# Every value that ever moved.
audit = _table(
    "audit",
    Column("id", INTEGER, primary_key=True),
    Column("strategy", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("old", Text),
    Column("new", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", Text),
    Column("by", Text, nullable=False),
    Column("time", INTEGER, nullable=False),
    Index(None, "strategy", "name"),
)

# Which trading process runs which version, as it last said at ``time``.
applications = _table(
    "applications",
    Column("strategy", Text, primary_key=True),
    Column("client", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("time", INTEGER, nullable=False),
    Column("applied_at", INTEGER),
    Column("refused", Text),
    Column("source", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("recorded_at", INTEGER, nullable=False),
)

# Written by the cycles.

cycles = _table(
    "cycles",
    Column("strategy", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("session", Text, primary_key=True),
    Column("cut", INTEGER, nullable=False),
    Column("started_at", INTEGER, nullable=False),
    Column("finished_at", INTEGER, nullable=False),
    Column("report", Text, nullable=False),
    Column("body", Text, nullable=False),
)

# The numbers that a proposal stands on, as they were computed from stored examples. body: by arm key.
evidence = _table(
    "evidence",
    Column("id", Text, primary_key=True),
    Column("strategy", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("cut", INTEGER, nullable=False),
    Column("allocation", Text, nullable=False),
    Column("recorded_at", INTEGER, nullable=False),
    Column("body", Text, nullable=False),
)

# Written by every worker, each its own rows.

# Events that leave no row of their own, so that a repeat is recognised.
inbox = _table(
    "inbox",
    Column("worker", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("recorded_at", INTEGER, nullable=False),
)

# What is still to be sent. ``channel`` also publishes, ``key`` and ``value`` also set. An id is never used
# again, so that of two relays at the same time neither takes out what the other has not sent.
outbox = _table(
    "outbox",
    Column("id", INTEGER, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("body", BLOB, nullable=False),
    Column("channel", Text),
    Column("key", Text),
    Column("value", BLOB),
    Column("recorded_at", INTEGER, nullable=False),
    Index(None, "owner", "id"),
    sqlite_autoincrement=True,
)

dead_letters = _table(
    "dead_letters",
    Column("worker", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("entry", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("body", BLOB, nullable=False),
    Column("size", INTEGER, nullable=False),
    Column("attempts", INTEGER, nullable=False),
    Column("recorded_at", INTEGER, nullable=False),
)

health = _table(
    "health",
    Column("id", INTEGER, primary_key=True),
    Column("part", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("since", INTEGER, nullable=False),
    Column("recorded_at", INTEGER, nullable=False),
    Index(None, "part", "id"),
)
