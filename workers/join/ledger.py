"""The examples as they stand, and what is told of every change."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import structlog

from events.codec import encode
from events.moments import moment
from schemas.attributed import (
    Contribution,
    ExampleState,
    Mark,
    Origin,
    OutcomeAttributed,
    OutcomeClass,
    Subject,
)
from schemas.event import Envelope
from store.awaited import Awaited, Slot, Wait
from store.examples import PENDING, Example, Examples, Key, Revision
from store.outbox import Outbox
from store.tallies import Tallies, late, marked, standing, told
from store.work import Work
from workers.join.figures import bounded
from workers.join.join import Finding, Found
from workers.join.silence import Silence
from workers.join.touched import Touched
from workers.join.view import WITHDRAWN

log = structlog.get_logger()

OWNER = "attribution"
MATCHED = ExampleState.MATCHED.value
GIVEN_UP = (ExampleState.CENSORED.value, ExampleState.LOST.value)

SUBJECTS = {each.value: each for each in Subject}
ORIGINS = {each.value: each for each in Origin}
STATES = {each.value: each for each in ExampleState}
CLASSES: dict[str | None, OutcomeClass] = {each.value: each for each in OutcomeClass}
"""Enumerations by their words: looking one up so takes a third of the time that calling it does."""

_CONTRIBUTIONS = msgspec.json.Decoder(list[Contribution])


class Change(NamedTuple):
    """An example that is not what it was: its finding, the row that stands (None where it has none) and the row that
    will stand."""

    finding: Finding
    before: Revision | None
    after: Revision

    @property
    def told(self) -> bool:
        """Whether an event tells it. That a new example is pending tells nobody anything."""
        return self.after.revision > 0


class Ledger:
    """Writes what changed of one strategy's examples, each with the event that tells it.

    The event takes back exactly what stood before. The running counts of the books move with the rows.
    """

    def __init__(self, work: Work, strategy: str) -> None:
        self._strategy = strategy
        self._work = work
        self._examples = Examples(work.connection, strategy)

    def enter(self, found: Found, touched: Touched) -> None:
        """Bring the examples in line with what was ``found``; what already stands so stays untouched.

        Examples that were read on the way stand as ``touched`` has them.
        """
        silence = Silence(found.waits, strategy=self._strategy)
        findings = {finding.example.key: finding for finding in found.findings}
        stands = self._stands((*findings, *(one.key for one in found.unfilled)), silence, touched)
        for one in found.unfilled:
            if one.key in stands or not silence.holds(one):
                findings[one.key] = one.finding(self._strategy)
        changed = [
            (key, finding, before)
            for key, finding in sorted(findings.items())
            if (before := stands.get(key)) is None or before.example != finding.example
        ]
        changes = self._numbered(changed, silence)
        silence.write(Awaited(self._work.connection, self._strategy))
        self._examples.add([change.after for change in changes if change.before is None])
        self._examples.replace([(change.before, change.after) for change in changes if change.before is not None])
        letters = [encode(_letter(change, now=self._work.now)) for change in changes if change.told]
        Outbox(self._work.connection).add_all(OWNER, OutcomeAttributed.type, letters, now=self._work.now)
        self._count(changes, silence, told_now=len(letters))
        _warn(changes)

    def _stands(self, keys: Iterable[Key], silence: Silence, touched: Touched) -> dict[Key, Revision]:
        """The examples that have rows."""
        asked = (key for key in keys if key[0] < touched.new_from and key not in touched.stands)
        return touched.stands | self._examples.get(key for key in asked if not silence.has(key))

    def _numbered(self, changed: Sequence[tuple[Key, Finding, Revision | None]], silence: Silence) -> list[Change]:
        if not changed:
            return []
        first = self._work.take(len(changed))
        changes = []
        for sequence, (key, finding, before) in enumerate(changed, first):
            if before is not None:
                after = _next(finding.example, before, sequence=sequence)
            else:
                is_told = silence.breaks(key) or finding.example.state != PENDING
                after = Revision(finding.example, int(is_told), sequence, late=False)
            changes.append(Change(finding, before, after))
        return changes

    def _count(self, changes: Sequence[Change], silence: Silence, *, told_now: int) -> None:
        stands = Counter(_counted(change.after) for change in changes)
        stands.subtract(_counted(change.before) for change in changes if change.before)
        stands.update(_silent(wait, slot) for wait in silence.begun for slot in wait.dues)
        stands.subtract(_silent(wait, slot) for wait, slot in silence.broken)
        moved: Counter[str] = Counter({told(self._strategy): told_now})
        for (subject, horizon, origin, state, marks, is_late), count in stands.items():
            moved[standing(self._strategy, subject, horizon, origin, state)] += count
            for mark in marks.split(",") if marks else ():
                moved[marked(self._strategy, mark)] += count
            if is_late:
                moved[late(self._strategy)] += count
        Tallies(self._work.connection).move(moved)


def _counted(row: Revision) -> tuple[str, str, str, str, str, bool]:
    example = row.example
    return example.subject, example.horizon, example.origin, example.state, example.marks, row.late


def _silent(wait: Wait, slot: Slot) -> tuple[str, str, str, str, str, bool]:
    return wait.subject, *slot, PENDING, wait.place.marks, False


def _next(example: Example, before: Revision, *, sequence: int) -> Revision:
    given_up = before.example.state in GIVEN_UP and before.example.reason != WITHDRAWN
    late_now = given_up and example.state == MATCHED
    return Revision(example, before.revision + 1, sequence, late=before.late or late_now)


def _letter(change: Change, *, now: int) -> Envelope:
    example, revision = change.after.example, change.after.revision
    case, name = change.finding.case, example.name
    relative = None
    if example.return_ is not None and example.benchmark is not None:
        relative = bounded(example.return_ - case.sign * example.benchmark)
    return Envelope(
        source=OWNER,
        id=f"{name}/{revision}",
        time=min(change.finding.time, now),
        data=OutcomeAttributed(
            strategy=example.strategy,
            example_id=name,
            revision=revision,
            sequence=change.after.sequence,
            subject=SUBJECTS[example.subject],
            subject_id=example.subject_id,
            symbol=case.symbol,
            unit=example.unit,
            session=example.session,
            horizon=example.horizon,
            origin=ORIGINS[example.origin],
            state=STATES[example.state],
            reason=example.reason,
            marks=[Mark(mark) for mark in example.marks.split(",")] if example.marks else [],
            late=change.after.late,
            entry_time=None if example.entry_time is None else moment(example.entry_time),
            exit_time=None if example.exit_time is None else moment(example.exit_time),
            return_=example.return_,
            net=example.net,
            benchmark_return=example.benchmark,
            relative_return=relative,
            mfe=example.mfe,
            mae=example.mae,
            volatility=example.volatility,
            peak_seconds=None if example.peak_after is None else example.peak_after / 1e6,
            outcome_class=CLASSES.get(example.outcome_class),
            score=case.score,
            contributions=_contributions(example),
            replaced=_contributions(change.before.example) if change.before else [],
        ),
    )


def _contributions(example: Example) -> list[Contribution]:
    return _CONTRIBUTIONS.decode(example.contributions) if example.contributions != "[]" else []


def _warn(changes: Sequence[Change]) -> None:
    """Units that add nothing though they should are counted aloud, with one of them for an example."""
    amiss = [change.after.example for change in changes if change.after.example.reason and change.told]
    uncounted = [example for example in amiss if example.state == MATCHED]
    if uncounted:
        first = uncounted[0]
        log.warning(
            "examples.uncounted", count=len(uncounted), example=first.name, unit=first.unit, reason=first.reason
        )
