"""Whether theses were right."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Connection

from learning.agreement import RIGHT, agreement, wilson
from schemas.attributed import ExampleState, Origin
from store.judged import JudgedThesis, Slot, judged_theses
from workers.join.rules import Rules
from workers.judgement.windows import Windows

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
    windows = Windows(rules, rules.market.judged_at)
    for thesis in matched:
        if thesis.recommendation in RIGHT:
            windows.measured(thesis)
    worth = windows.worth()
    if made is None or worth is None:
        return None
    return Accuracy(
        n=made.n,
        right=made.right,
        share=made.share,
        by_chance=made.by_chance,
        n_eff=worth.n_eff,
        uniqueness=worth.uniqueness,
        interval=wilson(made.share, worth.n_eff),
    )
