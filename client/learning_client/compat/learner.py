"""The calls of the old learner."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from learning_client.compat import experiments, health
from learning_client.compat.deprecation import deprecated
from learning_client.compat.published import Published
from learning_client.compat.registry import Registry
from learning_client.compat.tracker import Tracker, untold
from learning_client.errors import Misuse
from learning_client.moments import Clock, micros, now, rfc3339
from learning_client.parameters import ParameterClient
from learning_client.publisher import EventPublisher
from learning_client.snapshot import Snapshot
from learning_client.units import AS_ON_THE_WIRE

CHANGES = 20
"""So many changes of values are remembered."""

READ = "read ParameterClient"


class Learner:
    """Answers the old calls: alerts and outcomes become events, values come from memory, nothing is learned here.

    Each warns its call site once of what to use instead. None does I/O on the caller's thread, writes a file, or
    raises what the old one did not: ``get_parameter`` alone raises KeyError. What only the engine knows is what it
    published last, with its ``age_seconds``, or None with the ``reason``; never a number that nobody measured. ::

        published = compat.Published(url, switches=publisher.switches)
        published.start()
        compat.install("src.learning.parameter_learning", compat.Learner(publisher, params, published))

    Args:
        published: where the engine's health and cycles are read; without it they are unknown.
        clock: microseconds since 1970 UTC.

    Raises:
        Misuse: only here, for a publisher with ``units``.
    """

    def __init__(
        self,
        publisher: EventPublisher,
        params: ParameterClient,
        published: Published | None = None,
        *,
        clock: Clock = now,
    ) -> None:
        if publisher.units != AS_ON_THE_WIRE:
            raise Misuse(
                f"{publisher.units}: the old calls say points and per cent by themselves; hand over a publisher "
                "without units, and tell new calls through another one"
            )
        self._publisher = publisher
        self._params = params
        self._published = published
        self._clock = clock
        self._tracker = Tracker(publisher, params)
        self._registry = Registry(params, self.trouble)
        self._changes: deque[dict[str, Any]] = deque(maxlen=CHANGES)
        params.on_update(self._changed)

    def trouble(self, name: str, error: Exception) -> None:
        """Count an error with those of the publisher, and log the first of its kind."""
        self._publisher.trouble(f"compat {name}", error)

    @deprecated(READ, otherwise=lambda: None, lets=KeyError)
    def get_parameter(self, name: str) -> Any:
        """The value.

        Raises:
            KeyError: the program has no default for it.
        """
        return self._params[name]

    @deprecated(READ, otherwise=dict)
    def get_parameters_snapshot(self) -> dict[str, Any]:
        """All values of one version."""
        return dict(self._params.snapshot().values)

    @deprecated(READ, otherwise=lambda: None)
    def get_registry(self) -> Registry:
        """The registry."""
        return self._registry

    @deprecated("use EventPublisher", otherwise=lambda: None)
    def get_outcome_tracker(self) -> Tracker:
        """The tracker."""
        return self._tracker

    @deprecated("use EventPublisher.alert", otherwise=untold)
    def record_alert_with_params(
        self,
        ticker: str,
        score: float,
        score_breakdown: Mapping[str, Any] | None = None,
        market_regime: str = "unknown",
    ) -> str:
        """Tell an alert; ``score`` is 0 to 100. Its id."""
        return self._tracker.told(ticker, score, score_breakdown or {}, market_regime, used={})

    @deprecated("use EventPublisher.outcome", otherwise=lambda: False)
    def update_alert_outcome(self, alert_id: str, outcomes: Mapping[str, Any]) -> bool:
        """Tell what followed, per cent by horizon. Whether anything of it was told."""
        return self._tracker.followed(alert_id, outcomes)

    @deprecated("the engine runs cycles by itself, see `learning cycle`", otherwise=dict)
    def run_optimization_cycle(self) -> dict[str, Any]:
        """Runs nothing: what the newest cycle proposed, by id. What became of it the gate decides."""
        cycle = None if self._published is None else self._published.cycle
        known: dict[str, Any] = dict.fromkeys(("timestamp", "session", "report", "age_seconds", "reason"))
        if cycle is None:
            known["reason"] = self._unknown()
        else:
            told = micros(cycle.time)
            known.update(timestamp=rfc3339(told), session=cycle.data.session, report=cycle.data.report)
            known["age_seconds"] = max(0, self._clock() - told) / 1e6
        proposals = [] if cycle is None else list(cycle.data.proposals)
        return {"recommendations": proposals, "applied": [], "rejected": [], **known}

    @deprecated("ask `learning health`", otherwise=dict)
    def run_health_check(self) -> dict[str, Any]:
        """Checks nothing: what health said last."""
        return health.health_check(self._published, now=self._clock())

    @deprecated("ask `learning health`", otherwise=dict)
    def get_health_summary(self) -> dict[str, Any]:
        """What health said last, in counts."""
        return health.health_summary(self._published, now=self._clock())

    @deprecated("ask `learning status`", otherwise=dict)
    def get_learning_status(self) -> dict[str, Any]:
        """Version, health, parameters, changes and what is tried, as far as the trading side knows it."""
        moment, version, snapshot = self._clock(), self._params.version, self._params.snapshot()
        known = self._registry.statistics()
        return {
            "version": None if version is None else str(version.id),
            "timestamp": rfc3339(moment),
            "health": health.health_summary(self._published, now=moment),
            "parameters": {
                **{name: known[name] for name in ("total", "learned", "static", "by_status", "by_category")},
                "learning_progress": None,
                "avg_confidence": None,
            },
            "recent_changes": list(self._changes),
            "active_experiments": experiments.active_experiments(version),
            "standing": snapshot.standing,
            "reason": snapshot.reason,
        }

    @deprecated("write a [[trial]] into the engine's registry", otherwise=lambda: None)
    def create_experiment(self, param_name: str, variants: Sequence[float]) -> str | None:
        """Nothing is begun, and so None: what is tried stands in the engine's registry."""
        raise Misuse(
            f"nothing is begun on {param_name!r} with {variants!r}: write a [[trial]] into the engine's registry"
        )

    @deprecated("see `learning params show`", otherwise=lambda: None)
    def get_experiment_status(self, experiment_id: str) -> dict[str, Any] | None:
        """A split of units that is in force; None for any other id. How its arms stand only the engine knows."""
        return experiments.experiment(self._params.version, experiment_id)

    def _unknown(self) -> str:
        return (
            "nobody asks the broker: hand a Published to the Learner"
            if self._published is None
            else (self._published.unknown)
        )

    def _changed(self, old: Snapshot, new: Snapshot) -> None:
        """Remember what is another value now; on the client's own thread."""
        moment = rfc3339(self._clock())
        for name, value in new.values.items():
            if value != old.values[name]:
                self._changes.append(
                    {"timestamp": moment, "parameter": name, "old_value": old.values[name], "new_value": value}
                )
