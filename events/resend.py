"""Putting a refused entry back into its stream, under the name that it had."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from redis import Redis

from events.connection import broker_errors
from events.entry import EntryId
from events.moments import moment_text
from schemas.errors import EngineError

ENTRY = re.compile(r"\d+-\d+(~\d+)?")
"""An id, and which of several entries that had it."""


class NotResendable(EngineError):
    """What is left of an entry is not what came in."""


def resend(redis: Redis, body: bytes, *, stream: str, entry: str, prefix: str = "") -> str:
    """Append what once was ``entry`` of ``stream`` again, and return the id of the new entry.

    ``body`` is as ``BrokenEvent`` keeps it: the bytes of the field ``event``, or the fields of a flat entry as JSON. An
    event that brought no id was named after its entry, and a flat one without a time was of its time: both are written
    into it, so that (source, id) goes on naming the same event.

    Raises:
        NotResendable: it did not come out of a stream.
        BrokerUnreachable, BrokerRefused: it may have arrived; sending it again is harmless.
    """
    if not ENTRY.fullmatch(entry):
        raise NotResendable(
            f"{stream}/{entry} did not come out of a stream; mend the file and `learning replay` it again"
        )
    fields = entry_of(body, stream=stream, entry=entry)
    with broker_errors(redis):
        added: Any = redis.xadd(prefix + stream, dict(fields))
    return bytes(added).decode()


def entry_of(body: bytes, *, stream: str, entry: str) -> Mapping[Any, Any]:
    """The fields of the entry that says the same as ``body`` did where it was found."""
    said, write = _understood(body)
    if not isinstance(said, dict):
        return {b"event": body}
    name = f"{stream}/{entry}"
    if _is_flat(said):
        time = moment_text(EntryId.parse(entry.partition("~")[0]).ms * 1000)
        return {"time": time, "id": name} | {key: value for key, value in said.items() if key not in _empty(said)}
    return {b"event": body if said.get("id") else write({**said, "id": name})}


def _understood(body: bytes) -> tuple[Any, Any]:
    """What the bytes say, and what writes it again; nothing where they are neither JSON nor MessagePack."""
    for read, write in ((msgspec.json.decode, msgspec.json.encode), (msgspec.msgpack.decode, msgspec.msgpack.encode)):
        try:
            return read(body), write
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return None, None


def _is_flat(said: dict[Any, Any]) -> bool:
    return all(isinstance(value, str) for value in said.values())


def _empty(said: dict[Any, Any]) -> set[str]:
    """The names without a value that have one of their own."""
    return {name for name in ("id", "time") if not said.get(name)}
