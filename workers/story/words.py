"""How the values of a story are written for people."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from learning.rewards import SCALE
from schemas.attributed import Contribution
from workers.story.bars import Bar

NOT_KNOWN = "not known"
"""What is shown for a value that is missing: it never becomes 0."""


def moment_of(time: datetime | None) -> str:
    """A moment in UTC, to the second, and finer where it is."""
    return NOT_KNOWN if time is None else time.strftime("%Y-%m-%d %H:%M:%S") + _micro(time)


def _micro(time: datetime) -> str:
    return f".{time.microsecond:06d}" if time.microsecond else ""


def number_of(number: float | None) -> str:
    """A number with all of its digits and no more."""
    return NOT_KNOWN if number is None else f"{number:.12g}"


def word(text: str | None) -> str:
    """A word."""
    return NOT_KNOWN if text is None else text


def said(fields: Mapping[str, Any], *, own: str) -> str:
    """What an event says, field by field; what it does not say is left out. ``own`` is the field of its own id."""
    shown = {name: value for name, value in fields.items() if name not in (own, "strategy")}
    return ", ".join(_fields(shown))


def _fields(fields: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _fields(value, f"{prefix}{name}.")
        elif value is not None and value != []:
            shown = number_of(value) if isinstance(value, float) else value
            yield f"{prefix}{name} {shown}"


def counted(one: Contribution) -> str:
    """What a contribution counts: its reward from whole numbers of 1e-6."""
    return f"{one.total:+d} ({one.total / SCALE:+.6f}), squares {one.squares}, n {one.n}"


def bar(one: Bar | None, *, price: str) -> str:
    """A bar by its session, with one of its prices and who told it."""
    if one is None:
        return NOT_KNOWN
    told = f"{len(one.quotes)} sources" if len(one.quotes) > 1 else "".join(quote.source for quote in one.quotes)
    return f"{one.session} {price} {getattr(one, price):.12g} of {told}"
