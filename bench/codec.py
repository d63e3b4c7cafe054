"""Reading and writing one event, against plain msgspec on the same bytes and Structs."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from bench.comparison import Comparison
from bench.samples import NOW, alerts, bars
from bench.workbench import OFTEN, Workbench, rate
from events.codec import decode, encode
from events.moments import moment
from schemas.event import Envelope, Event

EVENTS = 1_000

Data = TypeVar("Data", bound=Event)


class Plain(Struct, Generic[Data], frozen=True):
    """The same CloudEvents object, with nothing checked but types and bounds. It writes None as null."""

    specversion: str
    id: str
    source: str
    type: str
    time: datetime
    schemaversion: int
    data: Data


def measure(bench: Workbench) -> Iterator[Comparison]:
    """Both ways for an alert and for a bar, in JSON."""
    for name, envelopes in (("alert", alerts(bench.count(EVENTS))), ("bar", bars(bench.count(EVENTS)))):
        yield _decoding(bench, name, envelopes)
        yield _encoding(bench, name, envelopes)


def _decoding(bench: Workbench, name: str, envelopes: list[Envelope]) -> Comparison:
    kind = type(envelopes[0].data)
    stream, entries = kind.type, [{b"event": encode(envelope)} for envelope in envelopes]
    decoder = msgspec.json.Decoder(Plain[kind])  # type: ignore[valid-type]

    def ours() -> None:
        for fields in entries:
            decode(fields, stream=stream, entry="1706734800000-0", now=NOW)

    def plain() -> None:
        for fields in entries:
            decoder.decode(fields[b"event"])

    return _compared(bench, f"decode of {name}", ours=ours, plain=plain, count=len(entries))


def _encoding(bench: Workbench, name: str, envelopes: list[Envelope]) -> Comparison:
    frames = [
        Plain("1.0", one.id, one.source, one.data.type, moment(one.time), one.data.schema_version, one.data)
        for one in envelopes
    ]

    def ours() -> None:
        for envelope in envelopes:
            encode(envelope)

    def plain() -> None:
        for frame in frames:
            msgspec.json.encode(frame)

    return _compared(bench, f"encode of {name}", ours=ours, plain=plain, count=len(envelopes))


def _compared(
    bench: Workbench, what: str, *, ours: Callable[[], None], plain: Callable[[], None], count: int
) -> Comparison:
    return bench.compare(
        what,
        "plain msgspec",
        unit="events/s",
        ours=lambda: rate(count, ours),
        baseline=lambda: rate(count, plain),
        times=OFTEN,
    )
