"""What does not add up in the books of a strategy."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sqlalchemy import Connection

from schemas.attributed import ExampleState, Subject
from schemas.reports import HealthState
from store.books import Books, Overdue, Slot, counted, expected, overdue, ownerless, pending, tallied
from store.outcomes import Outcomes
from workers.join.rules import BARRIER, Rules
from workers.join.waiting import WAITING

_SORTS = {Subject.ALERT.value: "alerts", Subject.DECISION.value: "decisions", Subject.THESIS.value: "theses"}
"""The facts that examples are about."""


class Issue(NamedTuple):
    """A sentence with its numbers. ``state``: critical where something is missing, degraded where counts disagree."""

    state: HealthState
    text: str


def issues(
    connection: Connection, rules: Rules, books: Books, *, rows: Mapping[str, int], session: str
) -> Iterator[Issue]:
    """What does not add up in ``books``, the running counts; ``rows`` are the facts that are really there, by sort.

    Args:
        session: the one that settles. What should have been given up by then must not be pending any more.
    """
    strategy = rules.registry.strategy
    yield from _facts(books, rows)
    yield from _slots(books, expected(connection, strategy))
    yield from _pending(books, pending(connection, strategy))
    yield from _waiting(books, Outcomes(connection, strategy).count_waiting())
    yield from _overdue(
        rules, overdue(connection, strategy, before=rules.long_ago(session, by=_patience(rules))), session
    )
    for name, count in _named(books):
        if count < 0:
            yield Issue(HealthState.DEGRADED, f"the running count of {name} is {count:,}: it was taken back too often")


def recounted(connection: Connection, strategy: str) -> Iterator[Issue]:
    """What does not add up when every row of a strategy is really counted, which takes seconds for a million."""
    really, by_count = counted(connection, strategy), tallied(connection, strategy)
    counts, found = dict(_named(by_count)), dict(_named(really))
    for name in sorted(counts.keys() | found.keys()):
        if counts.get(name, 0) != found.get(name, 0):
            text = f"{name}: {counts.get(name, 0):,} by the running count, {found.get(name, 0):,} really"
            yield Issue(HealthState.DEGRADED, text)
    yield from _slots(really, expected(connection, strategy))
    if astray := ownerless(connection, strategy):
        yield Issue(HealthState.CRITICAL, f"{astray:,} examples are about a fact that is not there")


def _slots(books: Books, must: Mapping[Slot, int]) -> Iterator[Issue]:
    """Slots with fewer examples than the facts that came in must have, or more than facts came in.

    Between the two lie the examples of facts that came under an older registry and were measured again under a newer
    one: it may give them slots that were not expected of them.
    """
    stand: Counter[Slot] = Counter()
    for place, count in books.standing.items():
        stand[Slot(*place[:3])] += count
    for slot in sorted(stand.keys() | must.keys()):
        least, most = must.get(slot, 0), books.accepted.get(_sort(slot), 0)
        what = f"{slot.subject} at {slot.horizon} by {slot.origin}: {stand[slot]:,} examples stand"
        if stand[slot] < least:
            missing = f"{least - stand[slot]:,} missing"
            yield Issue(HealthState.CRITICAL, f"{what}, and {least:,} must: {missing}")
        elif stand[slot] > most:
            yield Issue(HealthState.DEGRADED, f"{what}, but only {most:,} {_sort(slot)} came in")


def _facts(books: Books, rows: Mapping[str, int]) -> Iterator[Issue]:
    for sort, there in rows.items():
        taken = books.accepted.get(sort, 0)
        if there != taken:
            state = HealthState.CRITICAL if there < taken else HealthState.DEGRADED
            yield Issue(state, f"{sort}: {taken:,} were taken in, and {there:,} are there")
    reported, outcomes = sum(books.reported.values()), books.accepted.get("outcomes", 0)
    if reported != outcomes:
        text = f"outcomes: {outcomes:,} were taken in, and {reported:,} are joined, inferred or waiting"
        yield Issue(HealthState.DEGRADED, text)


def _pending(books: Books, there: Mapping[tuple[str, str], int]) -> Iterator[Issue]:
    by_count: Counter[tuple[str, str]] = Counter()
    for place, count in books.standing.items():
        if place.state == ExampleState.PENDING.value:
            by_count[place.horizon, place.origin] += count
    for slot in sorted(by_count.keys() | there.keys()):
        if by_count[slot] != there.get(slot, 0):
            text = (
                f"{'/'.join(slot)}: {by_count[slot]:,} are pending by the running count, {there.get(slot, 0):,} really"
            )
            yield Issue(HealthState.DEGRADED, text)


def _waiting(books: Books, there: int) -> Iterator[Issue]:
    waiting = books.reported.get(WAITING, 0)
    if waiting != there:
        yield Issue(HealthState.DEGRADED, f"outcomes: {waiting:,} wait by the running count, {there:,} really")


def _overdue(rules: Rules, found: list[Overdue], session: str) -> Iterator[Issue]:
    late: dict[str, list[int]] = {}
    for one in found:
        held = (one.max_hold or rules.market.close_after) if (one.horizon, one.origin) == BARRIER else 0
        if not held or one.due < rules.long_ago(session, by=_patience(rules) + held):
            late.setdefault(f"{one.horizon}/{one.origin}", []).append(one.due)
    for slot, dues in sorted(late.items()):
        oldest = rules.calendar.session_of(min(dues) - 1)
        text = f"{slot}: {len(dues):,} are pending though they should have been given up by {session}"
        yield Issue(HealthState.CRITICAL, f"{text}; the oldest was due with {oldest}")


def _patience(rules: Rules) -> int:
    """So many sessions after its due no example may be pending, and one to be sure."""
    return max(rules.market.lost_after, rules.market.jump_hold) + 1


def _sort(slot: Slot) -> str:
    """The facts that have the slot."""
    return "barriers" if slot[1:] == BARRIER else _SORTS[slot.subject]


def _named(books: Books) -> Iterator[tuple[str, int]]:
    for counts in (books.accepted, books.marked, books.reported):
        yield from counts.items()
    for place, count in books.standing.items():
        yield "/".join(place), count
