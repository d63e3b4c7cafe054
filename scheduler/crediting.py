"""Two allocations at once: what each does to the reward, with the other as a covariate."""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from sqlalchemy import Connection

from learning.credit import Credit, Difference, credit, doubts
from learning.rewards import RewardSum
from scheduler.mature import reward_of, slot_of
from schemas.allocation import Allocation
from schemas.parameters import Registry
from schemas.version import Version
from store.crossed import CrossedRow, crossed_at


class Pair(NamedTuple):
    """Two allocations in force that one reward judges, and what came of analysing them together."""

    first: Allocation
    second: Allocation
    credit: Credit


def read_crossed(connection: Connection, registry: Registry, version: Version | None, *, cut: int) -> list[CrossedRow]:
    """The cells of every two allocations in force that one reward judges; nothing is read where there are no two."""
    pairs = [(one.id, other.id) for one, other in _pairs(registry, version)]
    if version is None or not pairs:
        return []
    return crossed_at(connection, strategy=version.strategy, pairs=pairs, cut=cut)


def give_credit(
    registry: Registry,
    session: str,
    version: Version | None,
    pending: Mapping[str, Collection[str]],
    crossed: Sequence[CrossedRow],
) -> tuple[list[Pair], str]:
    """Analyse every two allocations together, on mature cohorts, and test that their assignments were independent.

    Shares and gate do not use it: as assignments are independent, what they compare is right without; this says what
    each is with less noise, and where a doubt is.
    """
    pairs = [_pair(registry, session, version, pending, crossed, *two) for two in _pairs(registry, version)]
    return pairs, "; ".join(map(_told, pairs)) or "no two allocations are judged by one reward"


def _pairs(registry: Registry, version: Version | None) -> list[tuple[Allocation, Allocation]]:
    allocations = sorted(version.allocations if version else [], key=lambda one: one.id)
    return [
        (one, other)
        for one, other in combinations(allocations, 2)
        if reward_of(registry, one) == reward_of(registry, other)
    ]


def _pair(
    registry: Registry,
    session: str,
    version: Version | None,
    pending: Mapping[str, Collection[str]],
    crossed: Sequence[CrossedRow],
    first: Allocation,
    second: Allocation,
) -> Pair:
    assert version is not None
    reward = reward_of(registry, first)
    cells: dict[str, dict[tuple[str, str], RewardSum]] = {}
    for row in crossed:
        ours = (row.first, row.second, row.reward) == (first.id, second.id, str(reward))
        if ours and row.session <= session and row.session not in pending.get(slot_of(reward), ()):
            cells.setdefault(row.session, {})[row.first_arm, row.second_arm] = RewardSum(row.n, row.total, row.squares)
    baselines = tuple(one.key if (one := each.baseline(version.values)) else "" for each in (first, second))
    return Pair(first, second, credit([cells[at] for at in sorted(cells)], baselines=(baselines[0], baselines[1])))


def _told(pair: Pair) -> str:
    first, second, found = pair
    told = f"{first.id} and {second.id} together, on {found.units:,} units in {found.sessions:,} sessions"
    sides = ((first, found.first), (second, found.second))
    figures = [
        f"{arm.key} {_shown(differences[arm.key])}"
        for allocation, differences in sides
        for arm in allocation.arms
        if arm.key in differences
    ]
    said = [", ".join(figures)] if figures else []
    if found.independence is not None:
        said.append(f"independence of the assignments p = {found.independence.p_value:.3f}")
    said += [f"DOUBT: {doubt}" for doubt in doubts(found)]
    return f"{told}: {'; '.join(said)}" if said else told


def _shown(difference: Difference) -> str:
    interval = ""
    if difference.low is not None and difference.high is not None:
        interval = f" (one look, 95 %: {difference.low:+.6f} to {difference.high:+.6f})"
    return f"{difference.value:+.6f}{interval}"
