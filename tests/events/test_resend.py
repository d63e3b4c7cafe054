"""A refused entry goes back under the name that it had, so that nothing counts twice."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.codec import decode, encode, encode_msgpack
from events.errors import BrokenEvent
from events.resend import NotResendable, entry_of, resend
from schemas.event import Envelope
from schemas.session import SessionClosed

STREAM, ENTRY = "session.closed", "1700000000000-3"
NOW = 1_700_000_100_000_000


def read(fields, *, entry):
    plain = {
        key if isinstance(key, bytes) else key.encode(): value if isinstance(value, bytes) else value.encode()
        for key, value in fields.items()
    }
    return decode(plain, stream=STREAM, entry=entry, now=NOW)


def kept(fields):
    """The bytes that are kept when an entry is refused: nothing may have that many bytes."""
    with pytest.raises(BrokenEvent) as refused:
        decode(fields, stream=STREAM, entry=ENTRY, now=NOW, max_bytes=1)
    return refused.value.body


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@given(names, st.sampled_from([None, "", "e-1"]), st.sampled_from(["json", "msgpack", "flat"]), st.booleans())
def test_what_is_sent_again_is_the_same_event_as_the_one_that_was_refused(source, identity, form, timed):
    said = {"source": source, "type": STREAM, "time": "2023-11-14T22:13:20Z", "data": {"session": "2023-11-14"}}
    if identity is not None:
        said["id"] = identity
    fields = {b"event": msgspec.json.encode(said)}
    if form == "msgpack":
        fields = {b"event": msgspec.msgpack.encode(said)}
    elif form == "flat":
        flat = {key: value for key, value in said.items() if key not in ("data", "time") or (key == "time" and timed)}
        fields = {key.encode(): value.encode() for key, value in {**flat, "session": "2023-11-14"}.items()}
    try:
        first = read(fields, entry=ENTRY)
    except BrokenEvent:
        return  # an empty id of a structured event is refused for good
    again = read(entry_of(kept(fields), stream=STREAM, entry=ENTRY), entry="1700000099000-0")
    assert (first.source, first.id, first.time, first.data) == (again.source, again.id, again.time, again.data)


@pytest.mark.parametrize("write", [encode, encode_msgpack])
def test_bytes_with_an_id_are_sent_as_they_were(write):
    body = write(Envelope(source="s", id="e", time=NOW, data=SessionClosed(session="2023-11-14")))
    assert {b"event": body} == entry_of(body, stream=STREAM, entry=ENTRY)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[1]", b"7"])
def test_bytes_that_nobody_understands_are_sent_as_they_were(body):
    assert {b"event": body} == entry_of(body, stream=STREAM, entry=ENTRY)


def test_is_appended_to_its_stream_under_the_prefix(broker):
    entry = resend(broker, b'{"source": "s"}', stream=STREAM, entry=ENTRY, prefix="paper:")
    [(found, fields)] = broker.xrange(f"paper:{STREAM}")
    assert (entry, b"s") == (found.decode(), fields[b"source"])


def test_of_two_entries_that_had_one_id_the_second_is_named_as_it_lies_here():
    body = b'{"source": "s", "session": "2023-11-14"}'
    fields = entry_of(body, stream=STREAM, entry=f"{ENTRY}~2")
    again = read(fields, entry="1700000099000-0")
    assert (f"{STREAM}/{ENTRY}~2", 1_700_000_000_000_000) == (again.id, again.time)


def test_what_came_out_of_a_file_is_not_sent(broker):
    with pytest.raises(NotResendable, match="learning replay"):
        resend(broker, b"{}", stream=STREAM, entry="history.jsonl@7")
    assert 0 == broker.exists(STREAM)
