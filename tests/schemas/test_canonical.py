import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as some

from schemas.canonical import canonical_json, checksum

numbers = some.floats(allow_nan=False, allow_infinity=False) | some.integers(-(2**53) + 1, 2**53 - 1)
values = some.recursive(
    some.none() | some.booleans() | numbers | some.text(some.characters(exclude_categories=["Cs"])),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(some.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(values)
def test_writes_what_rfc_8785_writes(value):
    assert rfc8785.dumps(value).decode() == canonical_json(value)


EDGES = [1e21, 1e20, 1e16, 9007199254740993.0, 1e15, 1e-7, 1e-6, 0.0001, 0.00001, 123456789.123, 5e-324, -0.0, 100.0]
FURTHER = [-1.5, 0.1 + 0.2, 123456789012345680000.0, 1.7976931348623157e308]


@pytest.mark.parametrize("number", [*EDGES, *FURTHER])
def test_writes_edge_numbers_as_rfc_8785_does(number):
    assert rfc8785.dumps(number).decode() == canonical_json(number)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53 + 1])
def test_refuses_numbers_that_not_every_language_holds(value):
    with pytest.raises(ValueError, match="not"):
        canonical_json(value)


def test_the_order_of_keys_does_not_move_the_checksum():
    assert checksum({"a": 1, "b": [2.0]}) == checksum({"b": [2], "a": 1.0})
