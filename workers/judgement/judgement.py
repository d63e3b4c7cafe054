"""How right trading's own words were, all of it."""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection

from schemas.attributed import Origin
from store.judged import Slot, judged_alerts, runs
from workers.join.rules import Rules
from workers.judgement.catalysts import Catalyst, Catalysts, Rate
from workers.judgement.runs import Discoveries, Runs
from workers.judgement.theses import Theses, judge_theses
from workers.judgement.volumes import VolumeAccuracy, Volumes
from workers.judgement.words import ALERT_WORDS, said


class Judgement(Struct, frozen=True, kw_only=True):
    """What was found of one strategy. ``horizon`` is the one at which alerts are judged.

    ``base_rate`` is to be compared with what prices say of catalysts: the same over all judged alerts.
    """

    strategy: str
    since: str
    horizon: str
    theses: Theses
    catalysts: Sequence[Catalyst]
    base_rate: Rate | None
    volume: VolumeAccuracy
    discovery: Discoveries


def judge(connection: Connection, rules: Rules, *, since: str | None = None) -> Judgement:
    """Compare what trading said with what followed; ``since`` is the first session that is looked at.

    Raises:
        NoSession: ``since`` is no session of the strategy's calendar.
    """
    strategy = rules.registry.strategy
    first = since or rules.calendar.sessions[0]
    begin = rules.calendar.begin_of(first)
    slot = Slot(rules.market.primary_horizon, Origin.PRICES.value)
    words = said(connection, strategy, since=begin)
    catalysts = Catalysts(rules, words.materialised)
    volumes = Volumes(connection, rules, words.volumes)
    discovery = Runs(rules, runs(connection, strategy), since=begin)
    for alert in judged_alerts(connection, strategy, slot, since=first):
        predicted = ALERT_WORDS.decode(alert.body)
        catalysts.take(alert, predicted)
        volumes.take(alert, predicted)
        discovery.take(alert)
    return Judgement(
        strategy=strategy,
        since=first,
        horizon=slot.horizon,
        theses=judge_theses(connection, rules, since=first),
        catalysts=catalysts.result(),
        base_rate=catalysts.base_rate(),
        volume=volumes.result(),
        discovery=discovery.result(),
    )
