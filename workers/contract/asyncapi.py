"""The streams, the channel and the key of the broker as one AsyncAPI 3.0 document.

Its view is the engine's: what it receives and what it sends. The types of the messages are in AsyncAPI's own
dialect of JSON Schema, which is a superset of draft 7.
"""

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from events.json_schema import Schema, described, message, prose
from schemas.catalogue import EVENTS
from schemas.event import Event
from schemas.params import ParamsUpdated
from schemas.version import Version
from workers.contract.parties import PEOPLE, TRADING, receivers, senders
from workers.gate.publication import snapshot_key

CONTENT = "application/cloudevents+json"

SCHEMAS = "#/components/schemas/{name}"

PUBSUB, SNAPSHOT = "params.updated.pubsub", "params.snapshot"
"""Ids of the two that are no streams."""

RULES = """\
Trading processes and the engine talk over one Redis server and nothing else. One stream a type, named as the type.

An entry of a stream has one field, `event`: a CloudEvents 1.0 object in JSON or in MessagePack, told apart by the \
first byte; its `data` is the event. For people at a prompt there is a flat form: an entry without `event` is the \
data, with dots for what is nested. `source` and `id` together name an event for ever: sent twice, it counts once.

How it may change: a field that may be missing can be added at any time, so readers pass over fields that they do not \
know, and the engine does not keep them. Nothing else changes within a schema version: no field goes, is renamed, \
becomes needed or gets another unit, type or narrower bounds. Whatever needs that is a new `schemaversion` of the \
type; the engine reads all older ones for ever. A missing `schemaversion` is 1. A new type is a new stream.
"""


def document() -> Schema:
    """The whole document, the same at every call."""
    kinds = [EVENTS[name] for name in sorted(EVENTS)]
    messages, schemas = _messages(kinds)
    return {
        "asyncapi": "3.0.0",
        "id": "urn:learning-engine",
        "info": {
            "title": "learning engine",
            "version": version("learning-engine"),
            "description": RULES,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": CONTENT,
        "servers": {
            "broker": {
                "host": "{host}",
                "protocol": "redis",
                "description": "The Redis server that RQ_REDIS_URL names, 6.2 or newer.",
                "variables": {"host": {"default": "localhost:6379"}},
            }
        },
        "channels": {kind.type: _stream(kind) for kind in kinds} | {PUBSUB: _pubsub(), SNAPSHOT: _snapshot()},
        "operations": {
            name: operation
            for kind in kinds
            for name, operation in _operations(kind.type, kind.type, senders(kind), receivers(kind))
        }
        | dict(_operations(PUBSUB, ParamsUpdated.type, senders(ParamsUpdated), (TRADING, PEOPLE)))
        | dict(_operations(SNAPSHOT, SNAPSHOT, senders(ParamsUpdated), (TRADING,))),
        "components": {"schemas": schemas, "messages": messages, "parameters": _PARAMETERS},
    }


def _messages(kinds: Iterable[type[Event]]) -> tuple[Schema, Schema]:
    """Every message by its name, and the types that they are made of."""
    messages: Schema = {}
    whole, schemas = described(Version, at=SCHEMAS)
    messages[SNAPSHOT] = _message(SNAPSHOT, whole, content="application/json")
    for kind in kinds:
        whole, types = message(kind, at=SCHEMAS)
        messages[kind.type] = _message(kind.type, whole, content=CONTENT)
        schemas |= types
    return messages, {name: _draft_7(schemas[name]) for name in sorted(schemas)}


def _message(name: str, whole: Schema, *, content: str) -> Schema:
    summary = whole.pop("description")
    return {"name": name, "title": name, "contentType": content, "description": summary, "payload": _draft_7(whole)}


def _stream(kind: type[Event]) -> Schema:
    return {
        "address": f"{{prefix}}{kind.type}",
        "title": kind.type,
        "description": prose(str(kind.__doc__)).partition("\n")[0],
        "messages": _sole(kind.type),
        "parameters": _parameters("prefix"),
        "x-redis": {"type": "stream", "write": "XADD", "read": "XREAD", "field": "event"},
        "x-senders": list(senders(kind)),
        "x-receivers": list(receivers(kind)),
    }


def _pubsub() -> Schema:
    return {
        "address": f"{{prefix}}{ParamsUpdated.type}",
        "title": "params.updated, for those who listen now",
        "description": "The same bytes as in the field `event` of the stream of that name, which is the record.",
        "messages": _sole(ParamsUpdated.type),
        "parameters": _parameters("prefix"),
        "x-redis": {"type": "pubsub", "write": "PUBLISH", "read": "SUBSCRIBE"},
        "x-senders": list(senders(ParamsUpdated)),
        "x-receivers": [TRADING, PEOPLE],
    }


def _snapshot() -> Schema:
    return {
        "address": f"{{prefix}}{snapshot_key('{strategy}')}",
        "title": "the version in force",
        "description": "The whole version as plain JSON, for newcomers and for those who missed an update.",
        "messages": _sole(SNAPSHOT),
        "parameters": _parameters("prefix", "strategy"),
        "x-redis": {"type": "string", "write": "SET", "read": "GET"},
        "x-senders": list(senders(ParamsUpdated)),
        "x-receivers": [TRADING],
    }


def _operations(
    channel: str, message_name: str, sending: Iterable[str], receiving: Iterable[str]
) -> Iterable[tuple[str, Schema]]:
    """What parts of the engine do at a channel. Trading and people are no parts of it."""
    place = {
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message_name}"}],
    }
    for action, parts in (("send", sending), ("receive", receiving)):
        for part in parts:
            if part not in (TRADING, PEOPLE):
                yield f"{part}.{action}.{channel}", {"action": action, "title": f"{part}: {action} {channel}", **place}


def _sole(name: str) -> Schema:
    return {name: {"$ref": f"#/components/messages/{name}"}}


def _parameters(*names: str) -> Schema:
    return {name: {"$ref": f"#/components/parameters/{name}"} for name in names}


_PARAMETERS: Mapping[str, Schema] = {
    "prefix": {
        "description": "Separates environments, such as `paper:`.",
        "default": "",
    },
    "strategy": {"description": "The strategy whose parameters they are.", "default": "main"},
}


def _draft_7(value: Any) -> Any:
    """A schema of 2020-12 in the words of draft 7: a list of fixed length is said differently."""
    if isinstance(value, list):
        return [_draft_7(entry) for entry in value]
    if not isinstance(value, Mapping):
        return value
    older = {name: _draft_7(entry) for name, entry in value.items()}
    if "prefixItems" in older:
        older["additionalItems"] = older.pop("items")
        older["items"] = older.pop("prefixItems")
    return older
