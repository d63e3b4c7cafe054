"""The examples as they stand, and what is told of every change."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import structlog

from events.codec import encode
from events.moments import moment
from schemas.attributed import Contribution, ExamplesOverdue, ExampleState, OutcomeAttributed, OutcomeClass, Subject
from schemas.event import Envelope
from store.examples import Example, Examples, Revision
from store.instruments import Instruments
from store.outbox import Outbox
from store.tallies import Tallies, told
from store.work import Work
from workers.join.join import Finding

log = structlog.get_logger()

OWNER = "attribution"
PENDING = ExampleState.PENDING.value
GIVEN_UP = (ExampleState.CENSORED.value, ExampleState.LOST.value)


_CONTRIBUTIONS = msgspec.json.Decoder(list[Contribution])


class Change(NamedTuple):
    """An example that is not what it was: its finding, what stands (None where it is new) and what will stand."""

    finding: Finding
    before: Revision | None
    after: Revision

    @property
    def told(self) -> bool:
        """Whether an event tells it. That a new example is pending tells nobody anything."""
        return self.after.revision > 0


class Ledger:
    """Writes what changed of one strategy's examples, each with the event that tells it.

    The event takes back exactly what stood before. A pending example that was given up stays so until its
    facts come after all, and then is ``late``.
    """

    def __init__(self, work: Work, strategy: str) -> None:
        self._strategy = strategy
        self._work = work
        self._examples = Examples(work.connection, strategy)

    def enter(self, findings: Iterable[Finding]) -> None:
        """Bring the examples in line with ``findings``; what already stands so stays untouched."""
        found = list(findings)
        stands = self._examples.get(finding.example.id for finding in found)
        merged = [(_merged(finding, stands.get(finding.example.id))) for finding in found]
        changed = [
            (finding, before)
            for finding in merged
            if (before := stands.get(finding.example.id)) is None or before.example != finding.example
        ]
        self._write(changed)

    def end(self, overdue: ExamplesOverdue, *, time: int) -> None:
        """Give the named examples up that are still pending."""
        waiting = [row for row in self._examples.get(overdue.examples).values() if row.example.state == PENDING]
        symbols = Instruments(self._work.connection).symbols(row.example.instrument for row in waiting)
        changed: list[tuple[Finding, Revision | None]] = []
        for row in waiting:
            ended = row.example._replace(state=overdue.state.value, reason=overdue.reason)
            changed.append((Finding(ended, symbols[row.example.instrument], None, None, time), row))
        self._write(changed)

    def _write(self, changed: Sequence[tuple[Finding, Revision | None]]) -> None:
        if not changed:
            return
        first = self._work.take(len(changed))
        changes = [
            Change(finding, before, _next(finding.example, before, sequence=first + place))
            for place, (finding, before) in enumerate(changed)
        ]
        self._examples.add([change.after for change in changes if change.before is None])
        self._examples.replace([(change.before, change.after) for change in changes if change.before is not None])
        letters = [encode(_letter(change, now=self._work.now)) for change in changes if change.told]
        Outbox(self._work.connection).add_all(OWNER, OutcomeAttributed.type, letters, now=self._work.now)
        Tallies(self._work.connection).add(told(self._strategy), len(letters))
        _warn(changes)


def _merged(finding: Finding, stands: Revision | None) -> Finding:
    """The finding, but for an example that was given up and still has not got its facts."""
    if stands is None or finding.example.state != PENDING or stands.example.state not in GIVEN_UP:
        return finding
    given_up = finding.example._replace(state=stands.example.state, reason=stands.example.reason)
    return finding._replace(example=given_up)


def _next(example: Example, before: Revision | None, *, sequence: int) -> Revision:
    pending = example.state == PENDING
    if before is None:
        return Revision(example, int(not pending), sequence, sequence, None if pending else sequence, late=False)
    settled = before.settled_sequence or sequence
    late = before.late or (before.example.state in GIVEN_UP and example.state == ExampleState.MATCHED.value)
    return Revision(
        example, before.revision + 1, before.created_sequence, sequence, None if pending else settled, late=late
    )


def _letter(change: Change, *, now: int) -> Envelope:
    example, revision = change.after.example, change.after.revision
    finding = change.finding
    return Envelope(
        source=OWNER,
        id=f"{example.id}/{revision}",
        time=min(finding.time, now),
        data=OutcomeAttributed(
            strategy=example.strategy,
            example_id=example.id,
            revision=revision,
            sequence=change.after.sequence,
            subject=Subject(example.subject),
            subject_id=example.subject_id,
            symbol=finding.symbol,
            unit=example.unit,
            session=example.session,
            horizon=example.horizon,
            state=ExampleState(example.state),
            reason=example.reason,
            entry_time=None if finding.entry_time is None else moment(finding.entry_time),
            exit_time=None if finding.exit_time is None else moment(finding.exit_time),
            return_=example.return_,
            mfe=example.mfe,
            mae=example.mae,
            volatility=example.volatility,
            outcome_class=OutcomeClass(example.outcome_class) if example.outcome_class else None,
            score=example.score,
            contributions=_contributions(example),
            replaced=_contributions(change.before.example) if change.before else [],
        ),
    )


def _contributions(example: Example) -> list[Contribution]:
    return _CONTRIBUTIONS.decode(example.contributions)


def _warn(changes: Sequence[Change]) -> None:
    """Units that add nothing though they should are counted aloud, with one of them for an example."""
    amiss = [change.after.example for change in changes if change.after.example.reason and change.told]
    uncounted = [example for example in amiss if example.state == ExampleState.MATCHED.value]
    if uncounted:
        first = uncounted[0]
        log.warning("examples.uncounted", count=len(uncounted), example=first.id, unit=first.unit, reason=first.reason)
