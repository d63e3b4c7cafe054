"""The rows of a Parquet file."""

import importlib
import math
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

import msgspec

from workers.replay.csv_rows import check_columns
from workers.replay.packed import PackedFile, intact, pyarrow
from workers.replay.record import Record, place_of
from workers.replay.rows import Rows

PORTION = 10_000
"""So many rows are in memory at once."""


def parquet_records(file: PackedFile, rows: Rows, *, number: int, told: Callable[[float], object]) -> Iterator[Record]:
    """A record for each row, counted from 1. ``told`` hears which part of the file was read, 0 to 1.

    Null and NaN are missing values, numbers are written as text as precisely as they are held.

    Raises:
        UnreadableFile: pyarrow is not installed, or the file is damaged.
        InvalidMap: the map names a column that is not there.
    """
    arrow = pyarrow(f"{file.path} is Parquet")
    parquet = importlib.import_module("pyarrow.parquet")
    with intact(file.path):
        try:
            with parquet.ParquetFile(file.path) as table:
                check_columns(file, rows, list(table.schema_arrow.names))
                yield from _records(table, rows, number=number, told=told)
        except arrow.ArrowException as error:
            raise OSError(str(error)) from error


def _records(table: Any, rows: Rows, *, number: int, told: Callable[[float], object]) -> Iterator[Record]:
    line, whole = 0, max(1, table.metadata.num_rows)
    for portion in table.iter_batches(batch_size=PORTION, columns=sorted(rows.map.names)):
        told(line / whole)
        for cells in portion.to_pylist():
            line += 1
            row = {name: text for name, value in cells.items() if (text := _text(value)) is not None}
            yield rows.record(row, place=place_of(number, line), line=line)


def _text(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str | bytes):  # bytes are text that their writer did not mark as text
        return value if isinstance(value, str) else value.decode(errors="surrogateescape")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | dict):
        return msgspec.json.encode(value).decode()
    return repr(value) if isinstance(value, float) else str(value)
