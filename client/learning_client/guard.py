"""The guard of the public methods: nothing that goes wrong in here reaches trading."""

import functools
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from learning_client.tally import Tally

log = logging.getLogger("learning_client")


class Troubles:
    """What went wrong, counted by kind; the first of each kind is logged, the rest only counted. Beyond 200 kinds
    the others are one."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin counting anew."""
        self._tally = Tally()

    def note(self, kind: str, error: object) -> None:
        """Count one; it cannot raise, whatever handlers the program's log has."""
        if self._tally.add(kind) == 1:
            name = "" if isinstance(error, str) else f"{type(error).__name__}: "
            with suppress(Exception):
                log.warning("%s: %s%s (more of this kind are only counted)", kind, name, error)

    def counts(self) -> dict[str, int]:
        """How often each kind happened."""
        return self._tally.counts()


class Guarded(Protocol):
    """Whoever has guarded methods says here what is to be done with their errors."""

    def trouble(self, name: str, error: Exception) -> None:
        """Count ``error`` of the method or event ``name``."""


S = TypeVar("S", bound=Guarded)
P = ParamSpec("P")
R = TypeVar("R")
D = TypeVar("D")


def guarded(
    name: str, *, otherwise: D
) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R | D]]:
    """Answer ``otherwise`` where the method raises, missing arguments included."""

    def decorate(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R | D]:
        @functools.wraps(method)
        def guard(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R | D:
            try:
                return method(self, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 - whatever it is, trading goes on
                self.trouble(name, error)
                return otherwise

        return guard

    return decorate
