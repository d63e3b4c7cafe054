"""How the rows of schema 0001 come into the tables of 0002.

What 0001 kept in no column is read from the body of the fact, where trading told it; what nobody told stays missing.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, text

from schemas.errors import EngineError

if TYPE_CHECKING:
    from schemas.calendar import Calendar

AT_ONCE = 10_000
USUAL_CALENDAR = "XNYS"

Row = dict[str, Any]
Said = dict[str, Any]
Calendars = Mapping[str, "Calendar"]
"""The calendar of each strategy."""

_SET_ASIDE = (
    "CREATE TABLE old_instruments AS SELECT * FROM instruments",
    "CREATE TABLE old_alerts AS SELECT * FROM alerts",
    "CREATE TABLE old_decisions AS SELECT * FROM decisions",
    "CREATE TABLE old_fills AS SELECT * FROM fills",
    "CREATE TABLE old_outcomes AS SELECT * FROM outcomes",
    "CREATE TABLE old_prices AS SELECT * FROM prices",
    "CREATE TABLE old_theses AS SELECT * FROM theses",
    "CREATE TABLE old_sessions AS SELECT * FROM sessions",
    "CREATE TABLE old_examples AS SELECT * FROM examples",
    "CREATE TABLE old_entries AS SELECT strategy, subject, subject_id, MIN(entry_session) AS entry_session "
    "FROM examples GROUP BY strategy, subject, subject_id",
    "CREATE TABLE old_moments (strategy TEXT, session TEXT, opens BIGINT, closes BIGINT, "
    "PRIMARY KEY (strategy, session))",
    "DROP TABLE examples",
    "DROP TABLE sessions",
    "DROP TABLE theses",
    "DROP TABLE prices",
    "DROP TABLE outcomes",
    "DROP TABLE fills",
    "DROP TABLE decisions",
    "DROP TABLE alerts",
    "DROP TABLE instruments",
)

_ALERTS = """
    SELECT f.*, e.entry_session FROM old_alerts f LEFT JOIN old_entries e
    ON e.strategy = f.strategy AND e.subject = 'alert' AND e.subject_id = f.alert_id ORDER BY f.sequence
"""

_DECISIONS = """
    SELECT f.*, e.entry_session FROM old_decisions f LEFT JOIN old_entries e
    ON e.strategy = f.strategy AND e.subject = 'decision' AND e.subject_id = f.decision_id ORDER BY f.sequence
"""

_SESSIONS_NAMED = """
    SELECT strategy, due AS session FROM old_examples
    UNION SELECT strategy, entry_session FROM old_examples
    UNION SELECT strategy, session FROM old_prices WHERE interval = '1d'
"""

_INSTRUMENTS = (
    "INSERT INTO instruments (id, strategy, venue, symbol, currency) "
    "SELECT id, strategy, venue, symbol, currency FROM old_instruments",
    "INSERT INTO listings (strategy, venue, symbol, since, instrument, because) "
    "SELECT strategy, venue, symbol, 0, id, 'first' FROM old_instruments",
)

# A daily bar ends with its session, whatever its source said; of two that were told of one, the better stays.
_PRICES = """
    INSERT INTO prices (instrument, interval, time, source, event_id, recorded_at, session,
                        open, high, low, close, volume, factor, final, revision, entry)
    SELECT instrument, interval, ends, source, event_id, recorded_at, session,
           open, high, low, close, volume, factor, final, 0, entry
    FROM (
        SELECT timed.*, ROW_NUMBER() OVER (
            PARTITION BY instrument, interval, ends, source ORDER BY final DESC, sequence DESC
        ) AS place
        FROM (
            SELECT p.*, CASE WHEN p.interval = '1d' THEN m.closes ELSE p.time END AS ends
            FROM old_prices p LEFT JOIN old_moments m ON m.strategy = p.strategy AND m.session = p.session
        ) AS timed
    ) AS ranked
    WHERE place = 1
"""

# An outcome belongs to the most exact of the names that it bears: its decision; else the decisions that bought into
# its position, by their own word or by their fills; else its alert and the decisions that bought because of it.
_OUTCOMES = """
    INSERT INTO outcomes (sequence, source, event_id, strategy, time, recorded_at, body, outcome_id,
                          decision_id, alert_id, position_id, horizon, gross, net, joined)
    SELECT sequence, source, event_id, strategy, time, recorded_at, body, outcome_id,
           decision_id, alert_id, position_id, horizon, gross, net,
           CASE
               WHEN decision_id IS NOT NULL AND EXISTS (
                   SELECT 1 FROM decisions d WHERE d.strategy = o.strategy AND d.decision_id = o.decision_id
               ) THEN 1
               WHEN decision_id IS NOT NULL THEN 0
               WHEN position_id IS NOT NULL AND EXISTS (
                   SELECT 1 FROM decisions d
                   WHERE d.strategy = o.strategy AND d.position_id = o.position_id AND d.action = 'BUY'
               ) THEN 1
               WHEN position_id IS NOT NULL AND EXISTS (
                   SELECT 1 FROM fills f JOIN decisions d ON d.strategy = f.strategy AND d.decision_id = f.decision_id
                   WHERE f.strategy = o.strategy AND f.position_id = o.position_id AND d.action = 'BUY'
               ) THEN 1
               WHEN position_id IS NOT NULL THEN 0
               WHEN EXISTS (
                   SELECT 1 FROM alerts a WHERE a.strategy = o.strategy AND a.alert_id = o.alert_id
               ) THEN 1
               WHEN EXISTS (
                   SELECT 1 FROM decisions d
                   WHERE d.strategy = o.strategy AND d.alert_id = o.alert_id AND d.action = 'BUY'
               ) THEN 1
               ELSE 0
           END
    FROM old_outcomes o
"""

# What was measured from prices ran from the open of the entry session to the close of the last one.
_EXAMPLES = """
    INSERT INTO examples (fact, horizon, origin, strategy, subject, subject_id, instrument, unit, session, due,
                          state, reason, marks, late, revision, sequence, entry_time, exit_time, entry_price,
                          exit_price, "return", net, mfe, mae, volatility, outcome_class, exit_reason, contributions)
    SELECT COALESCE(a.sequence, d.sequence), e.horizon, e.origin, e.strategy, e.subject, e.subject_id, e.instrument,
           e.unit, e.session, due.closes, e.state, e.reason, '', e.late, e.revision, e.sequence,
           CASE WHEN e.origin = 'prices' AND e.entry_price IS NOT NULL THEN entry.opens END,
           CASE WHEN e.origin = 'prices' AND e.exit_price IS NOT NULL THEN due.closes END,
           e.entry_price, e.exit_price, e."return", e.net, e.mfe, e.mae, e.volatility,
           e.outcome_class, e.exit_reason, e.contributions
    FROM old_examples e
    JOIN old_moments due ON due.strategy = e.strategy AND due.session = e.due
    JOIN old_moments entry ON entry.strategy = e.strategy AND entry.session = e.entry_session
    LEFT JOIN alerts a ON e.subject = 'alert' AND a.strategy = e.strategy AND a.alert_id = e.subject_id
    LEFT JOIN decisions d ON e.subject = 'decision' AND d.strategy = e.strategy AND d.decision_id = e.subject_id
"""

_OPEN = "SELECT strategy, horizon, origin, session, created_sequence, settled_sequence FROM old_examples"

_DROP = (
    "DROP TABLE old_moments",
    "DROP TABLE old_entries",
    "DROP TABLE old_examples",
    "DROP TABLE old_sessions",
    "DROP TABLE old_theses",
    "DROP TABLE old_prices",
    "DROP TABLE old_outcomes",
    "DROP TABLE old_fills",
    "DROP TABLE old_decisions",
    "DROP TABLE old_alerts",
    "DROP TABLE old_instruments",
)


def set_aside(connection: Connection) -> None:
    """Keep the rows of the changed tables apart and remove these, those that refer to others first."""
    for statement in _SET_ASIDE:
        connection.execute(text(statement))


def carry_over(connection: Connection) -> None:
    """Fill the new tables from what was set aside, and remove that."""
    calendars = _calendars(connection)
    _note_moments(connection, calendars)
    for statement in (*_INSTRUMENTS, _PRICES):
        connection.execute(text(statement))
    _rewrite(connection, _ALERTS, "alerts", lambda row, said: _alert(row, said, calendars[row["strategy"]]))
    _rewrite(connection, _DECISIONS, "decisions", lambda row, said: _decision(row, said, calendars[row["strategy"]]))
    _rewrite(connection, "SELECT * FROM old_fills ORDER BY sequence", "fills", _fill)
    theses = "SELECT * FROM old_theses ORDER BY sequence"
    _rewrite(connection, theses, "theses", lambda row, said: _thesis(row, said, calendars[row["strategy"]]))
    for statement in (_OUTCOMES, _EXAMPLES):
        connection.execute(text(statement))
    _carry_sessions(connection)
    for statement in _DROP:
        connection.execute(text(statement))


def _calendars(connection: Connection) -> Calendars:
    """By the registry in force; the usual one where none was ever recorded."""
    strategies = connection.execute(text("SELECT DISTINCT strategy FROM old_instruments")).scalars().all()
    if not strategies:
        return {}
    from schemas.calendar import Calendar  # noqa: PLC0415 - slow to import, and a new store needs none

    in_force = text(
        "SELECT DISTINCT r.strategy, r.body FROM registries r "
        "JOIN parameters p ON p.strategy = r.strategy AND p.registry = r.hash"
    )
    said = {strategy: msgspec.json.decode(body) for strategy, body in connection.execute(in_force)}
    names = {strategy: said.get(strategy, {}).get("market", {}).get("calendar") for strategy in strategies}
    return {strategy: Calendar.named(name or USUAL_CALENDAR) for strategy, name in names.items()}


def _rewrite(connection: Connection, chosen: str, table: str, made: Callable[[Row, Said], Row]) -> None:
    """Each row, with the body of its fact, becomes a row of ``table``."""
    found = connection.execute(text(chosen), execution_options={"yield_per": AT_ONCE})
    for portion in found.mappings().partitions(AT_ONCE):
        rows = [made(dict(row), msgspec.json.decode(row["body"])) for row in portion]
        connection.execute(sa.insert(sa.table(table, *map(sa.column, rows[0]))), rows)


def _alert(row: Row, said: Said, calendar: "Calendar") -> Row:
    return row | {
        "entry_session": row["entry_session"] or calendar.first_open_at_or_after(row["time"]),
        "assignments": _json(said.get("assignments")),
    }


def _decision(row: Row, said: Said, calendar: "Calendar") -> Row:
    told = {name: said.get(name) for name in ("thesis_id", "score", "stop", "target", "max_hold", "regime")}
    return (
        row
        | told
        | {
            "named_unit": int(said.get("unit") is not None),
            "entry_session": row["entry_session"] or calendar.first_open_at_or_after(row["time"]),
            "assignments": _json(said.get("assignments")),
        }
    )


def _fill(row: Row, said: Said) -> Row:
    return row | {"account": said.get("account") or "", "multiplier": said.get("multiplier") or 1.0}


def _thesis(row: Row, said: Said, calendar: "Calendar") -> Row:
    told = {name: said.get(name) for name in ("confidence", "alert_id", "decision_id", "position_id")}
    return (
        row
        | told
        | {
            "unit": f"thesis/{row['thesis_id']}",
            "session": _session(row["time"], calendar.session_of),
            "entry_session": _session(row["time"], calendar.first_open_at_or_after),
        }
    )


def _session(time: int, session_at: Callable[[int], str]) -> str:
    """The session at a moment, which 0001 did not ask of theses; the moment's date where the calendar ends before."""
    try:
        return session_at(time)
    except EngineError:
        return datetime.fromtimestamp(time / 1_000_000, UTC).date().isoformat()


def _json(value: object) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _note_moments(connection: Connection, calendars: Calendars) -> None:
    named = connection.execute(text(_SESSIONS_NAMED)).all()
    moments = [
        {"strategy": strategy, "session": session, **_moments(session, calendars[strategy])}
        for strategy, session in named
    ]
    if moments:
        connection.execute(text("INSERT INTO old_moments VALUES (:strategy, :session, :opens, :closes)"), moments)


def _moments(session: str, calendar: "Calendar") -> dict[str, int]:
    """A session's open and close; the beginning of its date for a session of a calendar that is no longer in force."""
    if calendar.is_session(session):
        return {"opens": calendar.open_of(session), "closes": calendar.close_of(session)}
    midnight = int(datetime.fromisoformat(session).replace(tzinfo=UTC).timestamp()) * 1_000_000
    return {"opens": midnight, "closes": midnight}


def _carry_sessions(connection: Connection) -> None:
    chosen = "SELECT * FROM old_sessions ORDER BY strategy, cut"
    strategies: dict[str, list[Row]] = defaultdict(list)
    for row in connection.execute(text(chosen)).mappings():
        strategies[row["strategy"]].append(dict(row))
    pending = _pending(connection, {strategy: [row["cut"] for row in rows] for strategy, rows in strategies.items()})
    rows = [
        row | {"pending": _json(pending[strategy][place])}
        for strategy, rows in strategies.items()
        for place, row in enumerate(rows)
    ]
    if rows:
        connection.execute(sa.insert(sa.table("sessions", *map(sa.column, rows[0]))), rows)


def _pending(connection: Connection, cuts: Mapping[str, list[int]]) -> dict[str, list[dict[str, list[str]]]]:
    """For each cut of each strategy, rising, the assignment sessions of the examples that were pending at it."""
    open_at: dict[tuple[str, str, str, str], bytearray] = {}
    for *group, created, settled in connection.execute(text(_OPEN)):
        known = cuts.get(group[0], [])
        since, until = bisect_left(known, created), len(known) if settled is None else bisect_left(known, settled)
        if since < until:
            flags = open_at.setdefault((group[0], group[1], group[2], group[3]), bytearray(len(known)))
            flags[since:until] = b"\1" * (until - since)
    found: dict[str, list[dict[str, list[str]]]] = {strategy: [{} for _ in known] for strategy, known in cuts.items()}
    for (strategy, horizon, origin, session), flags in sorted(open_at.items()):
        for place in (place for place, is_open in enumerate(flags) if is_open):
            found[strategy][place].setdefault(f"{horizon}/{origin}", []).append(session)
    return found
