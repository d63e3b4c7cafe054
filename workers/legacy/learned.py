"""The values that an old learner had come to: shown to a person, never taken over."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from schemas.parameters import Registry


class Learned(NamedTuple):
    """A value that is not its default any more, with as many samples as were told, and what may be done about it."""

    name: str
    default: Any
    value: Any
    samples: Any
    advice: str


def learned_values(parameters: Mapping[str, Any], registry: Registry) -> Iterator[Learned]:
    """Those of the old parameters whose value is another than their default, by name."""
    for name, told in sorted(parameters.items()):
        if not isinstance(told, dict) or told.get("current_value") == told.get("default_value"):
            continue
        value = told.get("current_value")
        if name not in registry.parameters:
            advice = f"no parameter of {registry.strategy!r}: write it into the registry, if it is one"
        else:
            advice = f'learning params set {name} {value} --reason "..."'
        yield Learned(name, told.get("default_value"), value, told.get("learned_from_samples"), advice)
