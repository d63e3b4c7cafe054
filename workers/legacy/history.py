"""The old history of alerts and what followed, as events."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any

import msgspec

from events.errors import Unfit
from events.moments import moment_text
from schemas.alert import AlertRaised
from schemas.calendar import Calendar, NoSession
from schemas.outcome import OutcomeObserved
from schemas.spans import sessions_of, span_of

SOURCE = "legacy"
"""The source of every event of an old history."""

HORIZON = re.compile(r"[1-9][0-9]{0,3}[dhm]")
FOREIGN = re.compile(r"[^A-Za-z0-9_.:\-]")
LONGEST_NAME, LONGEST_SYMBOL, LONGEST_ID = 100, 32, 150

Event = dict[str, Any]


class History:
    """Turns entries into CloudEvents: an alert each, and an outcome for each horizon.

    Points and per cent become fractions. Ids are made of what an entry says, so that the same entry is the same
    event whenever it is imported; an alert keeps its own id unless different alerts bear it, as happens where ids are
    made of the second. An outcome's time, which the files do not tell, is the end of its horizon.

    Args:
        moment: microseconds of a local time. Raises Unfit.

    Attributes:
        alerts, outcomes: how many were made.
        refused: what was not, by reason.
        unplaced: what has no field here, by what it is.
    """

    def __init__(
        self, entries: Sequence[Any], *, strategy: str, calendar: Calendar, moment: Callable[[str], int]
    ) -> None:
        self._entries = entries
        self._strategy = strategy
        self._calendar = calendar
        self._moment = moment
        self.alerts = self.outcomes = 0
        self.refused: Counter[str] = Counter()
        self.unplaced: Counter[str] = Counter()

    def events(self) -> Iterator[Event]:
        """The events, entry by entry."""
        bearers: dict[str, set[str]] = defaultdict(set)
        for entry in self._entries:
            if isinstance(entry, dict):
                bearers[_own_id(entry)].add(_name(*_identity(entry)))
        seen: set[str] = set()
        for entry in self._entries:
            try:
                alert = self._alert(entry, shared=lambda own: len(bearers[own]) > 1)
            except Unfit as error:
                self.refused[f"an entry: {error}"] += 1
                continue
            if alert["id"] in seen:
                self.refused["an entry: it stands in the file twice"] += 1
            else:
                seen.add(alert["id"])
                self.alerts += 1
                yield alert
                yield from self._followed(entry, alert)

    def _alert(self, entry: Any, *, shared: Callable[[str], bool]) -> Event:
        if not isinstance(entry, dict):
            raise Unfit(f"it is {str(entry)[:60]!r}, expected an object")
        time = self._moment(_text(entry, "timestamp"))
        own, name = _own_id(entry), _name(*_identity(entry))
        regime = entry.get("market_regime")
        data = {
            "strategy": self._strategy,
            "alert_id": f"{own}-{name[:8]}" if shared(own) else own or name,
            "symbol": _symbol(entry),
            "score": _score(entry),
            "features": _features(entry.get("score_breakdown")),
        }
        if isinstance(regime, str) and regime not in ("", "unknown"):
            data["regime"] = _fitting(regime)
        if entry.get("parameters_used"):
            self.unplaced["parameters_used of alerts: they were no version of this engine"] += 1
        return _event(AlertRaised.type, f"alert-{name}", time, data)

    def _followed(self, entry: Mapping[str, Any], alert: Event) -> Iterator[Event]:
        outcomes = entry.get("outcomes") or {}
        if not isinstance(outcomes, dict):
            self.refused["the outcomes of an entry: they are no object"] += 1
            return
        for horizon, percent in outcomes.items():
            if percent is None:
                continue
            try:
                yield self._outcome(entry, alert, horizon, percent)
                self.outcomes += 1
            except (Unfit, NoSession) as error:
                self.refused[f"an outcome: {error}"] += 1

    def _outcome(self, entry: Mapping[str, Any], alert: Event, horizon: str, percent: Any) -> Event:
        if not HORIZON.fullmatch(horizon):
            raise Unfit(f'its horizon is "{horizon[:60]}", expected one such as 5d or 4h, whose end is known')
        word = entry.get("outcome_class")
        name = _name(alert["id"], horizon, percent, word)
        data = {
            "strategy": self._strategy,
            "outcome_id": f"outcome-{name}",
            "alert_id": alert["data"]["alert_id"],
            "horizon": horizon,
            "return": _hundredth(_number(percent, horizon)),
        }
        if isinstance(word, str):
            data["outcome_class"] = word[:LONGEST_NAME]
        return _event(OutcomeObserved.type, f"outcome-{name}", self._end_of(horizon, _text(entry, "timestamp")), data)

    def _end_of(self, horizon: str, timestamp: str) -> int:
        time = self._moment(timestamp)
        if (span := span_of(horizon)) is not None:
            return self._calendar.after(time, span)
        first = self._calendar.first_open_at_or_after(time)
        return self._calendar.close_of(self._calendar.shift(first, sessions_of(horizon) - 1))


def _event(kind: str, name: str, time: int, data: Mapping[str, Any]) -> Event:
    return {"specversion": "1.0", "id": name, "source": SOURCE, "type": kind, "time": moment_text(time), "data": data}


def _own_id(entry: Mapping[str, Any]) -> str:
    """The id that an entry bears, "" where it has none that can be one here."""
    own = str(entry.get("alert_id") or "")
    return own if len(own) <= LONGEST_ID else ""


def _identity(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes an alert the one it is; what followed comes later and is no part of it."""
    return tuple(entry.get(name) for name in ("alert_id", "ticker", "timestamp", "score", "score_breakdown"))


def _name(*content: Any) -> str:
    """128 bits of the SHA-256 of ``content``."""
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:32]


def _text(entry: Mapping[str, Any], name: str) -> str:
    told = entry.get(name)
    if not isinstance(told, str) or not told:
        raise Unfit(f"its {name} is {str(told)[:60]!r}, expected text")
    return told


def _symbol(entry: Mapping[str, Any]) -> str:
    symbol = _text(entry, "ticker")
    if len(symbol) > LONGEST_SYMBOL:
        raise Unfit(f"its ticker is {symbol[:60]!r}, expected at most {LONGEST_SYMBOL} characters")
    return symbol


def _score(entry: Mapping[str, Any]) -> float:
    score = _number(entry.get("score"), "score")
    if not 0 <= score <= 100:
        raise Unfit(f"its score is {score}, expected 0 to 100")
    return _hundredth(score)


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise Unfit(f"its {name} is {str(value)[:60]!r}, expected a number")
    return value


def _hundredth(number: float) -> float:
    """A hundredth, exactly as written: 2.1 becomes 0.021."""
    return float(Decimal(str(number)).scaleb(-2))


def _features(breakdown: Any) -> dict[str, float]:
    """The numbers of ``{component: {key: number}}`` by ``component.key``."""
    found = {}
    for component, parts in (breakdown if isinstance(breakdown, dict) else {}).items():
        for key, number in (parts if isinstance(parts, dict) else {"": parts}).items():
            if isinstance(number, int | float) and not isinstance(number, bool):
                found[_fitting(f"{component}.{key}" if key else component)] = float(number)
    return found


def _fitting(name: str) -> str:
    return FOREIGN.sub("_", name)[:LONGEST_NAME]
