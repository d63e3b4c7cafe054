"""What the driver waits for: cycles completed, proposals decided, versions acknowledged."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from redis import Redis

from events.codec import decode
from schemas.cycles import DAILY
from schemas.errors import EngineError
from schemas.event import Envelope
from schemas.params import ParamsApplied, ParamsUpdated
from schemas.reports import CycleCompleted
from schemas.version import VersionNumber
from store.proposals import Proposals, ProposalState
from store.store import Store
from store.suggestions import Suggestions
from store.versions import Versions

BLOCK_MS = 50
POLL_SECONDS = 0.002
UNDECIDED = (ProposalState.PROPOSED, ProposalState.VALIDATED)


class NothingHappened(EngineError):
    """What the driver waited for did not come in its time."""


class Follower:
    """Follows one strategy's streams and store, so that a session begins when all that the last one set off is done.

    ``check`` is called all the while and raises when a process has died. ``patience`` is in seconds. ``optimised``:
    the optimiser proposes arms, and looks when a cycle is done.
    """

    def __init__(
        self,
        broker: Redis,
        store: Store,
        *,
        prefix: str,
        strategy: str,
        check: Callable[[], None],
        patience: float,
        optimised: bool = False,
    ) -> None:
        self._broker = broker
        self._store = store
        self._prefix = prefix
        self._strategy = strategy
        self._check = check
        self._patience = patience
        self._optimised = optimised
        self._read = dict.fromkeys((CycleCompleted.type, ParamsUpdated.type, ParamsApplied.type), "0")
        self._completed: dict[tuple[str, str], CycleCompleted] = {}
        self.published: dict[VersionNumber, int] = {}
        self.applied: dict[VersionNumber, int] = {}
        self.refused: dict[VersionNumber, str] = {}

    @property
    def latencies(self) -> dict[VersionNumber, float]:
        """Milliseconds from the stream entry of each version to its application in the trading process."""
        return {
            version: max(0.0, applied / 1_000 - self.published[version])
            for version, applied in self.applied.items()
            if version in self.published
        }

    def await_first_version(self) -> None:
        """Wait until the trading process has acknowledged a version at all."""
        self._until(lambda: bool(self.applied), "the trading process to acknowledge the first version")

    def await_session(self, session: str, kinds: Sequence[str] = (DAILY,)) -> None:
        """Wait until these cycles of ``session`` are done, what they proposed is decided, and trading has the result.

        Raises:
            NothingHappened: it did not come in time, or trading refused a version.
        """
        wanted: list[str] = []
        for kind in kinds:
            self._until(partial(self._completed.__contains__, (kind, session)), f"the {kind} cycle of {session}")
            wanted += self._completed.pop((kind, session)).proposals
        if self._optimised:
            self._poll(partial(self._looked, session), f"the optimiser to look after {session}")
            wanted += self._suggested(session)
        if wanted:
            self._poll(lambda: self._decided(wanted), f"the gate to decide {wanted}")
        newest = self._newest()
        self._until(lambda: newest in self.applied, f"the trading process to acknowledge version {newest}")

    def _until(self, happened: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + self._patience
        while not happened():
            self._take(block_ms=BLOCK_MS)
            self._look(deadline, what)

    def _poll(self, happened: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + self._patience
        while not happened():
            time.sleep(POLL_SECONDS)
            self._look(deadline, what)

    def _look(self, deadline: float, what: str) -> None:
        self._check()
        if self.refused:
            version, reason = next(iter(self.refused.items()))
            raise NothingHappened(f"the trading process refused version {version}: {reason}")
        if time.monotonic() > deadline:
            raise NothingHappened(f"waited {self._patience:g} s for {what}, and it did not come")

    def _take(self, *, block_ms: int) -> None:
        streams: Any = {self._prefix + kind: last for kind, last in self._read.items()}
        answer: Any = self._broker.xread(streams, block=block_ms)
        for stream, entries in answer or []:
            kind = stream.decode()[len(self._prefix) :]
            for entry, fields in entries:
                self._read[kind] = entry.decode()
                envelope = decode(fields, stream=kind, entry=entry.decode(), now=time.time_ns() // 1_000)
                if envelope.data.strategy == self._strategy:
                    self._note(envelope, entry_ms=int(entry.split(b"-")[0]))

    def _note(self, envelope: Envelope, *, entry_ms: int) -> None:
        told = envelope.data
        if isinstance(told, CycleCompleted):
            self._completed[told.kind, told.session] = told
            return
        version = VersionNumber(told.epoch, told.version)
        if isinstance(told, ParamsUpdated):
            self.published.setdefault(version, entry_ms)
        elif told.refused is not None:
            self.refused[version] = told.refused
        elif told.applied_at is not None:
            self.applied.setdefault(version, round(told.applied_at.timestamp() * 1_000_000))

    def _decided(self, wanted: list[str]) -> bool:
        with self._store.read() as reading:
            found = [Proposals(reading).get(self._strategy, proposal) for proposal in wanted]
        return all(row is not None and row.state not in UNDECIDED for row in found)

    def _looked(self, session: str) -> bool:
        with self._store.read() as reading:
            return Suggestions(reading).looked(self._strategy, session)

    def _suggested(self, session: str) -> list[str]:
        with self._store.read() as reading:
            return [
                row.proposal_id
                for row in Suggestions(reading).history(self._strategy)
                if row.session == session and row.proposal_id is not None
            ]

    def _newest(self) -> VersionNumber | None:
        with self._store.read() as reading:
            newest = Versions(reading).latest(self._strategy)
        return newest.id if newest else None
