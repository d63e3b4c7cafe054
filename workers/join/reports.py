"""What trading reported of decisions, alerts and positions."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from events.moments import microseconds
from schemas.outcome import OutcomeObserved
from store.facts import Facts, OutcomeRow
from workers.join.cases import ALERT, Case

LARGEST = 1_000.0
"""The largest return, on both sides, that an event may hold: a hundred thousand per cent."""


class Figures(NamedTuple):
    """What is known of an example: prices in currency, times in microseconds, the rest fractions of the entry,
    signed as the position earned them. ``time``: when it became known. None is unknown."""

    entry_price: float | None = None
    exit_price: float | None = None
    return_: float | None = None
    net: float | None = None
    mfe: float | None = None
    mae: float | None = None
    volatility: float | None = None
    exit_reason: str | None = None
    entry_time: int | None = None
    exit_time: int | None = None
    time: int | None = None


class Further(msgspec.Struct):
    """The returns at other horizons that an outcome tells beside its own."""

    returns: dict[str, float] | None = None


class Told(NamedTuple):
    """An outcome at one horizon. They sort by what counts: its own horizon, then the newest, then the id."""

    own: bool
    time: int
    outcome_id: str
    row: OutcomeRow


class Reports:
    """What was told last of each case at each horizon, by event time and then by the outcome's id.

    An outcome belongs to the most exact of the names that it bears: its decision, else the decisions that bought
    into its position, else its alert and the decisions that bought because of it.
    """

    def __init__(self, rows: Iterable[OutcomeRow]) -> None:
        self._told: dict[tuple[str, str, str], Told] = {}
        for row in rows:
            for horizon in told_horizons(row.body, horizon=row.horizon):
                key = (*_most_exact(row), horizon)
                told = Told(horizon == row.horizon, row.time, row.outcome_id, row)
                self._told[key] = max(told, self._told.get(key, told))

    @classmethod
    def about(cls, cases: Iterable[Case], *, facts: Facts) -> "Reports":
        """All that was reported of these cases."""
        names: dict[str, set[str]] = {"decision": set(), "position": set(), "alert": set()}
        for case in cases:
            for sort, name in _names(case):
                names[sort].add(name)
        return cls(facts.outcomes(decisions=names["decision"], positions=names["position"], alerts=names["alert"]))

    def horizons(self, case: Case) -> set[str]:
        """The horizons at which anything was reported of the case."""
        names = set(_names(case))
        return {horizon for sort, name, horizon in self._told if (sort, name) in names}

    def figures(self, case: Case, horizon: str) -> Figures | None:
        """What was reported of the case, under the most exact of its names."""
        for sort, name in _names(case):
            if told := self._told.get((sort, name, horizon)):
                return _figures(told.row, horizon, sign=case.sign)
        return None


def told_horizons(body: str, *, horizon: str) -> set[str]:
    """The horizons that an outcome tells of: its own, and those of its further returns."""
    return {horizon, *(msgspec.json.decode(body, type=Further).returns or ())}


def _figures(row: OutcomeRow, horizon: str, *, sign: float) -> Figures:
    """The figures of an outcome as given; a return from its prices where only these are given.

    ``net`` is what was reported, else gross less fees where both are known: without fees nothing is net.
    """
    outcome = msgspec.json.decode(row.body, type=OutcomeObserved)
    if horizon != row.horizon:
        return Figures(return_=(outcome.returns or {}).get(horizon), time=row.time)
    return_ = outcome.return_
    if return_ is None and outcome.entry_price and outcome.exit_price is not None and outcome.entry_price > 0:
        return_ = sign * (outcome.exit_price / outcome.entry_price - 1)
    gross = outcome.gross if outcome.gross is not None else return_
    net = outcome.net
    if net is None and gross is not None and outcome.fees is not None:
        net = gross - outcome.fees
    return Figures(
        entry_price=outcome.entry_price,
        exit_price=outcome.exit_price,
        return_=_bounded(return_ if return_ is not None else gross),
        net=_bounded(net),
        mfe=outcome.mfe,
        mae=outcome.mae,
        exit_reason=outcome.exit_reason.value if outcome.exit_reason else None,
        entry_time=microseconds(outcome.entry_time) if outcome.entry_time else None,
        exit_time=microseconds(outcome.exit_time) if outcome.exit_time else None,
        time=row.time,
    )


def _bounded(fraction: float | None) -> float | None:
    return None if fraction is None else max(-LARGEST, min(LARGEST, fraction))


def _most_exact(row: OutcomeRow) -> tuple[str, str]:
    if row.decision_id:
        return ("decision", row.decision_id)
    return ("position", row.position_id) if row.position_id else ("alert", row.alert_id or "")


def _names(case: Case) -> Iterator[tuple[str, str]]:
    if case.subject == ALERT:
        yield ("alert", case.id)
        return
    yield ("decision", case.id)
    if case.bought:
        yield from (("position", name) for name in case.positions)
        if case.alert_id:
            yield ("alert", case.alert_id)
