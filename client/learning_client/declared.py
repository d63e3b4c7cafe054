"""What the trading side itself says about its parameters: defaults, hard bounds, and when a new value takes effect."""

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from learning_client.arguments import checked_bounds, checked_kind
from learning_client.effects import EFFECTS, NOW
from learning_client.errors import Misuse, RefusedVersion
from learning_client.version import Version, VersionNumber


class Declared:
    """The names, defaults, bounds and moments of the calling program; the last word on what may be used.

    Attributes:
        held: by moment, the names whose new values wait for it.

    Raises:
        Misuse: no mapping, bounds that are no pair of numbers, bounds or an effect for a name without a default, bounds
            that exclude the default, a default that is no value, or an effect that there is not.
    """

    def __init__(
        self,
        defaults: Mapping[str, Any],
        bounds: Mapping[str, tuple[float, float]],
        effects: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        checked_kind("defaults", defaults, Mapping, "write {name: value}, such as {'threshold': 0.7}")
        checked_kind("effects", effects, Mapping, "write {name: effect}, such as {'threshold': 'next_decision'}")
        self.defaults: Mapping[str, Any] = MappingProxyType({name: frozen(value) for name, value in defaults.items()})
        self.bounds: Mapping[str, tuple[float, float]] = MappingProxyType(checked_bounds(bounds))
        for said, names in (("bounds", self.bounds), ("an effect", effects)):
            for name in names:
                if name not in self.defaults:
                    raise Misuse(f"{said} for {name!r}, which has no default{_nearest(name, self.defaults)}")
        self.held: dict[str, frozenset[str]] = {}
        for name, effect in effects.items():
            if effect not in EFFECTS:
                raise Misuse(f"{name} takes effect {effect!r}; it must be one of {', '.join(EFFECTS)}")
            if effect != NOW:
                self.held[effect] = self.held.get(effect, frozenset()) | {name}
        for name, value in self.defaults.items():
            try:
                self._checked(name, value)
            except ValueError as error:
                raise Misuse(f"the default of {error}") from error

    def values_of(self, version: Version) -> Mapping[str, Any]:
        """The baseline values of ``version`` for every declared name, the default where it has none.

        Raises:
            RefusedVersion: one of them is out of bounds or of another kind.
        """
        return MappingProxyType({**self.defaults, **self.used(version.values, number=version.id)})

    def used(self, values: Mapping[str, Any], *, number: VersionNumber) -> dict[str, Any]:
        """Those of ``values`` that are declared, in the form of their defaults.

        Raises:
            RefusedVersion: one of them is out of bounds or of another kind.
        """
        try:
            return {name: self._checked(name, value) for name, value in values.items() if name in self.defaults}
        except ValueError as error:
            raise RefusedVersion(number, str(error)) from error

    def _checked(self, name: str, value: Any) -> Any:
        default = self.defaults[name]
        if _kind(value) != _kind(default):
            raise ValueError(f"{name} is {value!r}, the default {default!r} is of another kind")
        if name in self.bounds:
            low, high = self.bounds[name]
            if _kind(value) != "number":
                raise ValueError(f"{name} has bounds and is not a number: {value!r}")
            if not low <= value <= high:
                raise ValueError(f"{name} is {value!r}, outside the trading side's bounds {low!r} to {high!r}")
        if isinstance(default, float):
            return float(value)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        return frozen(value)


def _kind(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, (list, tuple)):
        return "list"
    raise ValueError(f"{value!r} is neither a number, a text nor a list")


def frozen(value: Any) -> Any:
    """``value`` with tuples in place of lists, so that who holds it cannot change it for others."""
    return tuple(frozen(item) for item in value) if isinstance(value, (list, tuple)) else value


def _nearest(name: str, names: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f"; is {near[0]!r} meant?" if near else ""
