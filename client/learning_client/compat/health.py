"""The answers about the health of the engine, in the old shapes."""

from typing import Any

from learning_client.compat.published import Overview, Published

UNKNOWN = "unknown"
WORST = ("critical", "degraded", "healthy")


def health_check(published: Published | None, *, now: int) -> dict[str, Any]:
    """``status``, ``issues`` and ``metrics`` as health told them last, and ``age_seconds``."""
    known, why = _known(published)
    if known is None:
        return {"status": UNKNOWN, "issues": [], "metrics": {}, "age_seconds": None, "reason": why}
    return {
        "status": _worst(known),
        "issues": [
            {
                "severity": part.state,
                "message": f"{part.part}: {reason}",
                "suggestion": "ask `learning health` on the engine's machine",
            }
            for part in known.parts
            for reason in part.reasons
        ],
        "metrics": _metrics(known),
        "age_seconds": _age(known, now),
        "reason": None,
    }


def health_summary(published: Published | None, *, now: int) -> dict[str, Any]:
    """How many parts are how, as health told it last, and ``age_seconds``; what is not known is None."""
    known, why = _known(published)
    states = None if known is None else [part.state for part in known.parts]
    return {
        "overall_status": UNKNOWN if known is None else _worst(known),
        "checks_performed": None if states is None else len(states),
        **{f"{state}_count": None if states is None else states.count(state) for state in WORST},
        "latest_metrics": {} if known is None else _metrics(known),
        "age_seconds": None if known is None else _age(known, now),
        "reason": why,
    }


def _known(published: Published | None) -> tuple[Overview | None, str | None]:
    if published is None:
        return None, "nobody asks the broker: hand a Published to the Learner"
    return published.health, published.unknown if published.health is None else None


def _worst(known: Overview) -> str:
    states = {part.state for part in known.parts}
    return next((state for state in WORST if state in states), UNKNOWN)


def _metrics(known: Overview) -> dict[str, int]:
    return {f"{part.part}.{name}": count for part in known.parts for name, count in part.counts.items()}


def _age(known: Overview, now: int) -> float:
    return max(0, now - known.at) / 1e6
