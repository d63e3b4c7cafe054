"""Joins what trading told: alerts and decisions with what came of them."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import structlog
from sqlalchemy import Connection

from schemas.event import Envelope
from schemas.parameters import Registry
from schemas.session import SessionClosed
from store.awaited import Awaited
from store.closings import Closings
from store.examples import Examples
from store.facts import first_recorded
from store.sessions import Sessions
from store.store import Store
from store.work import Work
from workers.join.intake import FACTS, Intake
from workers.join.join import Join
from workers.join.ledger import OWNER, Ledger
from workers.join.reconciliation import reconcile
from workers.join.rules import Rules, Slot
from workers.join.touched import Touched
from workers.join.writing import Numbered
from workers.worker import Refusal

log = structlog.get_logger()

LOOK_AGAIN_US = 60_000_000
"""How often the store is asked for closed sessions that another worker of the group was told of."""


AT_ONCE = 20
"""How many sessions are settled between two turns: a backlog must not keep the worker from its streams."""


class Closed(NamedTuple):
    """A session that every declared source has closed, and the millisecond at which the last of them said so.

    ``silent``: not all of them did; ``told_at`` is then the end of the grace.
    """

    session: str
    strategy: str
    told_at: int
    silent: bool = False


class Attribution:
    """Writes the facts and the examples.

    What is in ``examples`` is a function of the stored facts: a batch stores what is new and measures again what
    that touches. So it does not matter in which order facts come, how they are cut into batches, or how often
    they are repeated or revised; every change is told once, with exactly what it takes back.

    ``on_settled(strategy, session)`` is called after the commit that settled a session. Sessions that are ready
    settle by date, when everything that was told before their closing has been taken in.
    """

    name = OWNER
    reads = tuple(shape.type for shape in FACTS)

    def __init__(
        self,
        store: Store,
        *,
        registries: Mapping[str, Registry],
        clock: Callable[[], int],
        on_settled: Callable[[str, str], object],
    ) -> None:
        self._store = store
        self._clock = clock
        self._on_settled = on_settled
        self._joins = {strategy: Join(Rules(registry)) for strategy, registry in registries.items()}
        self._closed: list[Closed] = []
        self._lived: dict[str, int] = {}
        self._looked_at = 0

    def handle(self, work: Work, batch: Sequence[Envelope]) -> Sequence[Refusal]:
        """Store what is new in the batch and bring the examples in line with it.

        Taking numbers comes first, because it holds the counter's lock: of two batches that are joined at the
        same time the second then sees what the first has written.
        """
        first = work.take(len(batch))
        refusals: list[Refusal] = []
        strategies: dict[str, list[Numbered]] = defaultdict(list)
        for place, envelope in enumerate(batch):
            if envelope.data.strategy in self._joins:
                strategies[envelope.data.strategy].append(Numbered(envelope, first + place))
            else:
                refusals.append(Refusal(envelope, self._unknown(envelope.data.strategy)))
        for strategy, events in strategies.items():
            refusals.extend(self._take(work, self._joins[strategy], events))
        return refusals

    def rest(self, settled_before: Callable[[], int]) -> None:
        """Settle the sessions that every declared source has closed, once nothing told before is left to take in."""
        if not 0 <= self._clock() - self._looked_at < LOOK_AGAIN_US:
            self._look()
        if not self._closed:
            return
        reached = settled_before()
        ready = [one for one in self._closed if one.told_at < reached or not one.silent]
        for one in ready[:AT_ONCE]:
            if one.told_at >= reached:
                break
            new = self._settle(self._joins[one.strategy], one.session)
            self._closed.remove(one)
            if new:
                self._on_settled(one.strategy, one.session)

    def _take(self, work: Work, join: Join, events: Sequence[Numbered]) -> list[Refusal]:
        latest = Sessions(work.connection).latest(join.strategy)
        settled = latest.session if latest else ""
        intake = Intake(work, join.rules, settled=settled, new_from=events[0].sequence)
        intake.take(events)
        if intake.touched:
            found = join.found(work.connection, intake.touched, settled=settled)
            Ledger(work, join.strategy).enter(found, intake.touched)
        if any(isinstance(one.envelope.data, SessionClosed) for one in events):
            self._looked_at = 0
        return intake.refusals

    def _settle(self, join: Join, session: str) -> bool:
        """Settle one session: what it ends, or what has waited long enough with it, enters below its cut."""
        with self._store.begin() as work:
            work.take(1)
            sessions = Sessions(work.connection)
            if sessions.get(join.strategy, session) is not None:
                return False
            latest = sessions.latest(join.strategy)
            settled = max(latest.session if latest else "", session)
            touched = _overdue(work.connection, join, until=join.rules.calendar.close_of(settled))
            Ledger(work, join.strategy).enter(join.found(work.connection, touched, settled=settled), touched)
            cut = work.take(1)
            sessions.add(join.strategy, session, cut=cut, pending=_open(work.connection, join, session), now=work.now)
            reconcile(work, join.rules, session=session, cut=cut)
            work.commit()
        log.info("session.settled", strategy=join.strategy, session=session, cut=cut, looked_at=len(touched.units))
        return True

    def _look(self) -> None:
        """Find the sessions that are closed and not settled, by date."""
        with self._store.read() as connection:
            told = Closings(connection).open(self._joins)
            silent = [one for join in self._joins.values() for one in self._forgotten(connection, join)]
        closed = {}
        for (strategy, session), sources in told.items():
            awaited = set(self._joins[strategy].rules.market.sources) or sources.keys()
            if awaited <= sources.keys():
                entries = [entry for source in awaited for entry in sources[source]]
                closed[session, strategy] = Closed(session, strategy, max(map(_milliseconds, entries)))
        for one in silent:
            closed.setdefault((one.session, one.strategy), one)
        self._closed = sorted(closed.values())
        self._looked_at = self._clock()

    def _forgotten(self, connection: Connection, join: Join) -> Iterator[Closed]:
        """The sessions that ended a grace ago, and that the engine lived through: others come from history."""
        rules = join.rules
        grace = round(rules.market.grace_hours * 3_600e6)
        over = rules.calendar.last_closed(self._clock() - grace)
        latest = Sessions(connection).latest(join.strategy)
        since = self._since(connection, join.strategy)
        if over is None or since is None:
            return
        lived = rules.calendar.first_open_at_or_after(since)
        first = max(lived, rules.calendar.shift(latest.session, 1)) if latest else lived
        while first <= over:
            yield Closed(first, join.strategy, (rules.calendar.close_of(first) + grace) // 1_000, silent=True)
            first = rules.calendar.shift(first, 1)

    def _since(self, connection: Connection, strategy: str) -> int | None:
        """When the first fact of a strategy was taken in; asked until there is one, because it reads all of them."""
        if strategy not in self._lived and (since := first_recorded(connection, strategy)) is not None:
            self._lived[strategy] = since
        return self._lived.get(strategy)

    def _unknown(self, strategy: str) -> str:
        known = ", ".join(repr(name) for name in sorted(self._joins))
        return f"strategy {strategy!r} is unknown here; known: {known}"


def _overdue(connection: Connection, join: Join, *, until: int) -> Touched:
    """What is pending and could have been filled by ``until``."""
    touched = Touched()
    for pending in Examples(connection, join.strategy).overdue(until=until):
        touched.slots(pending.unit, [Slot(pending.horizon, pending.origin)])
    for wait in Awaited(connection, join.strategy).overdue(until=until):
        touched.waiting(wait, wait.due_by(until))
    return touched


def _open(connection: Connection, join: Join, session: str) -> dict[str, list[str]]:
    """The cohorts of which more is to come, by ``horizon/origin``.

    Those with pending examples, and that of the session itself while its date goes on: what is told after the close
    belongs to it too.
    """
    pending = Examples(connection, join.strategy).sessions() | Awaited(connection, join.strategy).sessions()
    found: dict[str, list[str]] = {}
    for slot, one in sorted(pending):
        found.setdefault("/".join(slot), []).append(one)
    if join.rules.goes_on(session):
        for slot in join.rules.usual:
            sessions = found.setdefault(f"{slot.horizon}/{slot.origin}", [])
            if session not in sessions:
                sessions.append(session)
    return found


def _milliseconds(entry: str) -> int:
    """When the server took an entry, ``session.closed/1700000000000-0``; 0 for what has not travelled."""
    return int(entry.rpartition("/")[2].partition("-")[0] or 0)
