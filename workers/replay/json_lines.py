"""JSON lines: an object a line, which is an event as on the stream, or a row that a column map reads."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from events.flat import UNKNOWN_SOURCE
from events.moments import microseconds
from schemas.calendar import Calendar
from schemas.quantities import Time
from schemas.session import SessionClosed
from workers.replay.formats import BOM
from workers.replay.packed import PackedFile, intact
from workers.replay.record import OTHERS, RANKS, UNDATED, Form, Record, made_id, place_of, refused, sorted_time
from workers.replay.rows import Rows


class _Head(msgspec.Struct):
    """What an event is sorted by."""

    type: str
    time: Time
    source: str = UNKNOWN_SOURCE
    id: str | None = None
    data: msgspec.Raw = msgspec.Raw()


class _Type(msgspec.Struct):
    type: str


class _Bare(msgspec.Struct):
    """Whether it is an event at all, and no row."""

    type: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = msgspec.Raw()


BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises."""

_HEAD = msgspec.json.Decoder(_Head)
_TYPE = msgspec.json.Decoder(_Type)
_BARE = msgspec.json.Decoder(_Bare)
_OBJECT = msgspec.json.Decoder(dict[str, Any])


class JsonLines:
    """Turns the lines of one file into records.

    A line with ``data`` is a CloudEvents object, kept as it is. Another one is a row of ``rows``, where there is a
    map, its inner objects being columns with dots; else the flat form of an event, with its ``type`` and ``time``.
    """

    def __init__(
        self, file: PackedFile, rows: Rows | None, *, number: int, max_bytes: int, calendars: Mapping[str, Calendar]
    ) -> None:
        self._file = file
        self._rows = rows
        self._number = number
        self._max_bytes = max_bytes
        self._calendars = calendars

    def records(self) -> Iterator[Record]:
        """A record for each line that is not empty, counted from 1.

        Raises:
            UnreadableFile: the file is damaged.
        """
        stream, number, line = self._file.stream, self._number, 0
        longest = self._max_bytes + 2
        with intact(self._file.path):
            while body := stream.readline(longest):
                line += 1
                size = len(body)
                if size == longest and not body.endswith(b"\n"):
                    size += self._skip()
                if line == 1:
                    body = body.removeprefix(BOM)
                if body := body.strip():
                    place = place_of(number, line)
                    yield self._record(body, place, line) if size <= longest else self._too_long(body, place, size)

    def _skip(self) -> int:
        """Leave out the rest of a line, however long, and say how long it was."""
        skipped = 0
        while rest := self._file.stream.readline(self._max_bytes):
            skipped += len(rest)
            if rest.endswith(b"\n"):
                break
        return skipped

    def _too_long(self, body: bytes, place: int, size: int) -> Record:
        reason = f"the line has {size} bytes, expected at most {self._max_bytes}"
        return refused("", place, reason=reason, body=body, size=size)

    def _record(self, body: bytes, place: int, line: int) -> Record:
        try:
            return self._headed(body, place, line)
        except BROKEN:
            return self._headless(body, place, line)

    def _headed(self, body: bytes, place: int, line: int) -> Record:
        head = _HEAD.decode(body)
        if not bytes(head.data):
            return self._row(body, place, line) if self._rows else _flat(body, head, place, self._calendars)
        time = microseconds(head.time)
        if head.type == SessionClosed.type:
            time = sorted_time(time, _session(head.data), self._calendars)
        rank = RANKS.get(head.type, OTHERS)
        if head.id is not None:
            return Record(time, rank, head.type, head.source, head.id, 0, body, Form.EVENT, place)
        identity = made_id(time, head.type, head.source, _OBJECT.decode(body))
        return Record(time, rank, head.type, head.source, identity, place, body, Form.EVENT, place)

    def _headless(self, body: bytes, place: int, line: int) -> Record:
        """A line without a time, or another attribute, that can be read: a row of a map, or refused by the decoder."""
        if self._rows and not _is_event(body):
            return self._row(body, place, line)
        try:
            kind = _TYPE.decode(body).type
        except BROKEN:
            kind = ""
        return Record(UNDATED, 0, kind, "", "", 0, body, Form.EVENT, place)

    def _row(self, body: bytes, place: int, line: int) -> Record:
        assert self._rows is not None
        try:
            row = dict(_cells(_OBJECT.decode(body)))
        except BROKEN as error:
            reason = f"the line cannot be read: {error}; expected one JSON object"
            return refused(self._rows.kind, place, reason=reason, body=body)
        return self._rows.record(row, place=place, line=line)


def _is_event(body: bytes) -> bool:
    try:
        bare = _BARE.decode(body)
    except BROKEN:
        return False
    return bool(bytes(bare.type) and bytes(bare.data))


def _session(data: msgspec.Raw) -> Mapping[str, Any]:
    try:
        return _OBJECT.decode(data)
    except BROKEN:
        return {}


def _cells(told: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in told.items():
        if isinstance(value, dict):
            yield from _cells(value, f"{above}{name}.")
        elif value is not None:
            yield f"{above}{name}", value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _flat(body: bytes, head: _Head, place: int, calendars: Mapping[str, Calendar]) -> Record:
    """The fields that the flat form of an event would have on a stream."""
    fields = {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in _OBJECT.decode(body).items()
        if value is not None
    }
    time = microseconds(head.time)
    if head.type == SessionClosed.type:
        time = sorted_time(time, fields, calendars)
    named = head.id is not None
    identity = head.id if head.id is not None else made_id(time, fields)
    packed = msgspec.msgpack.encode({name.encode(): text.encode() for name, text in fields.items()})
    rank = RANKS.get(head.type, OTHERS)
    return Record(time, rank, head.type, head.source, identity, 0 if named else place, packed, Form.FLAT, place)
