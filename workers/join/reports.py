"""What trading reported of decisions, alerts and positions."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from events.moments import microseconds
from schemas.outcome import OutcomeObserved
from schemas.vocabulary import Direction
from store.facts import Facts, OutcomeRow
from workers.join.cases import Case
from workers.join.figures import Figures, bounded
from workers.join.inference import Inference
from workers.join.names import most_exact, names_of, told_horizons
from workers.join.positions import Closing, closings
from workers.join.rules import CLOSE, Rules

DAY_US = 86_400_000_000


class Told(NamedTuple):
    """An outcome at one horizon. They sort by what counts: its own horizon, then the newest, then the id."""

    own: bool
    time: int
    outcome_id: str
    row: OutcomeRow


class Reports:
    """What was told last of each case at each horizon, by event time and then by the outcome's id.

    An outcome belongs to the most exact of the names that it bears: its decision, else the decisions that bought
    into its position, else its alert and the decisions that bought because of it. Where no outcome names the decision
    itself, the fills that closed it tell its close, before what names its position or alert. What bears no name at all
    comes last, where the registry's rule joins it.
    """

    def __init__(
        self,
        rows: Iterable[OutcomeRow] = (),
        *,
        fills: Mapping[str, Closing] | None = None,
        inferred: Mapping[str, Iterable[OutcomeRow]] | None = None,
    ) -> None:
        self._told: dict[tuple[str, str, str], Told] = {}
        self._fills = fills or {}
        for row in rows:
            self._tell(row, *most_exact(row._asdict()))
        for key, nameless in (inferred or {}).items():
            for row in nameless:
                self._tell(row, "inferred", key)

    @classmethod
    def about(cls, cases: Iterable[Case], *, facts: Facts, rules: Rules) -> "Reports":
        """All that was reported of these cases."""
        asked = list(cases)
        names: dict[str, set[str]] = {"decision": set(), "position": set(), "alert": set()}
        for case in asked:
            for sort, name in names_of(case):
                names[sort].add(name)
        rows = facts.outcomes(decisions=names["decision"], positions=names["position"], alerts=names["alert"])
        bought = [case for case in asked if case.bought]
        return cls(
            rows,
            fills=closings(facts.connection, facts.strategy, {case.id: case.position_id for case in bought}),
            inferred=Inference(facts.connection, rules).outcomes_for(asked),
        )

    def horizons(self, case: Case) -> set[str]:
        """The horizons at which anything was reported of the case."""
        names = {*names_of(case), ("inferred", case.key)}
        told = {horizon for sort, name, horizon in self._told if (sort, name) in names}
        return told | {CLOSE.horizon} if case.bought and case.id in self._fills else told

    def figures(self, case: Case, horizon: str) -> Figures | None:
        """What was reported of the case: by its own name, else by its fills, else by its position or alert."""
        own = (case.subject, case.id)
        closing = self._fills.get(case.id) if horizon == CLOSE.horizon and case.bought else None
        for sort, name in names_of(case):
            if closing is not None and (sort, name) != own:
                break
            if told := self._told.get((sort, name, horizon)):
                return _figures(told.row, horizon, sign=case.sign)
        if closing is not None:
            return _closed(closing)
        if told := self._told.get(("inferred", case.key, horizon)):
            return _figures(told.row, horizon, sign=case.sign)._replace(inferred=True)
        return None

    def _tell(self, row: OutcomeRow, sort: str, name: str) -> None:
        for horizon in told_horizons(row.body, horizon=row.horizon):
            key = (sort, name, horizon)
            told = Told(horizon == row.horizon, row.time, row.outcome_id, row)
            self._told[key] = max(told, self._told.get(key, told))


def _figures(row: OutcomeRow, horizon: str, *, sign: float) -> Figures:
    """The figures of an outcome as given; a return from its prices where only these are given, in the direction that
    it tells, else in that of its case.

    ``net`` is what was reported, else gross less fees where both are known: without fees nothing is net.
    """
    outcome = msgspec.json.decode(row.body, type=OutcomeObserved)
    if horizon != row.horizon:
        return Figures(return_=(outcome.returns or {}).get(horizon), time=row.time)
    return_ = outcome.return_ if outcome.return_ is not None else (outcome.returns or {}).get(horizon)
    if outcome.direction is not None:
        sign = -1.0 if outcome.direction is Direction.SHORT else 1.0
    if return_ is None and outcome.entry_price and outcome.exit_price is not None and outcome.entry_price > 0:
        return_ = sign * (outcome.exit_price / outcome.entry_price - 1)
    gross = outcome.gross if outcome.gross is not None else return_
    net = outcome.net
    if net is None and gross is not None and outcome.fees is not None:
        net = gross - outcome.fees
    return Figures(
        entry_price=outcome.entry_price,
        exit_price=outcome.exit_price,
        return_=bounded(return_ if return_ is not None else gross),
        net=bounded(net),
        benchmark=outcome.benchmark_return,
        mfe=outcome.mfe,
        mae=outcome.mae,
        peak_after=None if outcome.days_to_peak is None else round(outcome.days_to_peak * DAY_US),
        exit_reason=outcome.exit_reason.value if outcome.exit_reason else None,
        entry_time=microseconds(outcome.entry_time) if outcome.entry_time else None,
        exit_time=microseconds(outcome.exit_time) if outcome.exit_time else None,
        time=row.time,
    )


def _closed(closing: Closing) -> Figures:
    """What the fills of a decision say, when all that they opened is closed."""
    return Figures(
        entry_price=closing.entry_price,
        exit_price=closing.exit_price,
        return_=bounded(closing.return_),
        net=bounded(closing.net),
        entry_time=closing.entry_time,
        exit_time=closing.exit_time,
        time=closing.exit_time,
    )
