"""Messages as JSON Schema, for those who write or read them in other languages.

Made from the very types that the codec reads, so it cannot drift from them. Units and bounds come from
``schemas.quantities``, what a field means from the description of its type.
"""

import inspect
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from events.frame import Whole
from schemas.event import Event

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

WITHIN = "#/$defs/{name}"
"""Where a schema that stands alone keeps the types that it is made of."""


def message_schema(kind: type[Event]) -> Schema:
    """A schema of 2020-12, alone in its file, of the CloudEvents object around an event of this type.

    It is open: fields that nobody declared are allowed. What passes is read by the engine but for what a schema cannot
    say, which ``docs/contract/README.md`` lists; the engine also understands other systems' words, which do not pass.
    """
    whole, types = message(kind, at=WITHIN)
    name = f"urn:learning-engine:{kind.type}:{kind.schema_version}"
    return {"$schema": DIALECT, "$id": name, **whole, "$defs": types}


def message(kind: type[Event], *, at: str) -> tuple[Schema, dict[str, Schema]]:
    """The object around an event, and by name the types that it is made of, which it refers to by ``at``."""
    whole, types = described(Whole[kind], at=at)  # type: ignore[valid-type]
    whole["title"], whole["description"] = kind.type, types[kind.__name__]["description"]
    attributes = whole["properties"]
    attributes["type"] = {"const": kind.type}
    attributes["time"]["description"] = "when it happened"
    attributes["schemaversion"] = {"const": kind.schema_version}
    if kind.schema_version > 1:
        whole["required"].append("schemaversion")
    return whole, types


def described(kind: Any, *, at: str) -> tuple[Schema, dict[str, Schema]]:
    """The schema of a Struct, and by name the types that it is made of, which it refers to by ``at``."""
    (reference,), types = msgspec.json.schema_components([kind], ref_template=at)
    whole = types.pop(reference["$ref"].removeprefix(at.format(name="")))
    return _plain(whole), {name: _plain(types[name]) for name in sorted(types)}


def _plain(value: Any) -> Any:
    """A schema whose texts are not those of Python: prose without its line breaks, patterns that need no look-ahead."""
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if not isinstance(value, Mapping):
        return value
    plain = {name: _plain(entry) for name, entry in value.items()}
    if isinstance(text := plain.get("description"), str):
        plain["description"] = prose(text)
    if isinstance(pattern := plain.get("pattern"), str):
        plain["pattern"] = pattern.removesuffix(_VERY_END)
    return plain


_VERY_END = r"(?!\n)"
"""In Python ``$`` stands before a last line break too; in ECMA 262, whose expressions a schema has, it does not."""


def prose(docstring: str) -> str:
    """A docstring as text for readers of other languages, a paragraph a line, without what Python alone raises."""
    text = inspect.cleandoc(docstring).partition("\n\nRaises:")[0]
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text).replace("``", "`")
