"""How a call becomes the data of an event, at the least cost for who calls."""

import functools
from collections.abc import Callable, Collection
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from learning_client.errors import Misuse

Said = dict[str, Any]
"""What a call said, by the names of its arguments; it belongs to us."""


class Telling(Protocol):
    """Whoever has calls that tell an event."""

    def pass_on(self, kind: str, said: Said, *, named: str | None) -> str | None:
        """Pass ``said`` on; where ``named`` is missing in it, that is the event's id, which is returned."""

    def trouble(self, name: str, error: Exception) -> None:
        """Count ``error`` of the event ``name``."""


S = TypeVar("S", bound=Telling)
P = ParamSpec("P")


def tells(
    kind: str, *, checked: Callable[[Said], None], named: str | None = None, owned: Collection[str] = ()
) -> Callable[[Callable[Concatenate[S, P], str | None]], Callable[Concatenate[S, P], str | None]]:
    """The method says only what its arguments are: they are taken as they come, which saves making another
    dictionary of them, and none of them makes the call raise.

    Args:
        kind: of the event.
        checked: raises where something is missing or cannot be, and may change what was said.
        named: the argument that names the thing told of.
        owned: arguments that the caller may change afterwards, so that a copy is kept.
    """

    def decorate(method: Callable[Concatenate[S, P], str | None]) -> Callable[Concatenate[S, P], str | None]:
        @functools.wraps(method)
        def tell(self: S, /, *unnamed: P.args, **said: P.kwargs) -> str | None:
            try:
                if unnamed:
                    _refuse(unnamed[0])
                checked(said)
                for name in owned:
                    if name in said:
                        value = said[name]
                        said[name] = value.copy() if type(value) is dict else _own(value)
                return self.pass_on(kind, said, named=named)
            except KeyError as missing:
                self.trouble(kind, Misuse(f"{missing} is missing"))
            except Exception as error:  # noqa: BLE001 - whatever it is, trading goes on
                self.trouble(kind, error)
            return None

        return tell

    return decorate


def _refuse(unnamed: object) -> None:
    raise Misuse(f"{unnamed!r} has no name: write symbol={unnamed!r}, or what else it is")


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
