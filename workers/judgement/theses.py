"""Whether theses were right."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from sqlalchemy import Connection

from learning.agreement import RIGHT, agreement, wilson
from learning.uniqueness import average_uniqueness, effective_n
from schemas.attributed import ExampleState, Origin
from store.judged import JudgedThesis, Slot, judged_theses
from workers.join.rules import Rules

UNMEASURED = "unmeasured"
"""The state of theses that have no example: they came before theses were measured."""


class Accuracy(Struct, frozen=True, kw_only=True):
    """How often something was right: ``right`` of ``n``.

    ``n_eff`` is as how many theses these count, ``uniqueness`` the part of its window that each has to itself, on
    average: theses about one instrument at one time see the same prices. ``interval`` holds the share with 95 %,
    by the effective number. ``by_chance`` is what the same words would reach, dealt out blindly.
    """

    n: int
    right: int
    share: float
    by_chance: float
    n_eff: float
    uniqueness: float
    interval: tuple[float, float]


class Theses(Struct, frozen=True, kw_only=True):
    """The theses of a strategy, judged at ``horizon`` from each one's own time.

    ``table`` counts recommendation by outcome class, of those that are matched; ``states`` counts all.
    """

    horizon: str
    states: Mapping[str, int]
    table: Mapping[str, Mapping[str, int]]
    accuracy: Accuracy | None


def judge_theses(connection: Connection, rules: Rules, *, since: str) -> Theses:
    """Judge the theses of the session ``since`` and later, also those whose position was closed meanwhile."""
    slot = Slot(rules.market.judged_at, Origin.PRICES.value)
    states: Counter[str] = Counter()
    matched: list[JudgedThesis] = []
    for thesis in judged_theses(connection, rules.registry.strategy, slot, since=since):
        states[thesis.state or UNMEASURED] += 1
        if thesis.state == ExampleState.MATCHED.value:
            matched.append(thesis)
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for thesis in matched:
        table[thesis.recommendation][thesis.outcome_class or ""] += 1
    return Theses(horizon=slot.horizon, states=states, table=table, accuracy=_accuracy(matched, rules))


def _accuracy(matched: Sequence[JudgedThesis], rules: Rules) -> Accuracy | None:
    made = agreement(Counter((thesis.recommendation, thesis.outcome_class or "") for thesis in matched))
    if made is None:
        return None
    n_eff = effective_n(_uniqueness([thesis for thesis in matched if thesis.recommendation in RIGHT], rules))
    return Accuracy(
        n=made.n,
        right=made.right,
        share=made.share,
        by_chance=made.by_chance,
        n_eff=n_eff,
        uniqueness=n_eff / made.n,
        interval=wilson(made.share, n_eff),
    )


def _uniqueness(judged: Sequence[JudgedThesis], rules: Rules) -> NDArray[np.float64]:
    """Of each thesis' window among those of its instrument, in sessions, of shape (theses,)."""
    instruments = np.array([thesis.instrument for thesis in judged], dtype=np.int64)
    entries = np.array([thesis.entry_time for thesis in judged], dtype=np.int64)
    exits = np.array([thesis.exit_time for thesis in judged], dtype=np.int64)
    closes = rules.calendar.closes
    return average_uniqueness(instruments, np.searchsorted(closes, entries), np.searchsorted(closes, exits))
