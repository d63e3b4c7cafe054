"""The JSON Schemas against what the codec reads, with a validator that knows nothing of ours."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from jsonschema import Draft202012Validator

from events.codec import decode, encode
from events.errors import BrokenEvent, NewerEvent
from events.json_schema import message, message_schema, prose
from events.shapes import shape_of
from schemas.catalogue import EVENTS
from tests.contract.golden import CONTRACT, GOLDEN
from tests.contract.samples import NOW
from tests.contract.validators import SCHEMAS, valid
from tests.events.strategies import KINDS, envelopes

each_kind = pytest.mark.parametrize("kind", EVENTS)
NOTHING_FITS = [None]
"""Of no field's type."""


def golden(kind, suffix=".full.json"):
    return msgspec.json.decode((GOLDEN / f"{kind}{suffix}").read_bytes())


def understood(said):
    """Whether the engine reads it from the stream that it belongs to."""
    kind = said.get("type") if said.get("type") in EVENTS else "alert.raised"
    try:
        decode({b"event": msgspec.json.encode(said)}, stream=kind, entry="1706734800250-0", now=NOW)
    except (BrokenEvent, NewerEvent):
        return False
    return True


def changed(kind, place, value):
    """The full golden message with something else at a dotted place; with ``...`` for a value, nothing there."""
    said = golden(kind)
    *way, last = place.split(".")
    into = said
    for step in way:
        into = into[int(step) if step.isdigit() else step]
    if value is ...:
        del into[last]
    else:
        into[int(last) if last.isdigit() else last] = value
    return said


@each_kind
def test_the_schemas_are_sound(kind):
    Draft202012Validator.check_schema(SCHEMAS[kind].schema)


@each_kind
@pytest.mark.parametrize("suffix", [".json", ".full.json"])
def test_golden_messages_pass_their_schema_and_no_other(kind, suffix):
    said = golden(kind, suffix)
    assert [] == list(SCHEMAS[kind].iter_errors(said))
    assert [kind] == [other for other in EVENTS if valid(said, other)]


@settings(deadline=None)
@given(some.sampled_from(KINDS).flatmap(envelopes))
def test_whatever_the_engine_writes_passes(envelope):
    said = msgspec.json.decode(encode(envelope))
    assert [] == list(SCHEMAS[envelope.data.type].iter_errors(said))


@each_kind
def test_every_field_of_another_type_is_refused_by_both(kind):
    for field in golden(kind)["data"]:
        said = changed(kind, f"data.{field}", NOTHING_FITS)
        assert not valid(said, kind), field
        assert not understood(said), field


@each_kind
def test_a_needed_field_that_is_missing_is_refused_by_both_and_any_other_by_none(kind):
    for field in shape_of(EVENTS[kind]).node.fields:
        said = changed(kind, f"data.{field.encode_name}", ...)
        assert field.required is not valid(said, kind), field
        assert field.required is not understood(said), field


@each_kind
def test_a_field_that_a_later_minor_change_added_is_no_hindrance(kind):
    said = changed(kind, "data.added_later", {"deep": [1]}) | {"traceparent": "00-1"}
    assert valid(said, kind)
    assert understood(said)


BROKEN = [
    ("alert.raised", "source", ...),
    ("alert.raised", "source", ""),
    ("alert.raised", "source", "s" * 201),
    ("alert.raised", "id", ""),
    ("alert.raised", "id", 7),
    ("alert.raised", "type", ...),
    ("alert.raised", "type", "alert"),
    ("alert.raised", "time", ...),
    ("alert.raised", "time", "2024-01-31T21:00:00"),
    ("alert.raised", "time", "2024-01-31"),
    ("alert.raised", "time", 1_706_734_800),
    ("alert.raised", "specversion", "0.3"),
    ("alert.raised", "schemaversion", 0),
    ("alert.raised", "schemaversion", 2),
    ("alert.raised", "schemaversion", "1"),
    ("alert.raised", "data", ...),
    ("alert.raised", "data", []),
    ("alert.raised", "data.score", 83),
    ("alert.raised", "data.score", -0.01),
    ("alert.raised", "data.score", "0.83"),
    ("alert.raised", "data.score", None),
    ("alert.raised", "data.symbol", ""),
    ("alert.raised", "data.symbol", "S" * 33),
    ("alert.raised", "data.strategy", "my strategy"),
    ("alert.raised", "data.features", {"r s i": 1.0}),
    ("alert.raised", "data.features", {"": 1.0}),
    ("alert.raised", "data.features", {"rsi": "61"}),
    ("alert.raised", "data.features", {"rsi": 1e16}),
    ("alert.raised", "data.features", {f"f{n}": 0.0 for n in range(257)}),
    ("alert.raised", "data.params_version", "17"),
    ("alert.raised", "data.direction", "up"),
    ("alert.raised", "data.rsi", 101.0),
    ("alert.raised", "data.up_days_of_5", 1.5),
    ("alert.raised", "data.risk_flags", ["tired"]),
    ("alert.raised", "data.data_time", "2024-01-31T20:59:58"),
    ("decision.made", "data.action", "BET"),
    ("decision.made", "data.size", -0.02),
    ("decision.made", "data.max_hold", -1),
    ("decision.made", "data.market.share_above_50_day", 61),
    ("fill.reported", "data.side", "up"),
    ("fill.reported", "data.quantity", -160.0),
    ("fill.reported", "data.multiplier", 0),
    ("outcome.observed", "data.return", 2_100.0),
    ("outcome.observed", "data.horizon", "5y"),
    ("outcome.observed", "data.returns", {"5y": 0.01}),
    ("price.observed", "data.interval", "0d"),
    ("price.observed", "data.close", 1e13),
    ("price.observed", "data.final", "yes"),
    ("discovery.completed", "data.universe_size", -1),
    ("thesis.formed", "data.text", "t" * 20_001),
    ("session.closed", "data.session", "31.01.2024"),
    ("session.closed", "data.session", "2024-13-01"),
    ("params.updated", "data.changes.0.interval", [0.0, 0.1, 0.2]),
    ("params.updated", "data.changes.0.interval", [0.0]),
    ("params.updated", "data.allocations.0.purpose", "luck"),
    ("params.updated", "data.allocations.0.arms.0.share", 2.5),
    ("dead.letter", "data.size", -1),
]


@pytest.mark.parametrize(("kind", "place", "value"), BROKEN)
def test_a_broken_message_is_refused_by_both(kind, place, value):
    said = changed(kind, place, value)
    assert not valid(said, kind)
    assert not understood(said)


BEYOND_A_SCHEMA = [
    ("a time before 1900", "alert.raised", "time", "1899-12-31T00:00:00Z"),
    ("a time ahead of the engine's clock", "alert.raised", "time", "2034-01-31T21:00:00Z"),
    ("a day that no month has", "alert.raised", "time", "2024-02-30T21:00:00Z"),
    ("a time ahead of the engine's clock", "alert.raised", "data.data_time", "2034-01-31T21:00:00Z"),
    ("the character U+0000", "alert.raised", "data.theme", "a\0b"),
    ("a whole number written as 3.0", "alert.raised", "data.up_days_of_5", 3.0),
    ("more than 1 MiB", "alert.raised", "data.added_later", "x" * (1 << 20)),
    ("an outcome that names nothing", "outcome.observed", "data", {"outcome_id": "o-1", "return": 0.021}),
    ("shares that do not sum to 10,000", "params.updated", "data.allocations.0.arms.0.share", 251),
    ("arms that do not set the parameters", "params.updated", "data.allocations.0.parameters", ["other"]),
]
"""What only the engine finds. The page of the contract lists the same, in these words."""


@pytest.mark.parametrize(("what", "kind", "place", "value"), BEYOND_A_SCHEMA)
def test_what_a_schema_cannot_say_is_refused_by_the_engine(what, kind, place, value):
    said = changed(kind, place, value)
    assert valid(said, kind)
    assert not understood(said)
    assert what in " ".join((CONTRACT / "README.md").read_text(encoding="utf-8").split())


MORE_THAN_A_SCHEMA = [
    ("decision.made", "data.action", "BUY MORE"),
    ("outcome.observed", "data.exit_reason", "profit_target"),
    ("alert.raised", "time", "2024-01-31 21:00:00z"),
]


@pytest.mark.parametrize(("kind", "place", "value"), MORE_THAN_A_SCHEMA)
def test_the_engine_understands_more_than_a_schema_lets_pass(kind, place, value):
    said = changed(kind, place, value)
    assert not valid(said, kind)
    assert understood(said)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_every_number_says_its_bounds_and_every_type_what_it_is(kind):
    schema = message_schema(kind)
    assert [] == [at for at, node in nodes(schema["$defs"]) if node.get("type") == "number" and not _bounded(node)]
    assert [] == [name for name, node in schema["$defs"].items() if not node.get("description")]


@each_kind
def test_no_pattern_needs_more_than_every_language_has(kind):
    assert [] == [at for at, node in nodes(SCHEMAS[kind].schema) if "(?" in str(node.get("pattern"))]


def test_units_stand_beside_the_fields():
    fields = message_schema(EVENTS["outcome.observed"])["$defs"]["OutcomeObserved"]["properties"]
    told = {name: fields[name]["anyOf"][0].get("description", "") for name in ("return", "entry_price", "fees_amount")}
    assert "a fraction: 0.021 is 2.1 %" == told["return"]
    assert "currency a share, contract or coin" == told["entry_price"]
    assert "an amount of the instrument's currency" == told["fees_amount"]


def test_a_type_of_a_later_schema_version_must_say_so():
    class Later(EVENTS["session.closed"], frozen=True, kw_only=True):
        """Nothing more."""

        schema_version = 2

    whole, _ = message(Later, at="#/$defs/{name}")
    assert {"const": 2} == whole["properties"]["schemaversion"]
    assert "schemaversion" in whole["required"]


def test_the_text_of_a_docstring_is_a_paragraph_a_line_and_without_what_python_raises():
    docstring = "One\n    thing.\n\n    ``Two``\n    things.\n\n    Raises:\n        Error: never.\n    "
    assert "One thing.\n\n`Two` things." == prose(docstring)


def nodes(schema, at=""):
    """Every object within a schema, with where it is."""
    if isinstance(schema, dict):
        yield at, schema
    for name, inner in schema.items() if isinstance(schema, dict) else enumerate(schema):
        if isinstance(inner, dict | list):
            yield from nodes(inner, f"{at}/{name}")


def _bounded(node):
    return "maximum" in node and ("minimum" in node or "exclusiveMinimum" in node)
