"""Outcomes whose alert, decision or position has not come yet."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from store.facts import Facts
from store.outcomes import Names, Outcomes
from store.tallies import Tallies, accepted, reported
from workers.join.cases import BUY
from workers.join.names import most_exact
from workers.join.rules import Rules

JOINED, INFERRED, WAITING = "joined", "inferred", "waiting"
"""What may have become of an outcome: joined by what it names, joined by the registry's rule, or waiting."""

Row = Mapping[str, Any]


class Waiting:
    """Keeps ``outcomes.joined`` true, within a transaction: 1 once a case is there that the outcome is about.

    An outcome is about the most exact of the names that it bears: its decision; else the decisions that bought into
    its position, by their own word or by their fills; else its alert and the decisions that bought because of it.
    What bears no name waits for the registry's rule, see ``Inference``. Nothing that waits is ever thrown away.
    ``settled`` is the newest settled session, "" where none is.
    """

    def __init__(self, connection: Connection, rules: Rules, *, settled: str) -> None:
        self._rules = rules
        self._settled = settled
        self._strategy = rules.registry.strategy
        self._limit = rules.market.waiting_limit
        self._facts = Facts(connection, self._strategy)
        self._outcomes = Outcomes(connection, self._strategy)
        self._tallies = Tallies(connection)

    def known(self, rows: Sequence[Row]) -> list[bool]:
        """Of each outcome, stored or not, whether a case is there that it is about."""
        there = self._outcomes.there(_names(most_exact(row) for row in rows))
        return [name in getattr(there, f"{sort}s") for sort, name in map(most_exact, rows)]

    def arrived(self, rows: Sequence[Row]) -> None:
        """Count outcomes that were just stored, and mark those that need not wait.

        Rows may be stored with ``joined`` as ``known`` says, which saves marking them afterwards.
        """
        known = self.known(rows)
        marked = [row["sequence"] for row, is_known in zip(rows, known, strict=True) if is_known and not row["joined"]]
        self._outcomes.mark(marked, joined=True)
        self._tallies.move(
            {
                accepted(self._strategy, "outcomes"): len(rows),
                reported(self._strategy, JOINED): sum(known),
                reported(self._strategy, WAITING): len(rows) - sum(known),
            }
        )

    def subjects_came(
        self, *, alerts: Iterable[str] = (), decisions: Iterable[str] = (), positions: Iterable[str] = ()
    ) -> None:
        """Mark the outcomes that waited for these: new alerts and decisions, and the positions that new fills name."""
        if not self._count():
            return
        came = self._facts.decisions(ids=decisions)
        bought = [row for row in came if row.action == BUY]
        filled = self._facts.filled(decisions=[row.decision_id for row in bought])
        names = Names(
            decisions=frozenset(row.decision_id for row in came),
            positions=frozenset(
                [*positions, *(row.position_id for row in bought if row.position_id), *(p for _, p in filled)]
            ),
            alerts=frozenset([*alerts, *(row.alert_id for row in bought if row.alert_id)]),
        )
        waited = self._outcomes.waiting(names)
        known = self.known([row._asdict() for row in waited])
        marked = [row.sequence for row, is_known in zip(waited, known, strict=True) if is_known]
        self._outcomes.mark(marked, joined=True)
        self._tallies.move(
            {reported(self._strategy, JOINED): len(marked), reported(self._strategy, WAITING): -len(marked)}
        )

    def has_room(self, count: int) -> bool:
        """Whether ``count`` more outcomes may wait.

        Those that nobody claimed for longer than the registry allows take no room.
        """
        waiting = self._count()
        return waiting + count <= self._limit or waiting - self._unclaimed() + count <= self._limit

    def crowded_out(self, rows: Sequence[Row]) -> dict[int, str]:
        """The outcomes that would have to wait and find no room, by sequence, and why: who comes first has it.

        Those that are stored already have theirs.
        """
        waiting = self._count() - self._unclaimed()
        here = self._outcomes.stored(row["outcome_id"] for row in rows)
        refused = {}
        for row, is_known in zip(rows, self.known(rows), strict=True):
            if is_known or row["outcome_id"] in here:
                continue
            if waiting < self._limit:
                waiting += 1
                here.add(row["outcome_id"])
            else:
                refused[row["sequence"]] = self._full(waiting)
        return refused

    def _full(self, waiting: int) -> str:
        wait = "outcome already waits for what it is" if waiting == 1 else "outcomes already wait for what they are"
        return (
            f"{waiting:,} {wait} the outcome of, in strategy {self._strategy!r}, and its registry allows "
            f"{self._limit:,} (waiting_limit); send the alert or decision first, or allow more"
        )

    def _unclaimed(self) -> int:
        if not self._settled:
            return 0
        before = self._rules.long_ago(self._settled, by=self._rules.market.waiting_sessions)
        return self._outcomes.count_waiting(before=before)

    def _count(self) -> int:
        return self._tallies.value(reported(self._strategy, WAITING))


def _names(named: Iterable[tuple[str, str]]) -> Names:
    sorts: dict[str, set[str]] = {sort: set() for sort in Names._fields}
    for sort, name in named:
        sorts[f"{sort}s"].add(name)
    return Names(**{sort: frozenset(names - {""}) for sort, names in sorts.items()})
