"""An example as a story tells it."""

from collections.abc import Iterable

import msgspec

from events.moments import moment
from schemas.attributed import Contribution
from store.examples import Revision
from store.statistics import JournalRow
from workers.join.figures import bounded
from workers.story.bars import Prices
from workers.story.story import Example, Movement


def example(
    row: Revision, *, sign: float, note: str | None, prices: Prices | None, journal: Iterable[JournalRow]
) -> Example:
    """What became of a subject at one horizon; ``sign`` is 1 where the subject is long and -1 where it is short."""
    stored = row.example
    relative = None
    if stored.return_ is not None and stored.benchmark is not None:
        relative = bounded(stored.return_ - sign * stored.benchmark)
    return Example(
        example_id=stored.name,
        subject=stored.subject,
        subject_id=stored.subject_id,
        horizon=stored.horizon,
        origin=stored.origin,
        state=stored.state,
        reason=stored.reason,
        note=note,
        marks=stored.marks.split(",") if stored.marks else [],
        late=row.late,
        revision=row.revision,
        due=moment(stored.due),
        entry_time=None if stored.entry_time is None else moment(stored.entry_time),
        exit_time=None if stored.exit_time is None else moment(stored.exit_time),
        entry_price=stored.entry_price,
        exit_price=stored.exit_price,
        return_=stored.return_,
        net=stored.net,
        benchmark_return=stored.benchmark,
        relative_return=relative,
        mfe=stored.mfe,
        mae=stored.mae,
        volatility=stored.volatility,
        peak_seconds=None if stored.peak_after is None else stored.peak_after / 1e6,
        outcome_class=stored.outcome_class,
        exit_reason=stored.exit_reason,
        prices=prices,
        contributions=msgspec.json.decode(stored.contributions, type=list[Contribution]),
        movements=[
            Movement(
                revision=one.revision, sequence=one.sequence, added=list(one.added), taken_back=list(one.taken_back)
            )
            for one in journal
        ],
    )
