"""Whether the catalysts that alerts named materialised."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from msgspec import Struct

from schemas.attributed import ExampleState, OutcomeClass
from store.judged import JudgedAlert
from workers.join.rules import Rules
from workers.judgement.words import AlertWords


class Rate(Struct, frozen=True, kw_only=True):
    """How many of ``n`` catalysts materialised."""

    n: int
    materialised: int
    share: float


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
        self._reported: dict[str, list[bool]] = defaultdict(list)
        self._computed: dict[str, list[bool]] = defaultdict(list)

    def take(self, alert: JudgedAlert, words: AlertWords) -> None:
        """Take an alert in; one that names no catalyst adds nothing."""
        if not words.catalyst_type:
            return
        self._alerts[words.catalyst_type] += 1
        if alert.alert_id in self._told:
            self._reported[words.catalyst_type].append(self._told[alert.alert_id])
        if alert.state == ExampleState.MATCHED.value and alert.mfe is not None:
            won = self._rules.outcome_class(alert.mfe) == OutcomeClass.WIN.value
            self._computed[words.catalyst_type].append(won)

    def result(self) -> list[Catalyst]:
        """Each type of catalyst, the most frequent first."""
        return [
            Catalyst(
                type=name,
                alerts=count,
                reported=_rate(self._reported[name]),
                computed=_rate(self._computed[name]),
            )
            for name, count in sorted(self._alerts.items(), key=lambda pair: (-pair[1], pair[0]))
        ]


def _rate(known: Iterable[bool]) -> Rate | None:
    found = list(known)
    return Rate(n=len(found), materialised=sum(found), share=sum(found) / len(found)) if found else None
