"""From what the caller said to the bytes on the wire. Runs on the sending thread."""

import math
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from learning_client.errors import Misuse
from learning_client.fields import OPTIONAL, REQUIRED
from learning_client.guard import Troubles
from learning_client.moments import micros, rfc3339
from learning_client.names import checked_name
from learning_client.plain import SIMPLE, UNMEANT, all_simple, check_meant, plain
from learning_client.shapes import check_shape
from learning_client.snapshot import Snapshot
from learning_client.told import Told
from learning_client.units import Conversion, Units

LARGEST = (1 << 20) - len("event")
"""Bytes of an event: with the name of its field, what the engine takes at most."""

TIMES = ("data_time", "entry_time", "exit_time", "applied_at")
KNOWN = {kind: REQUIRED[kind] | OPTIONAL[kind] | {"strategy"} for kind in REQUIRED}
CARRY_UNIT = frozenset({"alert.raised", "decision.made"})


class Writer:
    """Writes events as CloudEvents 1.0 JSON, in the name of ``source`` and ``strategy``.

    What was said in ``units`` is written in those of the wire. numpy scalars, enums, dates and decimals are written as
    the plain values that they stand for. What is None or not a finite number is missing and left out.
    """

    def __init__(self, *, source: str, strategy: str, units: Units, troubles: Troubles) -> None:
        self._source = source
        self._strategy = strategy
        self._conversion = Conversion(units)
        self._troubles = troubles
        self._encode = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number").encode

    def write(self, told: Told) -> bytes:
        """The body of the event.

        Raises:
            Misuse: a required field is missing, one is of a type that the engine refuses, a strategy is no name, a time
                is naive, or the body is over 1 MiB.
            TypeError: an object that has no form in JSON.
        """
        data = self._data(told)
        simple = all_simple(data.values())
        if not simple:
            for name, value in data.items():
                if type(value) not in SIMPLE:
                    check_meant(name, [value])
        body = self._body(told, data)
        if b"null" in body or (not simple and (b"NaN" in body or b"Infinity" in body)):
            data = self._without_missing(told.kind, data)
            body = self._body(told, data)
        if missing := REQUIRED[told.kind] - data.keys():
            raise Misuse(f"{told.kind} without {', '.join(sorted(missing))}")
        if len(body) > LARGEST:
            raise Misuse(f"{told.kind} of {len(body)} bytes, at most {LARGEST} are taken")
        check_shape(told.kind, body)
        return body

    def _data(self, told: Told) -> dict[str, Any]:
        data: dict[str, Any] = {"strategy": self._strategy, **told.data}
        if "strategy" in told.data:
            said = plain(data["strategy"])
            data["strategy"] = self._strategy if said is None else checked_name("strategy", said)
        self._conversion.convert(told.kind, data)
        if told.snapshot is not None:
            data = {**_pinned(told.kind, told.snapshot), **data}
        for name in TIMES:
            if data.get(name) is not None:
                data[name] = rfc3339(micros(data[name]))
        if unknown := data.keys() - KNOWN[told.kind]:
            self._troubles.note(f"{told.kind} has no such field: {', '.join(sorted(unknown))}", "it will not be kept")
        if "return_" in data:
            data["return"] = data.pop("return_")
        return data

    def _body(self, told: Told, data: Mapping[str, Any]) -> bytes:
        return self._encode(
            {
                "specversion": "1.0",
                "id": told.id,
                "source": self._source,
                "type": told.kind,
                "time": rfc3339(told.time // 1_000),
                "schemaversion": 1,
                "data": data,
            }
        )

    def _without_missing(self, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, value in data.items():
            if isinstance(value, Mapping):
                kept[name] = {key: number for key, number in value.items() if self._is_there(f"{kind} {name}", number)}
            elif self._is_there(f"{kind} {name}", value):
                kept[name] = value
        return kept

    def _is_there(self, where: str, value: object) -> bool:
        if value is None:
            return False
        try:
            finite = value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            return True
        if not finite:
            self._troubles.note(f"{where} is not a finite number", "it counts as missing")
        return finite


def _pinned(kind: str, snapshot: Snapshot) -> dict[str, Any]:
    """What an event says of the values that it was made with; the version only where they were used."""
    pinned: dict[str, Any] = {}
    if snapshot.version is not None:
        pinned["params_version"] = snapshot.version
    if kind in CARRY_UNIT:
        if snapshot.unit is not None:
            pinned["unit"] = snapshot.unit
        if snapshot.version is not None:
            pinned["assignments"] = {
                name: dict(values) for name, values in snapshot.assignments.items() if _numbers(values.values())
            }
    return pinned


def _numbers(values: Collection[object]) -> bool:
    return all(isinstance(value, (int, float)) for value in values)


def _plain(value: Any) -> Any:
    """What ``value`` stands for: a numpy scalar its number, a mapping a dictionary."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "item") and not isinstance(meant := value.item(), UNMEANT):
        return meant
    raise TypeError(f"{type(value).__name__} has no form in JSON")
