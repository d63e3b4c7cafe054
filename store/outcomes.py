"""The outcomes that trading told: which of them wait, and which bear no name."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, Select, bindparam, func, select, text, update

from schemas.vocabulary import Action
from store.dialects import rows_of, run
from store.facts import OutcomeRow
from store.portions import portions
from store.tables import alerts, decisions, fills, instruments, outcomes


class Names(NamedTuple):
    """Names of decisions, positions and alerts."""

    decisions: frozenset[str]
    positions: frozenset[str]
    alerts: frozenset[str]


class WaitingOutcome(NamedTuple):
    """A waiting outcome and what it says that it is the outcome of."""

    sequence: int
    decision_id: str | None
    position_id: str | None
    alert_id: str | None


class Unjoined(NamedTuple):
    """An outcome that waits, when it happened, and by what it could be joined."""

    outcome_id: str
    time: int
    decision_id: str | None
    position_id: str | None
    alert_id: str | None
    instrument: int | None
    entry_time: int | None


class Nameless(NamedTuple):
    """An outcome that bears no name but a symbol: the ``direction`` of its position and when that was entered."""

    sequence: int
    instrument: int
    venue: str
    direction: str | None
    entry_time: int
    joined: int
    row: OutcomeRow


_WAITING = text("outcomes.joined = 0")
"""Written out, because a bound value does not lead to the index of those that wait."""

BUY = Action.BUY.value


class Outcomes:
    """The outcomes of one strategy, within a transaction."""

    def __init__(self, connection: Connection, strategy: str) -> None:
        self._connection = connection
        self._strategy = strategy

    def there(self, names: Names) -> Names:
        """Those of ``names`` that lead to a case: what was bought into a position, or because of an alert, too."""
        found = {
            asked: frozenset(one for chosen in _leading(asked) for one in self._found(chosen, getattr(names, asked)))
            for asked in Names._fields
        }
        return Names(**found)

    def waiting(self, names: Names) -> list[WaitingOutcome]:
        """The waiting outcomes that bear one of ``names``, each once."""
        found: dict[int, WaitingOutcome] = {}
        for asked in Names._fields:
            for portion in portions(sorted(getattr(names, asked))):
                rows = rows_of(self._connection, _naming(asked), strategy=self._strategy, names=portion)
                found.update((row[0], WaitingOutcome._make(row)) for row in rows)
        return list(found.values())

    def stored(self, outcome_ids: Iterable[str]) -> set[str]:
        """Those of these ids that an outcome bears already."""
        return set(self._found(_stored(), set(outcome_ids)))

    def unjoined(self, outcome_ids: Iterable[str]) -> list[Unjoined]:
        """Those of these outcomes that wait, by id."""
        chosen = select(*(outcomes.c[name] for name in Unjoined._fields)).where(
            outcomes.c.strategy == self._strategy, outcomes.c.joined == 0
        )
        found: list[Unjoined] = []
        for portion in portions(sorted(set(outcome_ids))):
            rows = self._connection.execute(chosen.where(outcomes.c.outcome_id.in_(portion)))
            found.extend(map(Unjoined._make, rows))
        return sorted(found)

    def mark(self, sequences: Iterable[int], *, joined: bool) -> None:
        """What these are the outcomes of is there, or no longer certain."""
        run(self._connection, _MARK, [{"of": sequence, "now": int(joined)} for sequence in sorted(sequences)])

    def count_waiting(self, *, before: int | None = None) -> int:
        """How many really wait, or only those of before a moment."""
        chosen = select(func.count()).select_from(outcomes).where(outcomes.c.strategy == self._strategy, _WAITING)
        if before is not None:
            chosen = chosen.where(outcomes.c.time < before)
        return int(self._connection.execute(chosen).scalar_one())

    def any_nameless(self) -> bool:
        """Whether any outcome bears no name, of any strategy."""
        return bool(rows_of(self._connection, _any_nameless()))

    def nameless(self, entered: Iterable[int], *, since: int, until: int) -> Iterator[Nameless]:
        """Those without a name whose positions in these instruments were entered from ``since`` to ``until``."""
        for portion in portions(sorted(set(entered))):
            for row in rows_of(self._connection, _entered(), instruments=portion, since=since, until=until):
                yield Nameless._make((*row[: _WIDTH - 1], OutcomeRow._make(row[_WIDTH - 1 :])))

    def _found(self, chosen: Select[Any], names: Iterable[str]) -> Iterator[str]:
        for portion in portions(sorted(names)):
            for (name,) in rows_of(self._connection, chosen, strategy=self._strategy, names=portion):
                yield name


_MARK = update(outcomes).where(outcomes.c.sequence == bindparam("of")).values(joined=bindparam("now"))
_WIDTH = len(Nameless._fields)
_NAMES: BindParameter[Any] = bindparam("names", expanding=True)
_COLUMNS: Mapping[str, str] = {"decisions": "decision_id", "positions": "position_id", "alerts": "alert_id"}


@cache
def _leading(asked: str) -> tuple[Select[Any], ...]:
    """What finds the names of that sort that lead to a case."""
    if asked == "decisions":
        return (_named(select(decisions.c.decision_id), "decision_id"),)
    bought = _named(select(decisions.c[_COLUMNS[asked]]), _COLUMNS[asked]).where(decisions.c.action == BUY)
    if asked == "alerts":
        own = select(alerts.c.alert_id).where(alerts.c.strategy == bindparam("strategy"), alerts.c.alert_id.in_(_NAMES))
        return own, bought
    filled = (
        select(fills.c.position_id)
        .join(decisions, (decisions.c.strategy == fills.c.strategy) & (decisions.c.decision_id == fills.c.decision_id))
        .where(fills.c.strategy == bindparam("strategy"), fills.c.position_id.in_(_NAMES), decisions.c.action == BUY)
    )
    return bought, filled


def _named(chosen: Select[Any], column: str) -> Select[Any]:
    return chosen.where(decisions.c.strategy == bindparam("strategy"), decisions.c[column].in_(_NAMES))


@cache
def _naming(asked: str) -> Select[Any]:
    return select(*(outcomes.c[name] for name in WaitingOutcome._fields)).where(
        outcomes.c.strategy == bindparam("strategy"), outcomes.c[_COLUMNS[asked]].in_(_NAMES), _WAITING
    )


@cache
def _stored() -> Select[Any]:
    return select(outcomes.c.outcome_id).where(
        outcomes.c.strategy == bindparam("strategy"), outcomes.c.outcome_id.in_(_NAMES)
    )


@cache
def _any_nameless() -> Select[Any]:
    return select(outcomes.c.sequence).where(outcomes.c.instrument.is_not(None)).limit(1)


@cache
def _entered() -> Select[Any]:
    own = (instruments.c.venue if name == "venue" else outcomes.c[name] for name in Nameless._fields[:-1])
    return (
        select(*own, *(outcomes.c[name] for name in OutcomeRow._fields))
        .join(instruments, instruments.c.id == outcomes.c.instrument)
        .where(
            outcomes.c.instrument.in_(bindparam("instruments", expanding=True)),
            outcomes.c.entry_time.between(bindparam("since"), bindparam("until")),
        )
    )
