"""How old schema versions climb to the newest, one small pure step at a time."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from events.errors import NewerEvent, Unfit
from schemas.catalogue import EVENTS
from schemas.event import Event

Fields = dict[str, Any]
"""The data of an event as plain values, by their names on the wire."""

Upcast = Callable[[Fields], Fields]
"""Makes the data of version n + 1 out of the data of version n, and changes nothing else."""

UPCASTS: Mapping[tuple[str, int], Upcast] = {}
"""By event type and the version that the step starts from. Every type is still at its first version."""


class Catalogue(NamedTuple):
    """The event types that can be read, by name on the wire, and the steps of their old versions."""

    events: Mapping[str, type[Event]]
    upcasts: Mapping[tuple[str, int], Upcast]


CATALOGUE = Catalogue(EVENTS, UPCASTS)


def climb(fields: Fields, shape: type[Event], *, version: int, upcasts: Mapping[tuple[str, int], Upcast]) -> Fields:
    """The data of schema ``version`` as the newest version has it.

    Raises:
        NewerEvent: ``version`` is newer than this engine.
        Unfit: there is no step for ``version``, or its data has not the fields of that version.
    """
    if version > shape.schema_version:
        raise NewerEvent(shape.type, version, known=shape.schema_version)
    for step in range(version, shape.schema_version):
        if (shape.type, step) not in upcasts:
            raise Unfit(f"schemaversion is {step}; {shape.type} cannot be read from that version any more")
        try:
            fields = upcasts[shape.type, step](fields)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise Unfit(f"data is not that of {shape.type} in schema version {step}: {error!r}") from error
    return fields
