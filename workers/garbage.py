"""When Python looks for cycles that nobody needs: between turns, never within one."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

MOST = 100_000
"""So many new containers that are still there after a turn make the collector look."""


@contextmanager
def collected_between_turns() -> Iterator[None]:
    """Within this block the collector looks only when ``collect`` lets it.

    A turn makes hundreds of thousands of containers and keeps none, and each time that the collector looks within
    one it walks through all of them: that took a seventh of a large turn.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def collect() -> None:
    """Look for cycles if a turn has left enough behind. By then its own values are gone, so there is little to see."""
    if gc.get_count()[0] >= MOST:
        gc.collect()
