"""What the engine takes of each kind of event: which of its fields are texts, numbers, and numbers by name."""

from collections.abc import Mapping
from typing import Any, get_type_hints

import msgspec

from learning_client.errors import Misuse
from learning_client.fields import (
    OPTIONAL,
    REQUIRED,
    AlertFields,
    DecisionFields,
    DiscoveryFields,
    FillFields,
    OutcomeFields,
    PriceFields,
    ThesisFields,
)
from learning_client.moments import Moment

SAID: Mapping[str, type] = {
    "alert.raised": AlertFields,
    "decision.made": DecisionFields,
    "fill.reported": FillFields,
    "outcome.observed": OutcomeFields,
    "price.observed": PriceFields,
    "discovery.completed": DiscoveryFields,
    "thesis.formed": ThesisFields,
}
"""By kind the fields with their types; of other kinds all are texts."""

OURS = frozenset({"params.applied", "client.reported"})
"""Told by this package itself."""

NUMBERS = frozenset({"score", "quantity", "price", "open", "high", "low", "close"})
COUNTS = frozenset({"universe_size", "candidate_count"})
"""Required fields that are no texts."""


def check_shape(kind: str, body: bytes) -> None:
    """See that the engine takes the fields of ``body`` for what they are; it costs an eighth of writing them.

    Raises:
        Misuse: one that should be a text, a number or a collection is something else.
    """
    if kind in _SHAPES:
        try:
            _SHAPES[kind].decode(body)
        except msgspec.ValidationError as error:
            what, _, where = str(error).partition(" - at `$.data.")
            raise Misuse(
                f"{where.rstrip('`')} has the wrong type: {what.replace('`', '').replace(' | null', '')}"
            ) from None


def _shape(kind: str) -> "msgspec.json.Decoder[Any]":
    said = get_type_hints(SAID[kind]) if kind in SAID else {}
    types: dict[str, Any] = dict.fromkeys(REQUIRED[kind] | OPTIONAL[kind], str)
    types |= dict.fromkeys(types.keys() & NUMBERS, float) | dict.fromkeys(types.keys() & COUNTS, int)
    types |= {name: str if of == Moment | None else of for name, of in said.items()}
    if "features" in types:
        types["features"] = dict[str, float]
    fields = [(name, of | None, None) for name, of in types.items()]
    data = msgspec.defstruct("Data", fields, rename={"return_": "return"}, gc=False)
    return msgspec.json.Decoder(msgspec.defstruct("Event", [("data", data)]))


_SHAPES = {kind: _shape(kind) for kind in REQUIRED.keys() - OURS}
