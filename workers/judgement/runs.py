"""What came of discovery runs."""

from collections.abc import Sequence
from math import fsum

import msgspec
from msgspec import Struct

from events.moments import moment_text
from schemas.attributed import ExampleState
from schemas.discovery import DiscoveryCompleted
from store.judged import JudgedAlert, Run
from workers.join.rules import Rules
from workers.judgement.windows import Windows


class DiscoveryRun(Struct, frozen=True, kw_only=True):
    """One run: how many instruments it looked at, left after filtering and told as candidates, how many alerts name
    it, and how ``matched`` ones of these ended on average; ``n_eff`` is as how many of them these count, by their
    average ``uniqueness``."""

    run_id: str
    time: str
    universe: int
    filtered: int | None
    candidates: int
    alerts: int
    matched: int
    mean_return: float | None
    n_eff: float | None
    uniqueness: float | None


class Discoveries(Struct, frozen=True, kw_only=True):
    """The runs, the newest first; and the alerts that name no run, or one that never came."""

    runs: Sequence[DiscoveryRun]
    alerts_without_run: int
    alerts_of_unknown_runs: int
    unknown_runs: int


class Runs:
    """Gathers the alerts of discovery runs. ``known`` are all that ever came, ``since`` bounds what is shown."""

    def __init__(self, rules: Rules, known: Sequence[Run], *, since: int) -> None:
        self._rules = rules
        self._known = known
        self._since = since
        self._alerts: dict[str, int] = {}
        self._returns: dict[str, list[float]] = {}
        self._windows: dict[str, Windows] = {}
        self._without = 0

    def take(self, alert: JudgedAlert) -> None:
        """Take an alert in."""
        if alert.run_id is None:
            self._without += 1
            return
        self._alerts[alert.run_id] = self._alerts.get(alert.run_id, 0) + 1
        if alert.state == ExampleState.MATCHED.value and alert.return_ is not None:
            self._returns.setdefault(alert.run_id, []).append(alert.return_)
            if alert.run_id not in self._windows:
                self._windows[alert.run_id] = Windows(self._rules, self._rules.market.primary_horizon)
            self._windows[alert.run_id].measured(alert)

    def result(self) -> Discoveries:
        """What is known of all of them."""
        names = {run.run_id for run in self._known}
        unknown = {name: count for name, count in self._alerts.items() if name not in names}
        shown = [run for run in reversed(self._known) if run.time >= self._since or run.run_id in self._alerts]
        return Discoveries(
            runs=[self._run(run) for run in shown],
            alerts_without_run=self._without,
            alerts_of_unknown_runs=sum(unknown.values()),
            unknown_runs=len(unknown),
        )

    def _run(self, run: Run) -> DiscoveryRun:
        told = msgspec.json.decode(run.body, type=DiscoveryCompleted)
        returns = self._returns.get(run.run_id, [])
        worth = self._windows[run.run_id].worth() if returns else None
        return DiscoveryRun(
            run_id=run.run_id,
            time=moment_text(run.time),
            universe=told.universe_size,
            filtered=told.filtered_size,
            candidates=told.candidate_count,
            alerts=self._alerts.get(run.run_id, 0),
            matched=len(returns),
            mean_return=fsum(returns) / len(returns) if returns else None,
            n_eff=worth.n_eff if worth else None,
            uniqueness=worth.uniqueness if worth else None,
        )
