"""Where every framework puts its alerts: the bare loop's table, in SQLite."""

import sqlite3
from collections.abc import Sequence

import msgspec

from bench.bare_table import in_sqlite
from bench.codec import Plain
from events.moments import microseconds
from schemas.alert import AlertRaised


class AlertTable:
    """Decodes alerts as the bare loop does, and keeps them in one transaction; ``count`` of them so far."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.count = 0
        self._keep = in_sqlite(connection)
        self._decoder = msgspec.json.Decoder(Plain[AlertRaised])

    def take(self, bodies: Sequence[str]) -> None:
        """Alerts as JSON."""
        self._take([self._decoder.decode(body) for body in bodies])

    def take_decoded(self, bodies: Sequence[object]) -> None:
        """Alerts whose JSON the framework has read already."""
        self._take([msgspec.convert(body, Plain[AlertRaised]) for body in bodies])

    def _take(self, alerts: Sequence[Plain[AlertRaised]]) -> None:
        self._keep([(one.id, microseconds(one.time), one.type, one.data.symbol) for one in alerts])
        self.count += len(alerts)
