"""How a table's rows become typed values."""

from typing import Any, NamedTuple

from sqlalchemy import Column, Table


def columns(table: Table, shape: type[NamedTuple]) -> list[Column[Any]]:
    """The columns of ``table`` that the fields of ``shape`` are named for, in the order of the fields."""
    return [table.c[name] for name in shape._fields]
