"""What every call of the old learner has in common: it warns, and it never raises what it did not raise there."""

import functools
import warnings
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from learning_client.guard import Guarded

S = TypeVar("S", bound=Guarded)
P = ParamSpec("P")
R = TypeVar("R")
D = TypeVar("D")


def deprecated(
    instead: str, *, otherwise: Callable[[], D], lets: type[Exception] | tuple[()] = ()
) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R | D]]:
    """Say ``instead`` to the call site, once, as ``warnings`` does it; answer ``otherwise()`` where the method raises.

    Only what the old call raised, ``lets``, comes through. A filter that makes an error of the warning does not: it is
    counted with the troubles, and the call is answered.
    """

    def decorate(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R | D]:
        name = method.__name__

        @functools.wraps(method)
        def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R | D:
            try:
                warnings.warn(f"{name}() is of the old learner: {instead}", DeprecationWarning, stacklevel=2)
            except Exception as error:  # noqa: BLE001 - a filter or a hook of the program
                self.trouble(name, error)
            try:
                return method(self, *args, **kwargs)
            except lets:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, trading goes on
                self.trouble(name, error)
                return otherwise()

        return call

    return decorate
