"""The scalars that cross the boundary, each with its unit and its bounds.

Every float is bounded, because only a bounded float refuses NaN and infinity in MessagePack too.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from msgspec import Meta

_NAME = r"^[A-Za-z0-9_.:\-]+$(?!\n)"

Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=_NAME,
        description="letters, digits and _ . : -",
        examples=["rsi_14"],
    ),
]
"""A word chosen by a person for a parameter, strategy, source or feature."""

Id = Annotated[str, Meta(min_length=1, max_length=200)]
"""Names one thing for ever."""

Symbol = Annotated[str, Meta(min_length=1, max_length=32)]
"""A ticker as the trading side writes it; only (venue, symbol) names an instrument."""

Word = Annotated[str, Meta(max_length=100)]
"""A short free word, such as a theme or a sector."""

Text = Annotated[str, Meta(max_length=20_000)]
"""Prose, such as a thesis."""

Session = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$(?!\n)",
        description="the date of a session where its exchange is",
        examples=["2024-01-31"],
    ),
]
"""The date of a trading session in the time zone of its exchange, ``2024-01-31``."""

VersionId = Annotated[
    str, Meta(pattern=r"^[0-9]{1,9}-[0-9]{1,9}$(?!\n)", description="EPOCH-NUMBER", examples=["1-17"])
]
"""A version of the parameters, ``EPOCH-NUMBER``."""

_RFC_3339 = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$"

Time = Annotated[datetime, Meta(tz=True, examples=["2024-01-31T21:00:00Z"], extra_json_schema={"pattern": _RFC_3339})]
"""A moment with its time zone, RFC 3339; a naive time is refused."""

Unit = Annotated[
    float, Meta(ge=0.0, le=1.0, description="scores, confidences and shares are 0 to 1: 0.83, not 83", examples=[0.83])
]
"""A score, confidence, probability or share: 0 to 1."""

Signed = Annotated[float, Meta(ge=-1.0, le=1.0, description="a balance between two sides, -1 to 1")]
"""A balance between two sides, -1 to 1."""

Return = Annotated[float, Meta(ge=-1_000.0, le=1_000.0, description="a fraction: 0.021 is 2.1 %")]
"""A fraction: 0.021 is 2.1 %, signed as the position earned it."""

Size = Annotated[float, Meta(ge=0.0, le=100.0, description="a fraction of equity: 0.02 is 2 %")]
"""A fraction of equity; above 1 is leverage."""

Price = Annotated[float, Meta(ge=-1e12, le=1e12, description="currency a share, contract or coin")]
"""Currency a share, contract or coin. Whether it may be 0 or less is for the registry to say."""

Money = Annotated[float, Meta(ge=-1e15, le=1e15, description="an amount of the instrument's currency")]
"""An amount of the instrument's currency."""

Quantity = Annotated[float, Meta(ge=0.0, le=1e15, description="shares, contracts or coins, without sign")]
"""Shares, contracts or coins, without sign: the side says which way."""

Number = Annotated[float, Meta(ge=-1e15, le=1e15)]
"""Any finite number, such as a feature."""

Positive = Annotated[float, Meta(gt=0.0, le=1e15)]
"""A finite number above 0, such as an adjustment factor or a contract multiplier."""

Count = Annotated[int, Meta(ge=0, le=2**62)]
"""How many."""

Seconds = Annotated[float, Meta(ge=0.0, le=1e12, description="seconds")]
"""A duration in seconds."""

Days = Annotated[float, Meta(ge=0.0, le=100_000.0, description="days")]
"""A duration in days."""

Bps = Annotated[float, Meta(ge=-1e6, le=1e6, description="basis points: 1 is 0.01 %")]
"""Hundredths of a per cent."""

FeatureName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        description="letters, digits and _ . : -",
        examples=["rsi_14"],
        extra_json_schema={"pattern": _NAME},
    ),
]
"""A ``Name``. An event has a dozen, and ``wrong_name`` looks at each once where msgspec would at every event."""

Features = Annotated[dict[FeatureName, Number], Meta(max_length=256)]
"""What the scanner measured, by name, from the past only."""


def wrong_name(names: Mapping[str, object]) -> str | None:
    """The first of some names that has anything but what a ``Name`` may have; those that are right are remembered."""
    if _RIGHT.issuperset(names):
        return None
    for name in names:
        if re.search(_NAME, name) is None:
            return name
    if len(_RIGHT) > MOST_NAMES:
        _RIGHT.clear()
    _RIGHT.update(names)
    return None


MOST_NAMES = 10_000
"""So many names are remembered at most."""

_RIGHT: set[str] = set()

Counts = Annotated[dict[Word, Count], Meta(max_length=256)]
"""How many, by name."""

Numbers = Annotated[dict[Word, Number], Meta(max_length=256)]
"""Any finite numbers, by name."""
