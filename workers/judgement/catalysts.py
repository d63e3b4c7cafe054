"""Whether the catalysts that alerts named materialised."""

from collections import defaultdict
from collections.abc import Mapping

from msgspec import Struct

from learning.agreement import wilson
from schemas.attributed import ExampleState, OutcomeClass
from store.judged import JudgedAlert
from workers.join.rules import Rules
from workers.judgement.windows import Windows
from workers.judgement.words import AlertWords


class Rate(Struct, frozen=True, kw_only=True):
    """How many of ``n`` catalysts materialised.

    ``n_eff`` is as how many these count, by their average ``uniqueness``; ``interval`` holds the share with 95 %, by
    ``n_eff``.
    """

    n: int
    materialised: int
    share: float
    n_eff: float
    uniqueness: float
    interval: tuple[float, float]


class Catalyst(Struct, frozen=True, kw_only=True):
    """One type of catalyst: what trading reported of it, and what prices say. The two are never mixed.

    ``computed``: the alert's example is matched, and its price moved in its favour as far as a win asks for at any
    time before the horizon ended.
    """

    type: str
    alerts: int
    reported: Rate | None
    computed: Rate | None


class Catalysts:
    """Gathers what is known of the catalysts of alerts. ``reported`` is what trading said, by alert."""

    def __init__(self, rules: Rules, reported: Mapping[str, bool]) -> None:
        self._rules = rules
        self._told = reported
        self._alerts: dict[str, int] = defaultdict(int)
        self._reported: dict[str, _Tally] = defaultdict(lambda: _Tally(rules))
        self._computed: dict[str, _Tally] = defaultdict(lambda: _Tally(rules))
        self._any = _Tally(rules)

    def take(self, alert: JudgedAlert, words: AlertWords) -> None:
        """Take an alert in; one that names no catalyst tells only how far prices go anyway."""
        if words.catalyst_type:
            self._alerts[words.catalyst_type] += 1
            if alert.alert_id in self._told:
                self._reported[words.catalyst_type].take(alert, self._told[alert.alert_id])
        if alert.state == ExampleState.MATCHED.value and alert.mfe is not None:
            won = self._rules.outcome_class(alert.mfe) == OutcomeClass.WIN.value
            self._any.take(alert, won)
            if words.catalyst_type:
                self._computed[words.catalyst_type].take(alert, won)

    def result(self) -> list[Catalyst]:
        """Each type of catalyst, the most frequent first."""
        return [
            Catalyst(
                type=name,
                alerts=count,
                reported=self._reported[name].rate(),
                computed=self._computed[name].rate(),
            )
            for name, count in sorted(self._alerts.items(), key=lambda pair: (-pair[1], pair[0]))
        ]

    def base_rate(self) -> Rate | None:
        """What ``computed`` comes to over all alerts, also those that name no catalyst."""
        return self._any.rate()


class _Tally:
    """Counts what materialised, and gathers the windows in which it might have."""

    def __init__(self, rules: Rules) -> None:
        self._windows = Windows(rules, rules.market.primary_horizon)
        self._materialised = 0

    def take(self, alert: JudgedAlert, materialised: bool) -> None:
        self._materialised += materialised
        if alert.state == ExampleState.MATCHED.value:
            self._windows.measured(alert)
        else:
            self._windows.told(alert)

    def rate(self) -> Rate | None:
        worth = self._windows.worth()
        if worth is None:
            return None
        share = self._materialised / worth.n
        return Rate(
            materialised=self._materialised, share=share, interval=wilson(share, worth.n_eff), **worth._asdict()
        )
