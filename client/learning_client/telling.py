"""How a call becomes an event, at the least cost for who calls."""

import functools
from collections.abc import Callable, Collection
from math import isfinite
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from learning_client.errors import Misuse
from learning_client.moments import micros
from learning_client.sender import Sender
from learning_client.switches import Switches

Said = dict[str, Any]
"""What a call said, by the names of its arguments; it belongs to us."""


class Telling(Protocol):
    """Whoever has calls that tell an event; ``nanoseconds`` says the present, since 1970 UTC, ``highest_score`` what a
    score is at the most.
    """

    switches: Switches
    sender: Sender
    nanoseconds: Callable[[], int]
    highest_score: float

    def trouble(self, name: str, error: Exception) -> None:
        """Count ``error`` of the event ``name``."""


S = TypeVar("S", bound=Telling)
P = ParamSpec("P")


def tells(
    kind: str,
    *,
    named: str | None = None,
    words: Collection[str] = (),
    numbers: Collection[str] = (),
    score: str | None = None,
    checked: Callable[[Said], None] | None = None,
    owned: Collection[str] = (),
    always: bool = False,
) -> Callable[[Callable[Concatenate[S, P], str | None]], Callable[Concatenate[S, P], str | None]]:
    """The method says only what its arguments are: they are taken as they come.

    All is done in one function, because on a busy machine every further one costs the caller a microsecond.

    Args:
        kind: of the event.
        named: the argument that names the thing told of; where it is missing, that is the event's id.
        words: arguments that must be there and not be empty.
        numbers: those that must be there and be finite.
        score: the one that must be there and be a score, from 0 to the highest.
        checked: raises where something else is missing or cannot be, and may change what was said.
        owned: arguments that the caller may change afterwards, so that a copy is kept.
        always: whether it is told also where nothing is collected.
    """

    def decorate(method: Callable[Concatenate[S, P], str | None]) -> Callable[Concatenate[S, P], str | None]:
        @functools.wraps(method)
        def tell(self: S, /, *unnamed: Any, time: Any = None, snapshot: Any = None, **said: Any) -> str | None:
            try:
                if unnamed:
                    _refuse(f"{unnamed[0]!r} has no name: write symbol={unnamed[0]!r}, or what else it is")
                for name in words:
                    if not said[name]:
                        _refuse(f"{name}={said[name]!r} names nothing")
                for name in numbers:
                    if not isfinite(said[name]):
                        _refuse(f"{name}={said[name]!r} is not a finite number")
                if score is not None and not 0.0 <= said[score] <= self.highest_score:
                    _refuse(f"a score of {said[score]!r}: scores are 0 to {self.highest_score:g}")
                if checked is not None:
                    checked(said)
                switches = self.switches
                if not (switches.integration and (switches.collect or always)):
                    return None
                for name in owned:
                    if name in said:
                        value = said[name]
                        said[name] = value.copy() if type(value) is dict else _own(value)
                now = self.nanoseconds()
                at = now if time is None else micros(time) * 1_000
                return self.sender.tell(kind, said, snapshot, at, now, named)
            except KeyError as missing:
                self.trouble(kind, Misuse(f"{missing} is missing"))
            except Exception as error:  # noqa: BLE001 - whatever it is, trading goes on
                self.trouble(kind, error)
            return None

        return tell

    return decorate


def _refuse(why: str) -> None:
    raise Misuse(why)


def _own(value: Any) -> Any:
    """A mapping, array or other collection, or None, that nobody else changes."""
    if value is None or isinstance(value, (tuple, frozenset)):
        return value
    if hasattr(value, "keys"):
        return dict(value)
    if hasattr(value, "copy"):
        return value.copy()
    if isinstance(value, Collection) and not isinstance(value, (str, bytes)):
        return tuple(value)
    raise Misuse(f"{value!r} is no collection")
