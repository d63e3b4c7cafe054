"""Fields that nobody declared: not kept, but named now and then, so that typing errors are found."""

from collections.abc import Iterator
from typing import Any

from msgspec import inspect

from events.shapes import members, sole

LIMIT = 20
LONGEST = 100


def unknown_names(value: Any, node: inspect.Type) -> tuple[str, ...]:
    """Dotted names of the fields below ``value`` that ``node`` does not declare: sorted, the first 20."""
    return tuple(sorted(set(_unknown(value, node)))[:LIMIT])


def _unknown(value: Any, node: inspect.Type) -> Iterator[str]:
    only = sole(node)
    if isinstance(only, inspect.ListType) and isinstance(value, list):
        for entry in value:
            yield from _unknown(entry, only.item_type)
    if isinstance(only, inspect.StructType) and isinstance(value, dict):
        declared = members(only)
        for name, inner in value.items():
            if name in declared:
                yield from (f"{name}.{below}"[:LONGEST] for below in _unknown(inner, declared[name]))
            else:
                yield str(name)[:LONGEST]
