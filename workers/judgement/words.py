"""What trading said of itself, in the bodies of events."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from store.facts import Facts
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


class Said(NamedTuple):
    """What trading said last, by alert, and of volume by whatever the outcome names."""

    materialised: dict[str, bool]
    volumes: dict[tuple[str, str], float]


SILENT = OutcomeWords()
ALERT_WORDS = msgspec.json.Decoder(AlertWords)
_OUTCOME_WORDS = msgspec.json.Decoder(OutcomeWords)


Name = tuple[str, str]
"""What an outcome is about: ``decision``, ``position`` or ``alert``, and its id."""


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
    return Said(_by_alert(caused, facts), volumes)


def _by_alert(caused: Mapping[Name, tuple[int, str, float]], facts: Facts) -> dict[str, bool]:
    """What was said of the alerts that decisions and positions come from, and of alerts themselves."""
    newest: dict[str, tuple[int, str, float]] = {}
    for name, alert_id in _alerts(caused, facts):
        newest[alert_id] = max(caused[name], newest.get(alert_id, caused[name]))
    return {alert_id: bool(value) for alert_id, (_, _, value) in newest.items()}


def _alerts(names: Iterable[Name], facts: Facts) -> Iterator[tuple[Name, str]]:
    """Each name with the alert that it leads to."""
    sorts: dict[str, set[str]] = defaultdict(set)
    for sort, name in names:
        sorts[sort].add(name)
    yield from ((("alert", name), name) for name in sorts["alert"])
    for decision in facts.decisions(ids=sorts["decision"]):
        if decision.alert_id:
            yield ("decision", decision.decision_id), decision.alert_id
    filled: dict[str, list[str]] = defaultdict(list)
    for decision_id, position_id in facts.filled(positions=sorts["position"]):
        filled[decision_id].append(position_id)
    for decision in (*facts.decisions(positions=sorts["position"]), *facts.decisions(ids=filled)):
        if decision.alert_id and decision.action == BUY:
            named = [decision.position_id] if decision.position_id in sorts["position"] else []
            for position_id in {*named, *filled[decision.decision_id]}:
                yield ("position", position_id or ""), decision.alert_id
