"""The golden messages: how each is made from its sample, and where it lies.

``python -m tests.contract.golden`` writes them all again. Do that when a type or a field is *added*; a message that
changes otherwise is a broken contract.
"""

import base64
from pathlib import Path

import msgspec

from events.codec import encode, encode_msgpack
from events.shapes import shape_of
from tests.contract.samples import FULL, MINIMAL, envelope
from tests.contract.vectors import assignment_vectors, checksum_vectors

CONTRACT = Path(__file__).parents[2] / "docs" / "contract"
GOLDEN = CONTRACT / "golden"


def pretty(body: bytes) -> str:
    """JSON as the golden files keep it: the same tokens, indented."""
    return msgspec.json.format(body, indent=2).decode() + "\n"


def minimal_text(event) -> str:
    """What a sender has to write: four attributes, and the fields that are not at their defaults."""
    framed = msgspec.json.decode(encode(envelope(event)))
    kept = {field.encode_name for field in shape_of(type(event)).node.fields if field.required or _said(event, field)}
    data = {name: value for name, value in framed["data"].items() if name in kept}
    frame = {name: framed[name] for name in ("id", "source", "type", "time")}
    return pretty(msgspec.json.encode({**frame, "data": data}))


def full_text(event) -> str:
    """What the engine writes."""
    return pretty(encode(envelope(event)))


def msgpack_text(event) -> str:
    """The same in MessagePack, in base64 with lines of 76 characters."""
    return base64.encodebytes(encode_msgpack(envelope(event))).decode()


def flat_text(event) -> str:
    """The fields of a flat entry, as an object of texts."""
    framed = msgspec.json.decode(encode(envelope(event)))
    fields = {name: framed[name] for name in ("id", "source", "time")}
    for name, value in framed["data"].items():
        fields |= _flat(name, value)
    return pretty(msgspec.json.encode(fields))


def _flat(name, value):
    if isinstance(value, dict) and not any(isinstance(inner, dict | list) for inner in value.values()):
        return {f"{name}.{key}": _flat_text(inner) for key, inner in value.items()}
    if isinstance(value, list) and value and all(isinstance(entry, str | float) for entry in value):
        return {name: ",".join(map(_flat_text, value))}
    return {name: _flat_text(value)}


def _flat_text(value):
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _said(event, field):
    return getattr(event, field.name) not in (field.default, [], {})


def messages():
    """Every golden message by its file name."""
    for event in MINIMAL:
        yield f"{event.type}.json", minimal_text(event)
    for event in FULL:
        yield f"{event.type}.full.json", full_text(event)
        yield f"{event.type}.msgpack.base64", msgpack_text(event)
        yield f"{event.type}.flat.json", flat_text(event)


def write() -> None:
    """Write every golden message and both vector files."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, text in messages():
        (GOLDEN / name).write_text(text, encoding="utf-8")
    (CONTRACT / "assignment.json").write_text(pretty(msgspec.json.encode(assignment_vectors())), encoding="utf-8")
    (CONTRACT / "checksum.json").write_text(pretty(msgspec.json.encode(checksum_vectors())), encoding="utf-8")


if __name__ == "__main__":
    write()
