"""The contract as files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from events.json_schema import message_schema
from schemas.catalogue import EVENTS
from workers.contract.asyncapi import document


def contract_files() -> Iterator[tuple[Path, str]]:
    """Each file, relative to the contract's folder, with its text: the same at every call."""
    for name in sorted(EVENTS):
        yield Path("schemas", f"{name}.json"), _text(message_schema(EVENTS[name]))
    yield Path("asyncapi.json"), _text(document())


def _text(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"
