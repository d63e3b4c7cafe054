"""What is looked at before arms are suggested: the statistics up to the cut, of mature cohorts."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from schemas.allocation import Allocation, arm_key
from schemas.attributed import Origin
from schemas.parameters import Registry, Trial
from schemas.version import Version
from store.regimes import regime_of
from store.sessions import Settled
from store.statistics import statistics_at
from workers.suggestion.measured import cohorts_of, measure
from workers.suggestion.search import Circumstances, suggestion_for
from workers.suggestion.suggestion import Suggestion


def look(
    connection: Connection,
    registry: Registry,
    version: Version,
    settled: Settled,
    chosen: Sequence[tuple[Allocation, Trial]],
) -> Iterator[tuple[Allocation, Suggestion]]:
    """A suggestion for each allocation, from what its settled session's cycle saw."""
    rows = statistics_at(connection, strategy=version.strategy, cut=settled.cut)
    regime = regime_of(connection, registry, session=settled.session, cut=settled.cut)
    for allocation, trial in chosen:
        reward = registry.reward_of(allocation.parameters[0])
        origin = Origin.REPORTED if reward.reported else Origin.PRICES
        cohorts = cohorts_of(
            rows,
            trial=trial.id,
            allocation=allocation,
            reward=reward,
            until=settled.session,
            immature=settled.pending.get(f"{reward.horizon}/{origin.value}", ()),
        )
        measured = measure(
            cohorts,
            allocation,
            baseline=arm_key({name: version.values[name] for name in allocation.parameters}),
            registry=registry,
            session=settled.session,
        )
        yield allocation, suggestion_for(Circumstances(allocation, trial, registry, version, regime, measured))
