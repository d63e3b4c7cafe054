import base64

import msgspec
import pytest

from events.codec import decode, encode, encode_msgpack
from events.shapes import shape_of
from schemas.catalogue import EVENTS
from tests.contract.golden import GOLDEN, pretty
from tests.contract.samples import FULL, MINIMAL, NOW, envelope

minimal = pytest.mark.parametrize("event", MINIMAL, ids=[event.type for event in MINIMAL])
full = pytest.mark.parametrize("event", FULL, ids=[event.type for event in FULL])


def read(event, suffix):
    return (GOLDEN / f"{event.type}{suffix}").read_text(encoding="utf-8")


def decoded(fields, event):
    return decode(fields, stream=event.type, entry="1706734800250-0", now=NOW, sample_unknown=True)


def came(event):
    """The envelope of the sample as it comes out of a stream."""
    return msgspec.structs.replace(envelope(event), entry=f"{event.type}/1706734800250-0")


def test_every_type_has_its_golden_messages_and_none_is_left_over():
    suffixes = (".json", ".full.json", ".msgpack.base64", ".flat.json")
    assert {kind + suffix for kind in EVENTS for suffix in suffixes} == {path.name for path in GOLDEN.iterdir()}


@minimal
def test_the_least_that_a_sender_says_is_understood(event):
    assert came(event) == decoded({b"event": read(event, ".json").encode()}, event)


@full
def test_a_full_message_is_understood(event):
    assert came(event) == decoded({b"event": read(event, ".full.json").encode()}, event)


@full
def test_a_full_message_is_written_with_the_same_bytes(event):
    assert read(event, ".full.json") == pretty(encode(envelope(event)))


@full
def test_messagepack_is_understood_and_written_with_the_same_bytes(event):
    body = base64.decodebytes(read(event, ".msgpack.base64").encode())
    assert came(event) == decoded({b"event": body}, event)
    assert body == encode_msgpack(envelope(event))


@full
def test_a_flat_entry_is_understood(event):
    texts = msgspec.json.decode(read(event, ".flat.json"), type=dict[str, str])
    assert came(event) == decoded({name.encode(): text.encode() for name, text in texts.items()}, event)


@full
def test_a_full_message_leaves_no_field_at_its_default(event):
    fields = shape_of(type(event)).node.fields
    assert [] == [field.name for field in fields if getattr(event, field.name) in (field.default, None, [], {})]


@minimal
def test_the_least_message_says_nothing_that_could_be_left_out(event):
    said = msgspec.json.decode(read(event, ".json"))["data"]
    required = {field.encode_name for field in shape_of(type(event)).node.fields if field.required}
    assert required | ({"decision_id", "return"} if event.type == "outcome.observed" else set()) == set(said)
