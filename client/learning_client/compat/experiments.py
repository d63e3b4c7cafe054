"""The allocations in force, as experiments of the old shape."""

from collections.abc import Mapping
from typing import Any

from learning_client.version import Allocation, Version


def active_experiments(version: Version | None) -> list[dict[str, Any]]:
    """Every split of units that is in force."""
    return [] if version is None else [_shown(each, version) for each in version.allocations]


def experiment(version: Version | None, experiment_id: str) -> dict[str, Any] | None:
    """The split with this id; None where none is in force. What the engine alone knows is None in it."""
    found = [each for each in active_experiments(version) if each["experiment_id"] == experiment_id]
    return found[0] if found else None


def split_names(version: Version | None) -> set[str]:
    """The parameters that are split among units."""
    return set() if version is None else {name for each in version.allocations for name in each.parameters}


def _shown(allocation: Allocation, version: Version) -> dict[str, Any]:
    return {
        "experiment_id": allocation.id,
        "parameter": ", ".join(allocation.parameters),
        "status": "running",
        "variants": [_value(arm.values) for arm in allocation.arms],
        "control_value": _value({name: version.values.get(name) for name in allocation.parameters}),
        "variant_stats": None,
        "total_samples": None,
        "winner": None,
        "p_value": None,
        "improvement": None,
    }


def _value(values: Mapping[str, Any]) -> Any:
    """The value of one parameter alone, or of several by name."""
    return next(iter(values.values())) if len(values) == 1 else dict(values)
