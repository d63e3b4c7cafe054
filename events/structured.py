"""The structured form: one field, ``event``, that holds a CloudEvents object."""

from typing import Any

import msgspec

from events.conversion import Reading, converted
from events.errors import Unfit
from events.frame import JSON, Format, Frame, format_of
from events.reasons import NOTHING, malformed, mismatch
from events.shapes import Shape
from events.unknown import unknown_names
from events.upcasts import Catalogue
from schemas.event import Event


def read_structured(body: bytes, shape: Shape, *, catalogue: Catalogue, sample_unknown: bool) -> Reading:
    """The attributes and the data of a CloudEvents object.

    Raises:
        Unfit: it is malformed, of another type, or anything in it is not what it should be.
        NewerEvent: its schema version is newer than this engine.
        RecursionError: it is nested too deeply.
    """
    form = format_of(body)
    try:
        frame = _frame(body, form)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unfit(malformed(error, body)) from error
    if frame.type != shape.kind.type:
        raise Unfit(f'type is "{frame.type[:60]}", expected {shape.kind.type}, the type that the stream is named for')
    try:
        data = _data(frame, form, shape, catalogue)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unfit(malformed(error, body, start=body.find(bytes(frame.data)))) from error
    return Reading(frame, data, _unknown(frame.data, form, shape) if sample_unknown else ())


def _frame(body: bytes, form: Format) -> Frame:
    try:
        return form.frame.decode(body)
    except msgspec.ValidationError as error:
        raise Unfit(mismatch(error, _plain(body, form), Frame, root="")) from error


def _data(frame: Frame, form: Format, shape: Shape, catalogue: Catalogue) -> Event:
    """The data, by the strict decoder where it can read it, else step by step."""
    if frame.schemaversion == shape.kind.schema_version:
        try:
            return (shape.json if form is JSON else shape.msgpack).decode(frame.data)  # type: ignore[no-any-return]
        except msgspec.ValidationError as error:
            plain = _plain(frame.data, form)
            if plain is NOTHING:
                raise Unfit(mismatch(error, plain, shape.kind, root="data")) from error
    else:
        plain = form.plain.decode(frame.data)
    return converted(plain, shape, version=frame.schemaversion, catalogue=catalogue)


def _plain(body: bytes | msgspec.Raw, form: Format) -> Any:
    """Plain values, or ``NOTHING`` where a number in them is beyond every range."""
    try:
        return form.plain.decode(body)
    except msgspec.ValidationError:
        return NOTHING


def _unknown(data: msgspec.Raw, form: Format, shape: Shape) -> tuple[str, ...]:
    try:
        return unknown_names(form.plain.decode(data), shape.node)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ()
