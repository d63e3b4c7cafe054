"""Any event of any type, built from the types of its fields."""

import string
from datetime import UTC, datetime, timedelta, timezone
from functools import singledispatch

import msgspec
from hypothesis import strategies as some
from msgspec import inspect

from events.shapes import members, shape_of
from schemas.allocation import WHOLE, Allocation, arm_key
from schemas.catalogue import EVENTS
from schemas.event import Envelope

NOW = 1_706_734_800_000_000
EXACT = 2**53
START = datetime(1900, 1, 2)
END = datetime.fromtimestamp(NOW / 1e6, UTC).replace(tzinfo=None) - timedelta(days=2)

texts = some.characters(exclude_categories=["Cs"], exclude_characters="\0")
zones = some.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@singledispatch
def values(node):
    """Plain values that a field of this type can hold."""
    raise NotImplementedError(node)


@values.register
def _noted(node: inspect.Metadata):
    pattern = (node.extra_json_schema or {}).get("pattern")
    if pattern and isinstance(node.type, inspect.StrType):
        return some.from_regex(pattern, alphabet=string.printable).map(lambda text: text[: node.type.max_length])
    return values(node.type)


@values.register
def _union(node: inspect.UnionType):
    return some.one_of(*(values(part) for part in node.types))


@values.register
def _nothing(node: inspect.NoneType):
    return some.none()


@values.register
def _boolean(node: inspect.BoolType):
    return some.booleans()


@values.register
def _number(node: inspect.FloatType):
    low = node.ge if node.ge is not None else node.gt
    return some.floats(low, node.le, exclude_min=node.gt is not None, allow_nan=False, allow_infinity=False)


@values.register
def _integer(node: inspect.IntType):
    return some.integers(-EXACT if node.ge is None else node.ge, EXACT if node.le is None else node.le)


@values.register
def _text(node: inspect.StrType):
    if node.pattern:
        return some.from_regex(node.pattern, alphabet=string.printable).map(lambda text: text[: node.max_length])
    return some.text(texts, min_size=node.min_length or 0, max_size=min(node.max_length or 40, 40))


@values.register
def _time(node: inspect.DateTimeType):
    return some.datetimes(START, END, timezones=zones)


@values.register
def _word(node: inspect.EnumType):
    return some.sampled_from([word.value for word in node.cls])


@values.register
def _list(node: inspect.ListType):
    return some.lists(values(node.item_type), max_size=3)


@values.register
def _tuple(node: inspect.TupleType):
    return some.tuples(*map(values, node.item_types)).map(list)


@values.register
def _dictionary(node: inspect.DictType):
    return some.dictionaries(values(node.key_type), values(node.value_type), max_size=3)


@values.register
def _struct(node: inspect.StructType):
    if node.cls is Allocation:
        return allocations()
    required = {field.encode_name: values(field.type) for field in node.fields if field.required}
    optional = {field.encode_name: values(field.type) for field in node.fields if not field.required}
    return some.fixed_dictionaries(required, optional=optional)


@some.composite
def allocations(draw):
    """Allocations that do not contradict themselves."""
    names = draw(some.lists(some.text(texts, max_size=5), min_size=1, max_size=3, unique=True))
    value = values(members(inspect.type_info(Allocation))["arms"].item_type.fields[0].type.value_type)
    arms = draw(
        some.lists(some.fixed_dictionaries(dict.fromkeys(names, value)), min_size=1, max_size=3, unique_by=arm_key)
    )
    edges = sorted(draw(some.lists(some.integers(0, WHOLE), min_size=len(arms) - 1, max_size=len(arms) - 1)))
    shares = [high - low for low, high in zip([0, *edges], [*edges, WHOLE], strict=True)]
    return {
        "id": draw(some.text(texts, max_size=10)),
        "layer": draw(some.text(texts, max_size=10)),
        "purpose": draw(some.sampled_from(["explore", "experiment", "rollout"])),
        "parameters": names,
        "arms": [{"values": arm, "share": share} for arm, share in zip(arms, shares, strict=True)],
    }


def events(kind):
    """Events of one type."""
    plain = values(shape_of(kind).node)
    if kind.type == "outcome.observed":
        plain = plain.map(
            lambda data: {"symbol": "ACME", **{n: v for n, v in data.items() if (n, v) != ("symbol", None)}}
        )
    return plain.map(lambda data: msgspec.convert(data, kind))


def envelopes(kind):
    """Events of one type in their frames."""
    ids = some.text(texts, min_size=1, max_size=40)
    return some.builds(Envelope, source=ids, id=ids, time=some.integers(-2_000_000_000_000_000, NOW), data=events(kind))


KINDS = tuple(EVENTS.values())
