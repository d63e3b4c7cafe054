"""What trading said of itself, in the bodies of events."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from store.facts import AlertRow, DecisionRow, Facts
from store.judged import telling_outcomes
from workers.join.cases import BUY
from workers.join.names import most_exact


class AlertWords(msgspec.Struct, frozen=True):
    """What an alert predicted. ``expected_relative_volume``: a multiple of the mean of the 30 bars before."""

    catalyst_type: str | None = None
    expected_relative_volume: float | None = None


class OutcomeWords(msgspec.Struct, frozen=True):
    """What an outcome said of these predictions."""

    catalyst_materialised: bool | None = None
    volume_prediction_accuracy: float | None = None


SILENT = OutcomeWords()
ALERT_WORDS = msgspec.json.Decoder(AlertWords)
_OUTCOME_WORDS = msgspec.json.Decoder(OutcomeWords)


Name = tuple[str, str]
"""What an outcome is about: ``decision``, ``position`` or ``alert``, and its id."""

Named = AlertRow | DecisionRow
"""What is known of that: the alert, the decision, or the first purchase of the position."""


class Said(NamedTuple):
    """What trading said last, by alert, and of volume by whatever the outcome names; with what is known of that."""

    materialised: dict[str, bool]
    volumes: list[tuple[float, Named | None]]


def said(connection: Connection, strategy: str, *, since: int) -> Said:
    """What the outcomes of a moment and later say; of several about one thing, the newest that says it."""
    facts = Facts(connection, strategy)
    newest: dict[tuple[Name, str], tuple[int, str, float]] = {}
    for outcome in telling_outcomes(connection, strategy, since=since):
        words = _OUTCOME_WORDS.decode(outcome.body)
        if words == SILENT or not (name := most_exact(outcome._asdict()))[1]:
            continue
        for what, value in msgspec.structs.asdict(words).items():
            if value is not None:
                told = (outcome.time, outcome.outcome_id, value)
                newest[name, what] = max(told, newest.get((name, what), told))
    volumes = {name: value for (name, what), (_, _, value) in newest.items() if what == "volume_prediction_accuracy"}
    caused = {name: told for (name, what), told in newest.items() if what == "catalyst_materialised"}
    known = _known(volumes, facts)
    return Said(_by_alert(caused, facts), [(value, known.get(name)) for name, value in volumes.items()])


def _by_alert(caused: Mapping[Name, tuple[int, str, float]], facts: Facts) -> dict[str, bool]:
    """What was said of the alerts that decisions and positions come from, and of alerts themselves."""
    newest: dict[str, tuple[int, str, float]] = {}
    for name, alert_id in _alerts(caused, facts):
        newest[alert_id] = max(caused[name], newest.get(alert_id, caused[name]))
    return {alert_id: bool(value) for alert_id, (_, _, value) in newest.items()}


def _alerts(names: Iterable[Name], facts: Facts) -> Iterator[tuple[Name, str]]:
    """Each name with the alert that it leads to."""
    sorts = _by_sort(names)
    yield from ((("alert", name), name) for name in sorts["alert"])
    for decision in facts.decisions(ids=sorts["decision"]):
        if decision.alert_id:
            yield ("decision", decision.decision_id), decision.alert_id
    for position_id, decision in _purchases(sorts["position"], facts):
        if decision.alert_id:
            yield ("position", position_id), decision.alert_id


def _known(names: Iterable[Name], facts: Facts) -> dict[Name, Named]:
    """What is known of what names stand for."""
    sorts = _by_sort(names)
    found: dict[Name, Named] = {("alert", alert.alert_id): alert for alert in facts.alerts(ids=sorts["alert"])}
    found |= {("decision", one.decision_id): one for one in facts.decisions(ids=sorts["decision"])}
    purchases = sorted(_purchases(sorts["position"], facts), key=lambda pair: (pair[1].time, pair[1].decision_id))
    for position_id, decision in purchases:
        found.setdefault(("position", position_id), decision)
    return found


def _by_sort(names: Iterable[Name]) -> dict[str, set[str]]:
    sorts: dict[str, set[str]] = defaultdict(set)
    for sort, name in names:
        sorts[sort].add(name)
    return sorts


def _purchases(positions: set[str], facts: Facts) -> Iterator[tuple[str, DecisionRow]]:
    """The decisions that bought into each position, by their own word or by a fill that names both."""
    filled: dict[str, list[str]] = defaultdict(list)
    for decision_id, position_id in facts.filled(positions=positions):
        filled[decision_id].append(position_id)
    for decision in (*facts.decisions(positions=positions), *facts.decisions(ids=filled)):
        if decision.action == BUY:
            named = [decision.position_id] if decision.position_id in positions else []
            for position_id in {*named, *filled[decision.decision_id]}:
                yield position_id or "", decision
