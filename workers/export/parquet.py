"""Examples as a Parquet file. Importing this needs pyarrow, the extra ``files``."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import IO, Any

import msgspec

from workers.export.column import Column, Kind, Values

pa: Any = import_module("pyarrow")  # it has no types
parquet: Any = import_module("pyarrow.parquet")

ARM = pa.struct(
    [
        pa.field("allocation", pa.string()),
        pa.field("purpose", pa.string()),
        pa.field("arm", pa.string()),
        pa.field("propensity", pa.int64()),
        pa.field("baseline", pa.bool_()),
    ]
)
CONTRIBUTION = pa.struct(
    [
        *(pa.field(name, pa.string()) for name in ("allocation", "arm", "regime", "reward", "session", "version")),
        *(pa.field(name, pa.int64()) for name in ("propensity", "n", "total", "squares")),
    ]
)
TYPES: Mapping[Kind, Any] = {
    Kind.TEXT: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.NUMBER: pa.float64(),
    Kind.FLAG: pa.bool_(),
    Kind.TIME: pa.timestamp("us", tz="UTC"),
    Kind.WORDS: pa.list_(pa.string()),
    Kind.NUMBERS: pa.map_(pa.string(), pa.float64()),
    Kind.VALUES: pa.string(),
    Kind.ARMS: pa.list_(ARM),
    Kind.CONTRIBUTIONS: pa.list_(CONTRIBUTION),
}


class Parquet:
    """A row group a portion, compressed with zstd. What is named by the scanner or the registry is one column."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column[Any]]) -> None:
        self._columns = columns
        self._schema = pa.schema([pa.field(column.name, TYPES[column.kind]) for column in columns])
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, rows: Sequence[Values]) -> None:
        """Add a row group."""
        by_column = zip(*rows, strict=True) if rows else ((),) * len(self._columns)
        arrays = [
            pa.array(_cells(column.kind, values), type=TYPES[column.kind])
            for column, values in zip(self._columns, by_column, strict=True)
        ]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        """Write the file's end."""
        self._writer.close()


def _cells(kind: Kind, values: Sequence[Any]) -> Sequence[Any]:
    """The values of a column as Arrow takes them: mappings of numbers as pairs, other mappings as JSON."""
    if kind is Kind.NUMBERS:
        return [None if value is None else list(value.items()) for value in values]
    if kind is Kind.VALUES:
        return [None if value is None else _JSON.encode(value).decode() for value in values]
    return values


_JSON = msgspec.json.Encoder(order="sorted")
