"""From plain values to an event: climb, put words right, convert strictly, explain."""

from typing import Any

import msgspec

from events.errors import Unfit
from events.forms import shown
from events.frame import Attributes
from events.reasons import mismatch
from events.shapes import Shape
from events.upcasts import Catalogue, climb
from events.words import mend_words
from schemas.event import Event


class Reading(msgspec.Struct, frozen=True):
    """What an entry says: its attributes, its data, and the names of undeclared fields where asked for."""

    attributes: Attributes
    data: Event
    unknown: tuple[str, ...] = ()


def converted(plain: Any, shape: Shape, *, version: int, catalogue: Catalogue, strict: bool = True) -> Event:
    """The event that ``plain`` values of schema ``version`` are.

    Raises:
        Unfit: something is missing, of the wrong kind or out of bounds; names the field and the right form.
        NewerEvent: ``version`` is newer than this engine.
    """
    if not isinstance(plain, dict):
        raise Unfit(f"data is {shown(plain)}, expected an object with the fields of {shape.kind.type}")
    newest = mend_words(climb(plain, shape.kind, version=version, upcasts=catalogue.upcasts), shape.kind)
    try:
        return msgspec.convert(newest, shape.kind, strict=strict)
    except msgspec.ValidationError as error:
        raise Unfit(mismatch(error, newest, shape.kind, root="data", strict=strict)) from error
