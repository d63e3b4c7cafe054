"""What a value stands for, and which values stand for nothing that can be written."""

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from enum import Enum
from typing import Any

from learning_client.errors import Misuse

SIMPLE = frozenset({str, int, float, bool, type(None)})
"""Types that are what they are; most values are of these."""

CONTAINERS = frozenset({dict, tuple, list})

UNMEANT = (bytes, bytearray, memoryview, timedelta)
"""msgspec has a text for them, such as base64, which nobody means."""


def plain(value: Any) -> Any:
    """What an enum or a numpy scalar stands for; all else is what it is."""
    if isinstance(value, Enum):
        return value.value
    return value.item() if hasattr(value, "item") else value


def all_simple(values: Iterable[Any]) -> bool:
    """Whether they are of simple types, or contain only such; it costs a tenth of writing them."""
    for value in values:
        kind = type(value)
        if kind not in SIMPLE and not (
            kind in CONTAINERS
            and {*map(type, value)} <= SIMPLE
            and (kind is not dict or {*map(type, value.values())} <= SIMPLE)
        ):
            return False
    return True


def check_meant(name: str, values: Collection[Any]) -> None:
    """See that none of ``values``, and nothing in them, would become a text that nobody means.

    Raises:
        Misuse: one would.
    """
    for kind in {*map(type, values)} - SIMPLE:
        if issubclass(kind, UNMEANT):
            raise Misuse(f"{name} has the wrong type: {kind.__name__} has no form in JSON")
        for value in values if issubclass(kind, (Mapping, list, tuple, set, frozenset, Enum)) else ():
            if isinstance(value, Mapping):
                check_meant(name, value.keys())
                check_meant(name, value.values())
            elif isinstance(value, (list, tuple, set, frozenset)):
                check_meant(name, value)
            elif isinstance(value, Enum):
                check_meant(name, [value.value])
