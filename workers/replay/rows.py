"""Rows of a table as events, by a column map."""

from collections.abc import Mapping
from typing import Any

import msgspec

from events.errors import Unfit
from events.moments import moment_text
from schemas.calendar import Calendar
from schemas.parameters import Registry
from schemas.session import SessionClosed
from workers.replay.cells import cell_reader
from workers.replay.column_map import IDENTITY, LINE, ColumnMap
from workers.replay.moments import moment_reader
from workers.replay.record import OTHERS, RANKS, Form, Record, made_id, refused, sorted_time

Row = Mapping[str, str]
"""Cells by the names of their columns, as text; one that is not there is empty."""


class Rows:
    """Turns the rows of one table into records that hold CloudEvents objects.

    The strategy is that of ``registry``; sessions are those of its calendar, or of the venue's that the map names.
    A row without an id is named for its content, ``#line`` and ``#id`` aside.
    """

    def __init__(self, told: ColumnMap, registry: Registry) -> None:
        self.map = told
        self.kind = told.kind.type
        self._calendars = {registry.strategy: Calendar.named(registry.market.calendar)}
        venue = told.constants.get("venue", "")
        calendar = Calendar.named(registry.market.venues.get(venue, registry.market.calendar))
        self._constants = told.constants | {"strategy": registry.strategy}
        self._time = moment_reader(told.time, "time", calendar=calendar)
        self._cells = [
            (column.column, told.target(name).path, cell_reader(name, column, told.target(name), calendar=calendar))
            for name, column in told.columns.items()
            if column.column not in (LINE, IDENTITY)
        ]
        self._lines = self._special(LINE)
        self._identities = self._special(IDENTITY)

    def record(self, row: Row, *, place: int, line: int) -> Record:
        """The record of one row, refused where it can be no event."""
        try:
            return self._record(row, place=place, line=line)
        except Unfit as error:
            return refused(self.kind, place, reason=str(error), body=raw(row))
        except UnicodeEncodeError as error:
            wrong = error.object.encode(errors="surrogateescape")
            return refused(self.kind, place, reason=f"the row is not UTF-8: {wrong[:60]!r}", body=raw(row))

    def _record(self, row: Row, *, place: int, line: int) -> Record:
        time = self._moment(row)
        data = self._data(row)
        told = self._told_id(row, line)
        identity = made_id(time, self.kind, self.map.source, data) if told is None else told
        for path in self._lines:
            _put(data, path, line)
        for path in self._identities:
            _put(data, path, identity)
        body = msgspec.json.encode(
            {
                "specversion": "1.0",
                "id": identity,
                "source": self.map.source,
                "type": self.kind,
                "time": moment_text(time),
                "data": data,
            }
        )
        at = sorted_time(time, data, self._calendars) if self.map.kind is SessionClosed else time
        rank = RANKS.get(self.kind, OTHERS)
        nameless = place if told is None else 0
        return Record(at, rank, self.kind, self.map.source, identity, nameless, body, Form.EVENT, place)

    def _moment(self, row: Row) -> int:
        text = row.get(self.map.time.column, "").strip()
        if not text:
            raise Unfit(f"time is missing: there is nothing in the column {self.map.time.column!r}")
        return self._time(text)

    def _data(self, row: Row) -> dict[str, Any]:
        data: dict[str, Any] = _copied(self._constants)
        for column, path, read in self._cells:
            text = row.get(column, "").strip()
            if text and (value := read(text)) is not None:
                _put(data, path, value)
        return data

    def _told_id(self, row: Row, line: int) -> str | None:
        if self.map.id is None:
            return None
        return str(line) if self.map.id.column == LINE else row.get(self.map.id.column, "").strip() or None

    def _special(self, column: str) -> list[tuple[str, ...]]:
        return [self.map.target(name).path for name, one in self.map.columns.items() if one.column == column]


def raw(row: Row) -> bytes:
    """A row as it is kept when it is refused."""
    return msgspec.json.encode({name: text.encode(errors="replace").decode() for name, text in row.items()})


def _copied(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _copied(value) if isinstance(value, dict) else value for name, value in table.items()}


def _put(data: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        data = data.setdefault(name, {})
    data[path[-1]] = value
