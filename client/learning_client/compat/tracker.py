"""The old tracker of outcomes over events."""

import re
from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Any
from uuid import uuid4

from learning_client.compat.deprecation import deprecated
from learning_client.errors import Misuse
from learning_client.parameters import ParameterClient
from learning_client.publisher import EventPublisher
from learning_client.snapshot import Snapshot

HORIZON = re.compile(r"close|[1-9][0-9]{0,3}[dhm]")
FOREIGN = re.compile(r"[^A-Za-z0-9_.:\-]")
LONGEST_NAME = 100
UNTOLD = "untold-"
"""So begins the id of an alert that was not told: collecting is off, or the call was wrong."""

ENGINE = "the engine knows it, see `learning export`"


def untold() -> str:
    """An id for an alert that nobody hears of; its outcomes are not told either."""
    return f"{UNTOLD}{uuid4()}"


class Tracker:
    """Tells alerts and outcomes. Points and per cent become fractions; words become names as the engine takes them.

    An alert bears the version in force only where that can be true: the values are learned, ``parameters_used`` are
    those of the version, and no units are split among arms, for old calls read values without naming the unit.
    """

    def __init__(self, publisher: EventPublisher, params: ParameterClient) -> None:
        self._publisher = publisher
        self._params = params

    def trouble(self, name: str, error: Exception) -> None:
        """Count an error with those of the publisher, and log the first of its kind."""
        self._publisher.trouble(f"compat {name}", error)

    @deprecated("use EventPublisher.alert", otherwise=untold)
    def record_alert(
        self,
        ticker: str,
        score: float,
        parameters_used: Mapping[str, Any] | None = None,
        score_breakdown: Mapping[str, Any] | None = None,
        market_regime: str = "unknown",
    ) -> str:
        """Tell an alert; ``score`` is 0 to 100. Its id."""
        return self.told(ticker, score, score_breakdown or {}, market_regime, used=parameters_used or {})

    @deprecated("use EventPublisher.outcome", otherwise=lambda: False)
    def update_outcome(self, alert_id: str, outcomes: Mapping[str, Any]) -> bool:
        """Tell what followed, per cent by horizon. Whether anything of it was told."""
        return self.followed(alert_id, outcomes)

    @deprecated(ENGINE, otherwise=list)
    def get_outcomes_for_parameter(
        self,
        name: str,  # noqa: ARG002 - the old signature
        min_date: datetime | None = None,  # noqa: ARG002
    ) -> list[tuple[Any, str]]:
        """None: outcomes are not kept here."""
        return []

    @deprecated(ENGINE, otherwise=dict)
    def get_parameter_performance(self, name: str) -> dict[str, Any]:  # noqa: ARG002 - the old signature
        """None of it is known here, and ``reason`` says so."""
        unknown = ("samples", "wins", "losses", "neutral", "win_rate", "confidence_interval", "avg_value_wins")
        return {**dict.fromkeys((*unknown, "avg_value_losses")), "reason": ENGINE}

    @deprecated(ENGINE, otherwise=list)
    def get_recent_outcomes(self, days: int = 30) -> list[dict[str, Any]]:  # noqa: ARG002 - the old signature
        """None: outcomes are not kept here."""
        return []

    def told(
        self, ticker: str, score: float, breakdown: Mapping[str, Any], regime: str, *, used: Mapping[str, Any]
    ) -> str:
        """Tell an alert, and answer with an id whatever happens."""
        told = self._publisher.alert(
            symbol=ticker,
            score=score / 100,
            features=features(breakdown),
            regime=None if regime in ("", "unknown", None) else fitting(regime),
            snapshot=self._in_force(used),
        )
        return told or untold()

    def followed(self, alert_id: str, outcomes: Mapping[str, Any]) -> bool:
        """Tell each horizon's per cent as an outcome of the alert."""
        if str(alert_id).startswith(UNTOLD):
            return False
        told = [
            self._publisher.outcome(alert_id=str(alert_id), horizon=horizon, return_=percent / 100)
            for horizon, percent in outcomes.items()
            if _is_number(percent) and self._is_horizon(horizon)
        ]
        return any(told)

    def _is_horizon(self, word: str) -> bool:
        fits = HORIZON.fullmatch(word) is not None
        if not fits:
            self.trouble("update_outcome", Misuse(f"{word!r} is no horizon such as '5d' or 'close', it is not told"))
        return fits

    def _in_force(self, used: Mapping[str, Any]) -> Snapshot | None:
        snapshot, version = self._params.snapshot(), self._params.version
        if version is None or snapshot.version != str(version.id) or version.allocations:
            return None
        differs = any(name in snapshot.values and snapshot.values[name] != value for name, value in used.items())
        return None if differs else snapshot


def features(breakdown: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of ``{component: {key: number}}`` by ``component.key``; what is no finite number is missing."""
    found: dict[str, float] = {}
    for component, parts in breakdown.items():
        inner = parts if isinstance(parts, Mapping) else {"": parts}
        for key, number in inner.items():
            if _is_number(number):
                found[fitting(f"{component}.{key}" if key else str(component))] = float(number)
    return found


def fitting(name: str) -> str:
    """``name`` as the engine takes names: other characters than letters, digits and ``_ . : -`` become ``_``."""
    return FOREIGN.sub("_", name)[:LONGEST_NAME]


def _is_number(value: Any) -> bool:
    try:
        return not isinstance(value, (bool, str)) and isfinite(value)
    except (TypeError, OverflowError):
        return False
