"""The AsyncAPI document: it passes the schema of its standard, every reference leads somewhere, and it says what the
engine does.

``asyncapi-3.0.0.json.gz`` is the schema of AsyncAPI 3.0.0 as its authors publish it (npm: @asyncapi/specs 6.11.1,
schemas/3.0.0-without-$id.json; Apache-2.0), which no Python package holds.
"""

import base64
import gzip
from copy import deepcopy
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft7Validator

from schemas.catalogue import EVENTS, INCOMING, INTERNAL, OUTGOING
from schemas.groups import GROUPS
from tests.contract.golden import CONTRACT, GOLDEN
from tests.contract.vectors import checksum_vectors
from workers.contract.asyncapi import PUBSUB, SNAPSHOT
from workers.contract.files import contract_files
from workers.contract.parties import CYCLES, PEOPLE, READERS, TRADING, receivers, senders

STANDARD = Draft7Validator(
    msgspec.json.decode(gzip.decompress(Path(__file__).with_name("asyncapi-3.0.0.json.gz").read_bytes()))
)
DOCUMENT = msgspec.json.decode((CONTRACT / "asyncapi.json").read_bytes())


def followed(reference):
    """What a reference within the document leads to."""
    assert reference.startswith("#/")
    found = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def references(value):
    if isinstance(value, dict):
        yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from references(inner)


def payload(name):
    """The schema of a message's payload, alone in a document."""
    return Draft7Validator(
        {**DOCUMENT["components"]["messages"][name]["payload"], "components": DOCUMENT["components"]}
    )


def test_the_files_beside_the_page_are_those_that_the_command_writes():
    written = dict(contract_files())
    there = {file.relative_to(CONTRACT) for file in [CONTRACT / "asyncapi.json", *(CONTRACT / "schemas").iterdir()]}
    assert there == set(written), "run: learning contract --out docs/contract"
    for place, text in written.items():
        assert text == (CONTRACT / place).read_text(encoding="utf-8"), "run: learning contract --out docs/contract"


def test_it_passes_the_schema_of_its_standard():
    assert [] == [f"{error.json_path}: {error.message}" for error in STANDARD.iter_errors(DOCUMENT)]


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("asyncapi", "3.1.0"),
        ("channels/alert.raised/address", 7),
        ("components/messages/alert.raised/contentType", ["application/json"]),
    ],
)
def test_what_is_no_asyncapi_does_not_pass(place, wrong):
    document = deepcopy(DOCUMENT)
    *way, last = place.split("/")
    inner = document
    for step in way:
        inner = inner[step]
    inner[last] = wrong
    assert not STANDARD.is_valid(document)


def test_the_same_comes_out_at_every_call():
    assert dict(contract_files()) == dict(contract_files())


def test_every_reference_leads_to_an_object():
    found = set(references(DOCUMENT))
    assert all(isinstance(followed(reference), dict) for reference in found)
    assert {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]} <= found


def test_the_outline_has_what_asyncapi_demands_and_nothing_else():
    assert "3.0.0" == DOCUMENT["asyncapi"]
    assert {"title", "version", "description", "license"} == set(DOCUMENT["info"])
    assert {"name", "url"} == set(DOCUMENT["info"]["license"])
    allowed = {"address", "title", "description", "messages", "parameters"}
    for channel in DOCUMENT["channels"].values():
        assert allowed == {name for name in channel if not name.startswith("x-")}
        assert set(channel["parameters"]) == {word.partition("}")[0] for word in channel["address"].split("{")[1:]}
    for operation in DOCUMENT["operations"].values():
        assert {"action", "title", "channel", "messages"} == set(operation)
        assert operation["action"] in ("send", "receive")
        assert operation["messages"][0]["$ref"].startswith(operation["channel"]["$ref"] + "/messages/")
    for name, message in DOCUMENT["components"]["messages"].items():
        assert {"name", "title", "contentType", "description", "payload"} == set(message)
        assert name == message["name"]


def test_there_is_a_channel_for_every_stream_for_the_pubsub_channel_and_for_the_snapshot():
    channels = DOCUMENT["channels"]
    assert {*EVENTS, PUBSUB, SNAPSHOT} == set(channels)
    for kind in EVENTS:
        assert "{prefix}" + kind == channels[kind]["address"]
        assert {"type": "stream", "write": "XADD", "read": "XREAD", "field": "event"} == channels[kind]["x-redis"]
    assert ("{prefix}params.updated", "pubsub") == (channels[PUBSUB]["address"], channels[PUBSUB]["x-redis"]["type"])
    assert "{prefix}params:{strategy}:snapshot" == channels[SNAPSHOT]["address"]


def test_who_sends_and_who_receives_is_said_of_every_type():
    assert set(GROUPS) == {reader.name for reader in READERS}
    for kind in EVENTS.values():
        assert {*senders(kind), *receivers(kind)} <= {*GROUPS, TRADING, PEOPLE, CYCLES}
        assert senders(kind)
        assert receivers(kind)
    assert all((TRADING,) == senders(kind) for kind in INCOMING)
    assert all(PEOPLE in receivers(kind) and TRADING not in senders(kind) for kind in OUTGOING)
    assert all(TRADING not in (*senders(kind), *receivers(kind)) for kind in INTERNAL)
    assert ("trading", "people") == receivers(EVENTS["params.updated"])
    assert ("thompson", "patterns") == receivers(EVENTS["outcome.attributed"])


def test_the_operations_are_those_of_the_engine():
    for kind in EVENTS.values():
        done = {
            (operation["action"], name.partition(".")[0])
            for name, operation in DOCUMENT["operations"].items()
            if operation["channel"]["$ref"] == f"#/channels/{kind.type}"
        }
        parts = {*GROUPS, CYCLES}
        assert {("send", one) for one in parts & {*senders(kind)}} == {one for one in done if one[0] == "send"}
        assert {("receive", one) for one in parts & {*receivers(kind)}} == {one for one in done if one[0] == "receive"}


@pytest.mark.parametrize("kind", EVENTS)
def test_golden_messages_pass_in_the_dialect_of_asyncapi_too(kind):
    schema = payload(kind)
    Draft7Validator.check_schema(schema.schema)
    for suffix in (".json", ".full.json"):
        said = msgspec.json.decode((GOLDEN / f"{kind}{suffix}").read_bytes())
        assert [] == list(schema.iter_errors(said))
        assert not schema.is_valid({**said, "data": {}})
    unpacked = msgspec.msgpack.decode(base64.b64decode((GOLDEN / f"{kind}.msgpack.base64").read_bytes()))
    assert [] == list(schema.iter_errors(unpacked))


@pytest.mark.parametrize("interval", [[0.0], [0.0, 0.1, 0.2], ["0", "1"]])
def test_a_list_of_fixed_length_is_held_to_it_in_that_dialect_too(interval):
    said = msgspec.json.decode((GOLDEN / "params.updated.full.json").read_bytes())
    said["data"]["changes"][0]["interval"] = interval
    assert not payload("params.updated").is_valid(said)


def test_the_versions_of_the_checksum_file_pass_as_snapshots():
    for vector in checksum_vectors()["vectors"]:
        assert [] == list(payload(SNAPSHOT).iter_errors(vector["version"]))
