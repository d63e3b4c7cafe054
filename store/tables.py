"""Every table. What each row is, which worker alone writes it, and in which unit its columns are.

Times are int64 microseconds in UTC, sessions are dates as text, values and bodies are JSON text, rewards
are quantised integers. SQLite tables are STRICT, so an overflowing sum is an error and not a float. Text is
in the order of its bytes, in PostgreSQL as in SQLite.
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
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
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
TEXT: TypeEngine[str] = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
BLOB: TypeEngine[bytes] = LargeBinary()


def _table(name: str, *parts: Any, **options: Any) -> Table:
    return Table(name, metadata, *parts, sqlite_strict=True, **options)


def _fact(name: str, *parts: Any) -> Table:
    """A fact as it arrived: named for ever by (source, event_id), with its place in the ingest sequence."""
    return _table(
        name,
        Column("sequence", INTEGER, primary_key=True, autoincrement=False),
        Column("source", TEXT, nullable=False),
        Column("event_id", TEXT, nullable=False),
        Column("strategy", TEXT, nullable=False),
        Column("time", INTEGER, nullable=False),
        Column("recorded_at", INTEGER, nullable=False),
        Column("body", TEXT, nullable=False),
        *parts,
        UniqueConstraint("source", "event_id"),
    )


# The ingest sequence, taken under its row's lock, so that numbers become visible in their order; and running counts.
counters = _table(
    "counters",
    Column("name", TEXT, primary_key=True),
    Column("value", INTEGER, nullable=False),
)

# Written by attribution: the facts.

instruments = _table(
    "instruments",
    Column("id", INTEGER, primary_key=True),
    Column("strategy", TEXT, nullable=False),
    Column("venue", TEXT, nullable=False),
    Column("symbol", TEXT, nullable=False),
    Column("currency", TEXT),
)

# Which instrument a symbol means from ``since`` on: a ticker is not a company for ever. The first row of a symbol
# has 0. ``because``: first, renamed, taken over, gap.
listings = _table(
    "listings",
    Column("strategy", TEXT, primary_key=True),
    Column("venue", TEXT, primary_key=True),
    Column("symbol", TEXT, primary_key=True),
    Column("since", INTEGER, primary_key=True),
    Column("instrument", INTEGER, ForeignKey("instruments.id"), nullable=False),
    Column("because", TEXT, nullable=False),
    Index(None, "instrument"),
)

symbol_changes = _fact(
    "symbol_changes",
    Column("venue", TEXT, nullable=False),
    Column("symbol", TEXT, nullable=False),
    Column("session", TEXT, nullable=False),
    Column("renamed_to", TEXT),
    UniqueConstraint("strategy", "venue", "symbol", "session"),
)

# entry_session: the first that opens at the event's time or later, on the calendar of its venue.
alerts = _fact(
    "alerts",
    Column("alert_id", TEXT, nullable=False),
    Column("instrument", INTEGER, ForeignKey("instruments.id"), nullable=False),
    Column("unit", TEXT, nullable=False),
    Column("session", TEXT, nullable=False),
    Column("entry_session", TEXT, nullable=False),
    Column("score", REAL, nullable=False),
    Column("direction", TEXT, nullable=False),
    Column("params_version", TEXT),
    Column("assignments", TEXT),
    Column("regime", TEXT),
    Column("run_id", TEXT),
    UniqueConstraint("strategy", "alert_id"),
    Index(None, "strategy", "unit"),
    Index(None, "instrument", "entry_session"),
)

decisions = _fact(
    "decisions",
    Column("decision_id", TEXT, nullable=False),
    Column("alert_id", TEXT),
    Column("position_id", TEXT),
    Column("thesis_id", TEXT),
    Column("instrument", INTEGER, ForeignKey("instruments.id"), nullable=False),
    Column("unit", TEXT, nullable=False),
    Column("named_unit", INTEGER, nullable=False),
    Column("session", TEXT, nullable=False),
    Column("entry_session", TEXT, nullable=False),
    Column("action", TEXT, nullable=False),
    Column("direction", TEXT, nullable=False),
    Column("size", REAL),
    Column("score", REAL),
    Column("fill_price", REAL),
    Column("stop", REAL),
    Column("target", REAL),
    Column("max_hold", INTEGER),
    Column("params_version", TEXT),
    Column("assignments", TEXT),
    Column("regime", TEXT),
    UniqueConstraint("strategy", "decision_id"),
    Index(None, "strategy", "unit"),
    Index(None, "strategy", "alert_id"),
    Index(None, "strategy", "position_id"),
    Index(None, "strategy", "thesis_id"),
    Index(None, "instrument", "entry_session"),
    Index(
        None,
        "instrument",
        "max_hold",
        sqlite_where=text("max_hold IS NOT NULL"),
        postgresql_where=text("max_hold IS NOT NULL"),
    ),
)

# account is empty where the fill names none. rank: the broker's order among fills of the same time.
fills = _fact(
    "fills",
    Column("fill_id", TEXT, nullable=False),
    Column("decision_id", TEXT),
    Column("position_id", TEXT),
    Column("instrument", INTEGER, ForeignKey("instruments.id"), nullable=False),
    Column("account", TEXT, nullable=False),
    Column("side", TEXT, nullable=False),
    Column("quantity", REAL, nullable=False),
    Column("price", REAL, nullable=False),
    Column("fees", REAL),
    Column("multiplier", REAL, nullable=False),
    Column("rank", INTEGER),
    UniqueConstraint("strategy", "fill_id"),
    Index(None, "strategy", "decision_id"),
    Index(None, "strategy", "position_id"),
    Index(None, "instrument", "account", "time"),
)

# The books of positions, FIFO, a function of the fills. ``quantity`` has the position's sign, amounts are currency
# (multiplier included), fees are shared by quantity; NULL where a fill did not tell them. ``place`` orders the lots
# of a position: the one at 0 was opened when nothing was held. Decisions are those that the opening fill names.
round_trips = _table(
    "round_trips",
    Column("instrument", INTEGER, ForeignKey("instruments.id"), primary_key=True),
    Column("account", TEXT, primary_key=True),
    Column("entry_fill", TEXT, primary_key=True),
    Column("exit_fill", TEXT, primary_key=True),
    Column("strategy", TEXT, nullable=False),
    Column("entry_decision", TEXT),
    Column("place", INTEGER, nullable=False),
    Column("quantity", REAL, nullable=False),
    Column("multiplier", REAL, nullable=False),
    Column("entry_price", REAL, nullable=False),
    Column("exit_price", REAL, nullable=False),
    Column("entry_time", INTEGER, nullable=False),
    Column("exit_time", INTEGER, nullable=False),
    Column("gross", REAL, nullable=False),
    Column("fees", REAL),
    Column("net", REAL),
    Index(None, "strategy", "entry_decision"),
    Index(None, "instrument", "account", "entry_time"),
)

open_lots = _table(
    "open_lots",
    Column("instrument", INTEGER, ForeignKey("instruments.id"), primary_key=True),
    Column("account", TEXT, primary_key=True),
    Column("fill", TEXT, primary_key=True),
    Column("strategy", TEXT, nullable=False),
    Column("decision", TEXT),
    Column("place", INTEGER, nullable=False),
    Column("quantity", REAL, nullable=False),
    Column("multiplier", REAL, nullable=False),
    Column("price", REAL, nullable=False),
    Column("time", INTEGER, nullable=False),
    Column("fees", REAL),
    Index(None, "strategy", "decision"),
    Index(None, "instrument", "account", "place"),
)

# An outcome whose alert or decision has not come yet simply waits here. ``joined``: what it names is there.
# ``instrument``, ``direction``, ``entry_time`` are of those that name nothing but a symbol.
outcomes = _fact(
    "outcomes",
    Column("outcome_id", TEXT, nullable=False),
    Column("decision_id", TEXT),
    Column("alert_id", TEXT),
    Column("position_id", TEXT),
    Column("instrument", INTEGER, ForeignKey("instruments.id")),
    Column("direction", TEXT),
    Column("entry_time", INTEGER),
    Column("horizon", TEXT, nullable=False),
    Column("gross", REAL),
    Column("net", REAL),
    Column("joined", INTEGER, nullable=False),
    UniqueConstraint("strategy", "outcome_id"),
    Index(None, "strategy", "decision_id"),
    Index(None, "strategy", "alert_id"),
    Index(None, "strategy", "position_id"),
    Index(
        None,
        "instrument",
        "entry_time",
        sqlite_where=text("instrument IS NOT NULL"),
        postgresql_where=text("instrument IS NOT NULL"),
    ),
    Index(
        "ix_outcomes_waiting", "strategy", "time", sqlite_where=text("joined = 0"), postgresql_where=text("joined = 0")
    ),
)

# One row a bar and source, of which ``entry`` is the place in the stream. What is final replaces what is not, a
# higher revision a lower one, what stands later in the stream what stands earlier.
prices = _table(
    "prices",
    Column("instrument", INTEGER, ForeignKey("instruments.id"), primary_key=True, autoincrement=False),
    Column("interval", TEXT, primary_key=True),
    Column("time", INTEGER, primary_key=True, autoincrement=False),
    Column("source", TEXT, primary_key=True),
    Column("event_id", TEXT, nullable=False),
    Column("recorded_at", INTEGER, nullable=False),
    Column("session", TEXT, nullable=False),
    Column("open", REAL, nullable=False),
    Column("high", REAL, nullable=False),
    Column("low", REAL, nullable=False),
    Column("close", REAL, nullable=False),
    Column("volume", REAL),
    Column("factor", REAL),
    Column("final", INTEGER, nullable=False),
    Column("revision", INTEGER, nullable=False),
    Column("entry", TEXT, nullable=False),
    sqlite_with_rowid=False,
)

discovery_runs = _fact(
    "discovery_runs",
    Column("run_id", TEXT, nullable=False),
    UniqueConstraint("strategy", "run_id"),
)

# unit: ``thesis/ID``. direction: of what it is about, long where that is not known.
theses = _fact(
    "theses",
    Column("thesis_id", TEXT, nullable=False),
    Column("instrument", INTEGER, ForeignKey("instruments.id"), nullable=False),
    Column("unit", TEXT, nullable=False),
    Column("session", TEXT, nullable=False),
    Column("entry_session", TEXT, nullable=False),
    Column("recommendation", TEXT, nullable=False),
    Column("confidence", REAL),
    Column("alert_id", TEXT),
    Column("decision_id", TEXT),
    Column("position_id", TEXT),
    UniqueConstraint("strategy", "thesis_id"),
    Index(None, "strategy", "unit"),
    Index(None, "strategy", "alert_id"),
    Index(None, "strategy", "decision_id"),
    Index(None, "strategy", "position_id"),
    Index(None, "instrument", "entry_session"),
)

# What each source said of the end of a session, and where in the streams it said so.
closings = _fact(
    "closings",
    Column("session", TEXT, nullable=False),
    Column("entry", TEXT, nullable=False),
    Index(None, "strategy", "session"),
)

# A session is settled when every declared source has closed it and nothing older is left in the streams.
# ``cut`` is the ingest sequence that its cycles read up to, ``revisions`` how many revisions of examples
# there had been by then: so many rows must the journal have up to the cut before a cycle may read it.
# ``pending`` is JSON: the assignment sessions that had examples pending at the cut, by ``horizon/origin``.
sessions = _table(
    "sessions",
    Column("strategy", TEXT, primary_key=True),
    Column("session", TEXT, primary_key=True),
    Column("cut", INTEGER, nullable=False),
    Column("revisions", INTEGER, nullable=False),
    Column("settled_at", INTEGER, nullable=False),
    Column("pending", TEXT, nullable=False),
    Column("version", TEXT),
)

# What came in against what stands in the books, when a session settled. body: the BooksReconciled that was sent.
reconciliations = _table(
    "reconciliations",
    Column("strategy", TEXT, primary_key=True),
    Column("session", TEXT, primary_key=True),
    Column("balanced", INTEGER, nullable=False),
    Column("body", TEXT, nullable=False),
)

# How far files have been replayed. digest: SHA-256 of the files, their column maps and the options. ``taken`` counts
# events in the order of the replay; finished_at is set when there are no more.
replays = _table(
    "replays",
    Column("digest", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("taken", INTEGER, nullable=False),
    Column("refused", INTEGER, nullable=False),
    Column("recorded_at", INTEGER, nullable=False),
    Column("finished_at", INTEGER),
)

# Written by attribution: the join.

# One row for each (alert, decision or thesis, horizon, origin) of which anything is known or was told, replaced
# revision by revision; those that wait in silence are in ``awaited``. ``fact`` is the ingest sequence of the row that
# it is about: rows of one time lie beside each other. origin: prices, or reported by trading; the two are never mixed.
# ``due``: from which moment on it may be filled. The index of the pending ones holds ``state``, because SQLite looks
# it up in each row where it does not. Prices are currency, ``peak_after`` microseconds, ``benchmark`` what the
# benchmark did, all other figures fractions of the entry price, signed as the position earned them. contributions: what
# stands in the statistics, JSON. marks: words, sorted.
examples = _table(
    "examples",
    Column("fact", INTEGER, primary_key=True, autoincrement=False),
    Column("horizon", TEXT, primary_key=True),
    Column("origin", TEXT, primary_key=True),
    Column("strategy", TEXT, nullable=False),
    Column("subject", TEXT, nullable=False),
    Column("subject_id", TEXT, nullable=False),
    Column("instrument", INTEGER, ForeignKey("instruments.id"), nullable=False),
    Column("unit", TEXT, nullable=False),
    Column("session", TEXT, nullable=False),
    Column("due", INTEGER, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("reason", TEXT),
    Column("marks", TEXT, nullable=False),
    Column("late", INTEGER, nullable=False),
    Column("revision", INTEGER, nullable=False),
    Column("sequence", INTEGER, nullable=False),
    Column("entry_time", INTEGER),
    Column("exit_time", INTEGER),
    Column("entry_price", REAL),
    Column("exit_price", REAL),
    Column("return", REAL),
    Column("net", REAL),
    Column("benchmark", REAL),
    Column("mfe", REAL),
    Column("mae", REAL),
    Column("volatility", REAL),
    Column("peak_after", INTEGER),
    Column("outcome_class", TEXT),
    Column("exit_reason", TEXT),
    Column("contributions", TEXT, nullable=False),
    Index(
        "ix_examples_due",
        "instrument",
        "due",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    Index(
        "ix_examples_pending",
        "strategy",
        "horizon",
        "origin",
        "session",
        "state",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    sqlite_with_rowid=False,
)

# What examples and bars were before they were revised, so that a cut can be read again as it was: from the ingest
# sequence ``sequence``, or the moment ``recorded_at``, on, and no longer from ``until`` on. Of examples only those that
# were matched, of bars only final ones.
superseded_examples = _table(
    "superseded_examples",
    Column("fact", INTEGER, primary_key=True, autoincrement=False),
    Column("horizon", TEXT, primary_key=True),
    Column("origin", TEXT, primary_key=True),
    Column("sequence", INTEGER, primary_key=True, autoincrement=False),
    Column("until", INTEGER, nullable=False),
    Column("return", REAL),
    Column("net", REAL),
)

superseded_prices = _table(
    "superseded_prices",
    Column("instrument", INTEGER, ForeignKey("instruments.id"), primary_key=True, autoincrement=False),
    Column("interval", TEXT, primary_key=True),
    Column("time", INTEGER, primary_key=True, autoincrement=False),
    Column("source", TEXT, primary_key=True),
    Column("event_id", TEXT, primary_key=True),
    Column("recorded_at", INTEGER, nullable=False),
    Column("until", INTEGER, nullable=False),
    Column("session", TEXT, nullable=False),
    Column("open", REAL, nullable=False),
    Column("high", REAL, nullable=False),
    Column("low", REAL, nullable=False),
    Column("close", REAL, nullable=False),
    Column("volume", REAL),
    Column("factor", REAL),
)

# What an alert, decision or thesis waits for: those of its examples that are pending and that nobody was ever told of,
# one row for all of them. Once an example is told, or anything is known of it, it has a row of its own above. slots:
# ``horizon/origin``, sorted, with commas between; dues: from when on each may be filled, JSON in the same order;
# ``due``: the first of these.
awaited = _table(
    "awaited",
    Column("fact", INTEGER, primary_key=True, autoincrement=False),
    Column("strategy", TEXT, nullable=False),
    Column("subject", TEXT, nullable=False),
    Column("subject_id", TEXT, nullable=False),
    Column("instrument", INTEGER, ForeignKey("instruments.id"), nullable=False),
    Column("unit", TEXT, nullable=False),
    Column("session", TEXT, nullable=False),
    Column("marks", TEXT, nullable=False),
    Column("slots", TEXT, nullable=False),
    Column("dues", TEXT, nullable=False),
    Column("due", INTEGER, nullable=False),
    Index(None, "instrument", "due"),
    Index(None, "strategy", "session", "slots"),
)

# Written by thompson: the exact statistics, and the journal that they are the sum of.

statistics = _table(
    "statistics",
    Column("strategy", TEXT, primary_key=True),
    Column("allocation", TEXT, primary_key=True),
    Column("session", TEXT, primary_key=True),
    Column("arm", TEXT, primary_key=True),
    Column("regime", TEXT, primary_key=True),
    Column("reward", TEXT, primary_key=True),
    Column("version", TEXT, primary_key=True),
    Column("n", INTEGER, nullable=False),
    Column("total", INTEGER, nullable=False),
    Column("squares", INTEGER, nullable=False),
)

# One row for each (example, revision) that was taken in: it makes a repeat harmless and dates every movement.
# ``movements`` is JSON: what was added and what was taken back.
journal = _table(
    "journal",
    Column("example_id", TEXT, primary_key=True),
    Column("revision", INTEGER, primary_key=True),
    Column("strategy", TEXT, nullable=False),
    Column("sequence", INTEGER, nullable=False),
    Column("movements", TEXT, nullable=False),
    Index(None, "strategy", "sequence"),
)

# Written by patterns: how alerts of each kind have done, and what was found in them.

# One row for each (example, revision) of an alert at the primary horizon, or of a decision about an alert at its close.
# ``standing``: 1 for the highest revision of an example that was taken in; the others show what stood at a cut. net,
# mae and confidence count in 1e-6, ``holding`` in sessions; they are NULL where not known, and net, where the example
# has no outcome or not any longer. ``signature`` is NULL where no edges were declared.
occurrences = _table(
    "occurrences",
    Column("fact", INTEGER, primary_key=True, autoincrement=False),
    Column("horizon", TEXT, primary_key=True),
    Column("origin", TEXT, primary_key=True),
    Column("revision", INTEGER, primary_key=True, autoincrement=False),
    Column("strategy", TEXT, nullable=False),
    Column("sequence", INTEGER, nullable=False),
    Column("standing", INTEGER, nullable=False),
    Column("subject", TEXT, nullable=False),
    Column("alert_id", TEXT, nullable=False),
    Column("symbol", TEXT, nullable=False),
    Column("session", TEXT, nullable=False),
    Column("signature", TEXT),
    Column("regime", TEXT, nullable=False),
    Column("entry_time", INTEGER),
    Column("exit_time", INTEGER),
    Column("net", INTEGER),
    Column("won", INTEGER),
    Column("mae", INTEGER),
    Column("holding", INTEGER),
    Column("confidence", INTEGER),
    Index(None, "strategy", "session"),
    Index(
        "ix_occurrences_standing",
        "strategy",
        "signature",
        sqlite_where=text("standing = 1"),
        postgresql_where=text("standing = 1"),
    ),
)

# The sums of the occurrences that stand and have an outcome: winsorised returns in 1e-6 and their squares in 1e-12,
# sessions held, forecasts in 1e-6, and (forecast - won)^2 in 1e-12.
patterns = _table(
    "patterns",
    Column("strategy", TEXT, primary_key=True),
    Column("signature", TEXT, primary_key=True),
    Column("subject", TEXT, primary_key=True),
    Column("horizon", TEXT, primary_key=True),
    Column("origin", TEXT, primary_key=True),
    Column("regime", TEXT, primary_key=True),
    Column("n", INTEGER, nullable=False),
    Column("wins", INTEGER, nullable=False),
    Column("total", INTEGER, nullable=False),
    Column("squares", INTEGER, nullable=False),
    Column("held", INTEGER, nullable=False),
    Column("holding", INTEGER, nullable=False),
    Column("told", INTEGER, nullable=False),
    Column("forecast", INTEGER, nullable=False),
    Column("hits", INTEGER, nullable=False),
    Column("misses", INTEGER, nullable=False),
)

# The sessions whose daily cycle was heard of, in the broker's millisecond ``told``, and what became of the insights:
# ``said`` is NULL until they are drawn.
insight_runs = _table(
    "insight_runs",
    Column("strategy", TEXT, primary_key=True),
    Column("session", TEXT, primary_key=True),
    Column("cut", INTEGER, nullable=False),
    Column("told", INTEGER, nullable=False),
    Column("said", TEXT),
)

# body: the InsightPublished that was sent; figures: all numbers that it stands on, JSON.
insights = _table(
    "insights",
    Column("id", TEXT, primary_key=True),
    Column("strategy", TEXT, nullable=False),
    Column("session", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("subject", TEXT, nullable=False),
    Column("cut", INTEGER, nullable=False),
    Column("body", TEXT, nullable=False),
    Column("figures", TEXT, nullable=False),
    Column("recorded_at", INTEGER, nullable=False),
    Index(None, "strategy", "session"),
)

# Written by deployment: what may change, what was proposed, what is in force.

registries = _table(
    "registries",
    Column("strategy", TEXT, primary_key=True),
    Column("hash", TEXT, primary_key=True),
    Column("recorded_at", INTEGER, nullable=False),
    Column("body", TEXT, nullable=False),
)

# The definitions of the registry in force, one row a parameter.
parameters = _table(
    "parameters",
    Column("strategy", TEXT, primary_key=True),
    Column("name", TEXT, primary_key=True),
    Column("registry", TEXT, nullable=False),
    Column("body", TEXT, nullable=False),
)

versions = _table(
    "versions",
    Column("strategy", TEXT, primary_key=True),
    Column("epoch", INTEGER, primary_key=True),
    Column("number", INTEGER, primary_key=True),
    Column("previous", TEXT),
    Column("session", TEXT, nullable=False),
    Column("regime", TEXT, nullable=False),
    Column("registry", TEXT, nullable=False),
    Column("checksum", TEXT, nullable=False),
    Column("proposal_id", TEXT),
    Column("recorded_at", INTEGER, nullable=False),
    Column("body", TEXT, nullable=False),
)

# Which allocation was in force from which version on, until which.
allocations = _table(
    "allocations",
    Column("strategy", TEXT, primary_key=True),
    Column("id", TEXT, primary_key=True),
    Column("purpose", TEXT, nullable=False),
    Column("layer", TEXT, nullable=False),
    Column("first_version", TEXT, nullable=False),
    Column("last_version", TEXT),
    Column("body", TEXT, nullable=False),
)

proposals = _table(
    "proposals",
    Column("strategy", TEXT, primary_key=True),
    Column("id", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("session", TEXT, nullable=False),
    Column("proposed_by", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("evidence", TEXT),
    Column("body", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("decided", TEXT),
    Column("version", TEXT),
    Column("recorded_at", INTEGER, nullable=False),
    Index(None, "strategy", "state"),
)

transitions = _table(
    "transitions",
    Column("id", INTEGER, primary_key=True),
    Column("strategy", TEXT, nullable=False),
    Column("proposal_id", TEXT, nullable=False),
    Column("old", TEXT),
    Column("new", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("by", TEXT, nullable=False),
    Column("time", INTEGER, nullable=False),
    Index(None, "strategy", "proposal_id"),
)

# Every value that ever moved.
audit = _table(
    "audit",
    Column("id", INTEGER, primary_key=True),
    Column("strategy", TEXT, nullable=False),
    Column("version", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("old", TEXT),
    Column("new", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("evidence", TEXT),
    Column("by", TEXT, nullable=False),
    Column("time", INTEGER, nullable=False),
    Index(None, "strategy", "name"),
)

# Which trading process runs which version, as it last said at ``time``.
applications = _table(
    "applications",
    Column("strategy", TEXT, primary_key=True),
    Column("client", TEXT, primary_key=True),
    Column("version", TEXT, primary_key=True),
    Column("time", INTEGER, nullable=False),
    Column("applied_at", INTEGER),
    Column("refused", TEXT),
    Column("source", TEXT, nullable=False),
    Column("event_id", TEXT, nullable=False),
    Column("recorded_at", INTEGER, nullable=False),
)

# Written by the cycles.

cycles = _table(
    "cycles",
    Column("strategy", TEXT, primary_key=True),
    Column("kind", TEXT, primary_key=True),
    Column("session", TEXT, primary_key=True),
    Column("cut", INTEGER, nullable=False),
    Column("started_at", INTEGER, nullable=False),
    Column("finished_at", INTEGER, nullable=False),
    Column("report", TEXT, nullable=False),
    Column("body", TEXT, nullable=False),
)

# The numbers that a proposal stands on, as they were computed from stored examples. body: by arm key.
evidence = _table(
    "evidence",
    Column("id", TEXT, primary_key=True),
    Column("strategy", TEXT, nullable=False),
    Column("session", TEXT, nullable=False),
    Column("cut", INTEGER, nullable=False),
    Column("allocation", TEXT, nullable=False),
    Column("recorded_at", INTEGER, nullable=False),
    Column("body", TEXT, nullable=False),
)

# The sessions whose daily cycle the optimiser heard of, with the time of that event; ``looked``: 0, then 1.
looks = _table(
    "looks",
    Column("strategy", TEXT, primary_key=True),
    Column("session", TEXT, primary_key=True),
    Column("time", INTEGER, nullable=False),
    Column("looked", INTEGER, nullable=False),
)

# Written by bayesian: what it suggested for an allocation after a session, and why not. ``proposal_id`` is there where
# arms were proposed; body: the beliefs it stands on.
suggestions = _table(
    "suggestions",
    Column("strategy", TEXT, primary_key=True),
    Column("allocation", TEXT, primary_key=True),
    Column("session", TEXT, primary_key=True),
    Column("cut", INTEGER, nullable=False),
    Column("version", TEXT, nullable=False),
    Column("proposal_id", TEXT),
    Column("reason", TEXT, nullable=False),
    Column("body", TEXT, nullable=False),
    Column("recorded_at", INTEGER, nullable=False),
)

# Written by every worker, each its own rows.

# Events that leave no row of their own, so that a repeat is recognised.
inbox = _table(
    "inbox",
    Column("worker", TEXT, primary_key=True),
    Column("source", TEXT, primary_key=True),
    Column("event_id", TEXT, primary_key=True),
    Column("recorded_at", INTEGER, nullable=False),
)

# What is still to be sent. ``channel`` also publishes, ``key`` and ``value`` also set. An id is never used
# again, so that of two relays at the same time neither takes out what the other has not sent.
outbox = _table(
    "outbox",
    Column("id", INTEGER, primary_key=True),
    Column("owner", TEXT, nullable=False),
    Column("stream", TEXT, nullable=False),
    Column("body", BLOB, nullable=False),
    Column("channel", TEXT),
    Column("key", TEXT),
    Column("value", BLOB),
    Column("recorded_at", INTEGER, nullable=False),
    Index(None, "owner", "id"),
    sqlite_autoincrement=True,
)

# What people did about refused entries: ``fate`` is retried or dropped. Written by the command alone, one row a
# letter; a letter without one is open.
letter_fates = _table(
    "letter_fates",
    Column("worker", TEXT, primary_key=True),
    Column("stream", TEXT, primary_key=True),
    Column("entry", TEXT, primary_key=True),
    Column("fate", TEXT, nullable=False),
    Column("reason", TEXT),
    Column("by", TEXT, nullable=False),
    Column("time", INTEGER, nullable=False),
)

dead_letters = _table(
    "dead_letters",
    Column("worker", TEXT, primary_key=True),
    Column("stream", TEXT, primary_key=True),
    Column("entry", TEXT, primary_key=True),
    Column("reason", TEXT, nullable=False),
    Column("body", BLOB, nullable=False),
    Column("size", INTEGER, nullable=False),
    Column("attempts", INTEGER, nullable=False),
    Column("recorded_at", INTEGER, nullable=False),
    Index(None, "recorded_at"),
)

# Written by health.

# One row when a part changes, and now and then.
health = _table(
    "health",
    Column("id", INTEGER, primary_key=True),
    Column("part", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("reasons", TEXT, nullable=False),
    Column("since", INTEGER, nullable=False),
    Column("recorded_at", INTEGER, nullable=False),
    Index(None, "part", "id"),
    Index(None, "recorded_at"),
)

# One row, replaced at every look: what health said last, and the proof that the store takes a commit.
health_overview = _table(
    "health_overview",
    Column("id", INTEGER, primary_key=True, autoincrement=False),
    Column("time", INTEGER, nullable=False),
    Column("body", TEXT, nullable=False),
)

# What each trading process said last of itself. ``dropped_at``: when it last said that more was dropped than before.
client_reports = _table(
    "client_reports",
    Column("strategy", TEXT, primary_key=True),
    Column("client", TEXT, primary_key=True),
    Column("time", INTEGER, nullable=False),
    Column("dropped", INTEGER, nullable=False),
    Column("dropped_at", INTEGER),
    Column("body", TEXT, nullable=False),
    Column("source", TEXT, nullable=False),
    Column("event_id", TEXT, nullable=False),
    Column("recorded_at", INTEGER, nullable=False),
    Index(None, "time"),
)
