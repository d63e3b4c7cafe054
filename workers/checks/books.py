"""Whether the books of every strategy balanced when they were reconciled last."""

from sqlalchemy import Connection

from schemas.reports import BooksReconciled, HealthState
from store.reconciliations import Reconciliations
from workers.checks.reading import Figure, Reading, Reason, part_name


class BooksCheck:
    """Reads the last reconciliation of each strategy."""

    def look(self, reading: Connection) -> list[Reading]:
        """One reading for each strategy whose books were ever reconciled. Raises what the driver raises."""
        kept = Reconciliations(reading)
        return [_reading(made) for name in kept.strategies() if (made := kept.latest(name))]


def _reading(made: BooksReconciled) -> Reading:
    state = made.state if made.state is HealthState.CRITICAL else HealthState.DEGRADED
    advice = f"`learning books --strategy {made.strategy}` shows all of it, and docs/books.md what to do"
    reasons = tuple(
        Reason(f"issue {issue}", f"session {made.session}: {issue}; {advice}", state) for issue in made.issues
    )
    return Reading(
        part_name("books", made.strategy), reasons, (Figure("books_issues", len(made.issues), (made.strategy,)),)
    )
