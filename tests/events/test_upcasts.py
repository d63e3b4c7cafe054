import msgspec
import pytest

from events.codec import decode, encode
from events.errors import BrokenEvent, NewerEvent
from events.upcasts import CATALOGUE, Catalogue
from schemas.catalogue import EVENTS
from schemas.event import Envelope, Event
from schemas.quantities import Id, Unit
from schemas.vocabulary import Direction
from tests.events.strategies import NOW


class Told(Event, frozen=True, kw_only=True):
    """A type at its third version: once ``points`` 0 to 100, then ``score``, and since then a direction."""

    type = "thing.told"
    schema_version = 3

    thing: Id
    score: Unit
    direction: Direction


def to_scores(fields):
    return {**{name: value for name, value in fields.items() if name != "points"}, "score": fields["points"] / 100}


def to_directions(fields):
    return {**fields, "direction": "bullish"}


OURS = Catalogue({"thing.told": Told}, {("thing.told", 1): to_scores, ("thing.told", 2): to_directions})
NEWEST = Told(thing="t", score=0.83, direction=Direction.LONG)


def read(data, version, *, catalogue=OURS, encoder=msgspec.json):
    event = {"id": "1", "source": "s", "type": "thing.told", "time": "2024-01-31T20:00:00Z", "data": data}
    versioned = event if version is None else {**event, "schemaversion": version}
    return decode({b"event": encoder.encode(versioned)}, stream="thing.told", entry="1-0", now=NOW, catalogue=catalogue)


@pytest.mark.parametrize("encoder", [msgspec.json, msgspec.msgpack])
@pytest.mark.parametrize(
    ("version", "data"),
    [
        (None, {"thing": "t", "points": 83}),
        (1, {"thing": "t", "points": 83}),
        (2, {"thing": "t", "score": 0.83}),
        (3, {"thing": "t", "score": 0.83, "direction": "long"}),
    ],
)
def test_every_version_climbs_to_the_newest(version, data, encoder):
    assert NEWEST == read(data, version, encoder=encoder).data


def test_a_flat_entry_climbs_too():
    fields = {b"thing": b"t", b"score": b"0.83", b"schemaversion": b"2"}
    assert NEWEST == decode(fields, stream="thing.told", entry="1-0", now=NOW, catalogue=OURS).data


def test_what_is_written_is_of_the_newest_version():
    assert 3 == msgspec.json.decode(encode(Envelope(source="s", id="1", time=NOW, data=NEWEST)))["schemaversion"]


def test_a_version_newer_than_the_engine_is_told_apart_from_a_broken_one():
    with pytest.raises(NewerEvent, match=r"schema version 4, this engine knows versions up to 3") as refusal:
        read({"any": "thing"}, 4)
    assert ("thing.told", 4, 3) == (refusal.value.kind, refusal.value.version, refusal.value.known)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"thing": "t"}, "data is not that of thing.told in schema version 1: KeyError('points')"),
        ({"thing": "t", "points": "83"}, "data is not that of thing.told in schema version 1: TypeError"),
        ({"thing": "t", "points": 8300}, "data.score is 83.0, expected a number from 0 to 1"),
        ([], "data is a list of 0 entries, expected an object"),
    ],
)
def test_old_data_that_cannot_climb_is_refused(data, expected):
    with pytest.raises(BrokenEvent) as refusal:
        read(data, 1)
    assert expected in refusal.value.reason


def test_a_version_without_a_step_is_refused():
    with pytest.raises(BrokenEvent, match=r"schemaversion is 2; thing\.told cannot be read from that version"):
        read({"thing": "t", "points": 83}, 1, catalogue=Catalogue(OURS.events, {("thing.told", 1): to_scores}))


def test_every_old_version_of_every_type_has_its_step():
    wanted = {(kind, step) for kind, shape in EVENTS.items() for step in range(1, shape.schema_version)}
    assert wanted == set(CATALOGUE.upcasts)
