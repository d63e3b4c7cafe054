"""Keeps the exact statistics that arms are compared by."""

from collections.abc import Callable, Sequence

from schemas.attributed import OutcomeAttributed
from schemas.event import Envelope
from store.statistics import Journal, JournalRow
from store.work import Work
from workers.worker import Refusal


class Thompson:
    """Adds what each revision of an example contributes, and takes back what it replaces.

    Contributions are integers and every (example, revision) moves the sums once, so neither the order
    of events nor batches, repeats or revisions can change what is learned. Shares are computed from
    these sums by the daily cycle, not here: a share that moved with every event would be a race. ``mend`` is called
    after every turn, to take what the broker has lost from the store.
    """

    name = "thompson"
    reads = (OutcomeAttributed.type,)

    def __init__(self, *, mend: Callable[[Callable[[], int]], None]) -> None:
        self._mend = mend

    def handle(self, work: Work, batch: Sequence[Envelope]) -> Sequence[Refusal]:
        """Journal the revisions that are new and move the statistics by them."""
        Journal(work.connection).record([_journal_row(envelope.data) for envelope in batch])
        return ()

    def rest(self, settled_before: Callable[[], int]) -> None:
        """See to it that what was told comes into the statistics even where the broker has lost it."""
        self._mend(settled_before)


def _journal_row(attributed: OutcomeAttributed) -> JournalRow:
    return JournalRow(
        example_id=attributed.example_id,
        revision=attributed.revision,
        strategy=attributed.strategy,
        sequence=attributed.sequence,
        added=attributed.contributions,
        taken_back=attributed.replaced,
    )
