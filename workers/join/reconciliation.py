"""Reconciles the books of a strategy: what came in against what stands in them, whenever a session settles."""

from collections import Counter
from collections.abc import Iterable, Sequence

import structlog
from sqlalchemy import Connection

from events.codec import encode
from schemas.event import Envelope, Event
from schemas.reports import BooksReconciled, HealthReported, HealthState
from store.books import FACTS, Books, came_between, expected, tallied
from store.outbox import Outbox
from store.outcomes import Outcomes
from store.reconciliations import Reconciliations
from store.work import Work
from workers.join.balance import Issue, issues
from workers.join.ledger import OWNER
from workers.join.rules import Rules
from workers.join.waiting import INFERRED, JOINED, WAITING

log = structlog.get_logger()

PART = "books"
UNCLAIMED = "unclaimed"
MOST = 256
"""So many counts by name fit into one event."""


def reconcile(work: Work, rules: Rules, *, session: str, cut: int) -> BooksReconciled:
    """Compare what came in with what stands, keep the result and tell it, with the health of the part ``books``.

    Belongs at the end of the transaction that settles ``session`` with ``cut``. It looks at no example but those that
    are pending, and at no fact but those since the last time: all else are running counts.
    """
    kept = Reconciliations(work.connection)
    before = kept.latest(rules.registry.strategy)
    made, _ = stock_of(work.connection, rules, session=session, cut=cut)
    if kept.add(made):
        _tell(work, rules, made, was_unbalanced=before is not None and bool(before.issues))
    return made


def stock_of(
    connection: Connection, rules: Rules, *, session: str, cut: int
) -> tuple[BooksReconciled, Sequence[Issue]]:
    """What came in up to ``cut`` against what stands now, and what does not add up. ``session`` settled last."""
    strategy = rules.registry.strategy
    books = tallied(connection, strategy)
    rows = _rows(connection, strategy, before=Reconciliations(connection).latest(strategy), cut=cut)
    found = list(issues(connection, rules, books, rows=rows, session=session))
    made = BooksReconciled(
        strategy=strategy,
        session=session,
        cut=cut,
        came_in=rows,
        expected=sum(expected(connection, strategy).values()),
        states=_counts((place.state, count) for place, count in books.standing.items()),
        by_horizon=_counts(("/".join(place[1:]), count) for place, count in books.standing.items()),
        marks=_counts(books.marked.items()),
        outcomes=_outcomes(connection, rules, books, session=session),
        issues=[issue.text for issue in found],
        state=_state(found),
    )
    return made, found


def _rows(connection: Connection, strategy: str, *, before: BooksReconciled | None, cut: int) -> dict[str, int]:
    """The facts that are there by sort: those of the last time, and those that came since."""
    came_in, after = (before.came_in, before.cut) if before else ({}, -1)
    return {
        sort: came_in.get(sort, 0) + came_between(connection, table, strategy, after=after, until=cut)
        for sort, table in FACTS.items()
    }


def _outcomes(connection: Connection, rules: Rules, books: Books, *, session: str) -> dict[str, int]:
    """What became of the outcomes; those that have waited longer than the registry allows are unclaimed."""
    moment = rules.long_ago(session, by=rules.market.waiting_sessions)
    unclaimed = Outcomes(connection, rules.registry.strategy).count_waiting(before=moment)
    counts = {fate: books.reported.get(fate, 0) for fate in (JOINED, INFERRED, WAITING)}
    counts[WAITING] = max(0, counts[WAITING] - unclaimed)
    return counts | {UNCLAIMED: unclaimed}


def _counts(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Added up by name, as they fit into an event: not below 0, and the rarest left out where there are too many."""
    found: Counter[str] = Counter()
    for name, count in pairs:
        found[name] += max(0, count)
    return dict(sorted(found.most_common(MOST)))


def _tell(work: Work, rules: Rules, made: BooksReconciled, *, was_unbalanced: bool) -> None:
    time = min(rules.calendar.close_of(made.session), work.now)
    name = f"{made.strategy}/{made.session}/{PART}"
    letters: dict[str, Event] = {name: made}
    if made.issues or was_unbalanced:
        letters[f"{name}/health"] = _health(made)
    for identity, data in letters.items():
        envelope = Envelope(source=OWNER, id=identity, time=time, data=data)
        Outbox(work.connection).add(OWNER, data.type, encode(envelope), now=work.now)
    if made.issues:
        log.warning("books.unbalanced", strategy=made.strategy, session=made.session, issues=made.issues)


def _state(found: Sequence[Issue]) -> HealthState:
    if any(issue.state is HealthState.CRITICAL for issue in found):
        return HealthState.CRITICAL
    return HealthState.DEGRADED if found else HealthState.HEALTHY


def _health(made: BooksReconciled) -> HealthReported:
    return HealthReported(
        strategy=made.strategy, part=PART, state=made.state or HealthState.HEALTHY, reasons=made.issues
    )
