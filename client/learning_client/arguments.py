"""What a program hands over at its start: what can never be right is refused, with what to write instead."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from redis.connection import parse_url

from learning_client.errors import Misuse

T = TypeVar("T")
N = TypeVar("N", int, float)
C = TypeVar("C", bound=Callable[..., object])

AN_ADDRESS = "write the address of the broker, such as 'redis://localhost:6379/0'"


def checked_kind(what: str, value: T, kind: type, do: str) -> T:
    """``value``, when it is of ``kind``; ``do`` says what to write instead.

    Raises:
        Misuse: it is not.
    """
    if not isinstance(value, kind):
        raise Misuse(f"{what}={value!r}: {do}")
    return value


def checked_url(url: str) -> str:
    """The text of an address; one that redis-py refuses is left to who connects.

    Raises:
        Misuse: it is no text, or empty, or names a database by no number, which redis-py takes for 0. Nothing of the
            address is repeated: it may hold a password.
    """
    if not checked_kind("url", url, str, AN_ADDRESS):
        raise Misuse(f"url='': {AN_ADDRESS}")
    if not _database_is_number(url):
        raise Misuse(f"url: its path is no number of a database: {AN_ADDRESS}")
    return url


def _database_is_number(url: str) -> bool:
    """Whether the path says a number or nothing, where redis-py reads a database from it."""
    try:
        parse_url(url)  # type: ignore[no-untyped-call]
    except ValueError:
        return True
    parts = urlsplit(url)
    said = unquote(parts.path).strip("/")
    return parts.scheme == "unix" or not said or said.isdecimal()


def checked_number(what: str, value: N, *, least: float) -> N:
    """``value``, when it is a number of ``least`` or more.

    Raises:
        Misuse: it is not.
    """
    try:
        enough = value >= least
    except TypeError:
        enough = False
    if not enough:
        raise Misuse(f"{what}={value!r}: write a number, {least:,} or more")
    return value


def checked_call(what: str, call: C, do: str) -> C:
    """``call``, when it can be called; ``do`` says what to write instead.

    Raises:
        Misuse: it cannot.
    """
    if not callable(call):
        raise Misuse(f"{what}={call!r}: {do}")
    return call


def checked_clock(clock: Callable[[], int]) -> Callable[[], int]:
    """``clock``, when it can be called.

    Raises:
        Misuse: it cannot.
    """
    do = "write a function that returns microseconds since 1970 in UTC, or leave it out"
    return checked_call("clock", clock, do)


def checked_path(what: str, path: "str | os.PathLike[str]") -> Path:
    """The absolute path of a file or folder, wherever the program goes afterwards.

    Raises:
        Misuse: it is no path.
    """
    try:
        return Path(path).absolute()
    except TypeError:
        raise Misuse(f"{what}={path!r}: write the path of a file or folder, such as 'var/learning'") from None


def checked_bounds(bounds: Mapping[str, tuple[float, float]]) -> Mapping[str, tuple[float, float]]:
    """By name the lowest value and the highest.

    Raises:
        Misuse: it is no mapping, or one of its values is no pair of numbers.
    """
    found: dict[str, tuple[float, float]] = {}
    for name, pair in checked_kind("bounds", bounds, Mapping, "write {name: (lowest, highest)}").items():
        try:
            low, high = pair
            low <= 0.0 <= high  # noqa: B015 - whether they are numbers
        except (TypeError, ValueError):
            raise Misuse(f"bounds of {name!r} are {pair!r}: write (lowest, highest), two numbers") from None
        found[name] = (low, high)
    return found
