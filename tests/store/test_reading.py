"""Rows that a statement finds which is compiled once, with lists of any length among its values."""

import pytest
from sqlalchemy import bindparam, or_, select

from store.dialects import rows_of
from store.tables import counters

NAMES = select(counters.c.name).where(
    counters.c.value == bindparam("value"),
    or_(
        counters.c.name.in_(bindparam("names", expanding=True)),
        counters.c.name.in_(bindparam("others", expanding=True)),
    ),
    counters.c.value == bindparam("value"),
)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 500])
def test_finds_each_row_once_whatever_the_length_of_a_list(store, length):
    asked = [f"n{number:03}" for number in range(length)]
    with store.begin() as work:
        work.insert(counters, [{"name": name, "value": 7} for name in (*asked, "other", "not asked")])
        work.insert(counters, [{"name": "of another value", "value": 8}])
        found = rows_of(work.connection, NAMES, value=7, names=[*asked, "of another value"], others=["other", "none"])

    assert [*asked, "other"] == sorted(name for (name,) in found)
