"""Which column of a table is which field of an event, as a TOML file says it."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct, inspect

from events.shapes import members, shape_of, sole
from schemas.catalogue import INCOMING
from schemas.event import Event
from schemas.quantities import Id
from schemas.spelling import did_you_mean
from workers.replay.errors import InvalidMap

LINE, IDENTITY = "#line", "#id"
"""In the place of a column: the number of the row in its file, and the id of the event."""

KINDS: Mapping[str, type[Event]] = {shape.type: shape for shape in INCOMING}

Shape = TypeVar("Shape", bound=Struct)


class Column(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one column is read. An empty cell is a missing value, never 0.

    Attributes:
        column: its name in the header; ``#line`` the number of the row, ``#id`` the event's id.
        words: what stands there, and what it means here; an empty meaning is a missing value.
        positive, negative: the words for a number above and below 0; 0 is a missing value.
        absolute: leave the sign out.
        scale: ``percent`` and ``points`` are hundredths, ``bps`` ten-thousandths.
        at: the cell is a date, and the time is the ``open`` or ``close`` of that session, or ``HH:MM`` at the exchange.
        zone: the cell is a local time of this zone, ``America/New_York``.
        plus: what is to be added: ``1h`` where the start of an hourly bar is told.
    """

    column: Annotated[str, Meta(min_length=1)]
    words: dict[str, str] = {}
    positive: str | None = None
    negative: str | None = None
    absolute: bool = False
    scale: Literal["percent", "points", "bps"] | None = None
    at: Annotated[str, Meta(pattern=r"^(open|close|([01][0-9]|2[0-3]):[0-5][0-9])\Z")] | None = None
    zone: str | None = None
    plus: Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,3}[smh]\Z")] | None = None


class Target(NamedTuple):
    """A field of the event: how to get there, and what it may hold."""

    path: tuple[str, ...]
    node: inspect.Type


class ColumnMap(Struct, frozen=True, kw_only=True):
    """One map, checked: every field exists, and every field that an event must have is filled.

    ``constants`` are plain values by the event's own structure. ``body`` is the file as it was written.
    """

    path: Path
    body: bytes
    kind: type[Event]
    source: str
    time: Column
    id: Column | None
    constants: dict[str, Any]
    columns: dict[str, Column]

    @property
    def strategy(self) -> str | None:
        """The strategy that the map names, if it names one."""
        return self.constants.get("strategy")

    @property
    def names(self) -> set[str]:
        """The columns that a table must have."""
        read = [self.time, *self.columns.values(), *([self.id] if self.id else [])]
        return {one.column for one in read} - {LINE, IDENTITY}

    def target(self, name: str) -> Target:
        """The field called ``name``, with dots for what lies deeper."""
        found = _target(name, shape_of(self.kind).node)
        assert found is not None
        return found


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The top level of a map."""

    type: str
    source: Id
    time: str | dict[str, Any]
    id: str | None = None
    constants: dict[str, Any] = {}
    columns: dict[str, Any] = {}


def load_map(path: Path) -> ColumnMap:
    """The map that the file at ``path`` holds.

    Raises:
        InvalidMap: it cannot be read, is no TOML, or does not fit the event that it makes.
    """
    try:
        body = path.read_bytes()
        file = _converted(tomllib.loads(body.decode()), _File, place="")
        return _checked(file, path, body)
    except OSError as error:
        raise InvalidMap(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidMap(f"{path} is not TOML: {error}") from error
    except InvalidMap as error:
        raise InvalidMap(f"{path}, {error}") from error


def _checked(file: _File, path: Path, body: bytes) -> ColumnMap:
    if file.type not in KINDS:
        raise InvalidMap(f"type: there is no event {file.type!r} to be told; {did_you_mean(file.type, KINDS)}")
    columns = dict(_columns(file.columns))
    made = ColumnMap(
        path=path,
        body=body,
        kind=KINDS[file.type],
        source=file.source,
        time=_column("time", file.time),
        id=None if file.id is None else Column(column=file.id),
        constants=msgspec.to_builtins(file.constants),
        columns=columns,
    )
    node = shape_of(made.kind).node
    for name in (*columns, *_leaves(made.constants)):
        if _target(name, node) is None:
            raise InvalidMap(f"{name}: {file.type} has no such field; {did_you_mean(name, members(node))}")
    for name, column in columns.items():
        _check(name, column, made.target(name).node)
    _check("time", made.time, inspect.DateTimeType())
    filled = {name.partition(".")[0] for name in (*columns, *made.constants)}
    if missing := [each.encode_name for each in node.fields if each.required and each.encode_name not in filled]:
        raise InvalidMap(f"[columns]: {file.type} must have {', '.join(missing)}; name a column, or a constant")
    if twice := sorted({*columns} & {*_leaves(made.constants)}):
        raise InvalidMap(f"{twice[0]}: it is both a column and a constant; take one away")
    return made


def _check(name: str, column: Column, node: inspect.Type) -> None:
    only = sole(node)
    if (column.positive is None) != (column.negative is None):
        raise InvalidMap(f"{name}: positive and negative are told together, such as 'buy' and 'sell'")
    if column.scale and not isinstance(only, inspect.FloatType):
        raise InvalidMap(f"{name}: scale is for fractions, and this is none")
    if (column.at or column.zone or column.plus) and not isinstance(only, inspect.DateTimeType):
        raise InvalidMap(f"{name}: at, zone and plus are for times, and this is none")
    if column.at and column.zone:
        raise InvalidMap(f"{name}: at speaks of the exchange's own time; leave zone out")
    if column.zone:
        _check_zone(name, column.zone)


def _check_zone(name: str, zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidMap(f"{name}: zone {zone!r} is not known; write such as 'America/New_York'") from error


def _columns(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Column]]:
    """The columns by field. TOML nests dotted keys: a table without ``column`` holds more fields."""
    for key, told in table.items():
        name = f"{above}{key}"
        if isinstance(told, dict) and "column" not in told:
            yield from _columns(told, f"{name}.")
        else:
            yield name, _column(name, told)


def _leaves(table: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def _column(name: str, told: Any) -> Column:
    return _converted({"column": told} if isinstance(told, str) else told, Column, place=name)


def _target(name: str, node: inspect.Type) -> Target | None:
    declared = members(node)
    if name in declared:
        return Target((name,), declared[name])
    head, _, rest = name.partition(".")
    below = sole(declared[head]) if rest and head in declared else None
    if isinstance(below, inspect.DictType):
        return Target((head, rest), below.value_type)
    found = _target(rest, below) if isinstance(below, inspect.StructType) else None
    return Target((head, *found.path), found.node) if found else None


def _converted(raw: Any, shape: type[Shape], *, place: str) -> Shape:
    known = {field.name for field in msgspec.structs.fields(shape)}
    where = place or "top level"
    if isinstance(raw, dict) and (unknown := sorted(raw.keys() - known)):
        raise InvalidMap(f"{where}: unknown field {unknown[0]!r}; {did_you_mean(unknown[0], known)}")
    try:
        return msgspec.convert(raw, shape)
    except msgspec.ValidationError as error:
        reason = re.sub(r" - at `\$\.?(.+)`$", r" in \1", str(error))
        raise InvalidMap(f"{where}: {reason}") from error
