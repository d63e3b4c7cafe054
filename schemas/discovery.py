"""One run of a scanner over its universe."""

from typing import ClassVar

from schemas.event import Event
from schemas.quantities import Count, Counts, Id, Number, Seconds, Unit, VersionId, Word


class DiscoveryCompleted(Event, frozen=True, kw_only=True):
    """How many instruments were looked at, filtered away and kept. Scores are 0 to 1."""

    type: ClassVar[str] = "discovery.completed"

    run_id: Id
    universe_size: Count
    candidate_count: Count
    filtered_size: Count | None = None
    counts_by_tag: Counts | None = None
    counts_by_stage: Counts | None = None
    execution_seconds: Seconds | None = None
    score_min: Unit | None = None
    score_max: Unit | None = None
    score_mean: Unit | None = None
    score_variance: Number | None = None
    params_version: VersionId | None = None
    algorithm_version: Word | None = None
