"""Waiting while another writer holds the store."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import structlog

from store.errors import StoreBusy

log = structlog.get_logger()

SHORTEST_PAUSE = 0.05
LONGEST_PAUSE = 5.0
"""Seconds before a turn is repeated; each pause is twice the last, with jitter."""

Answer = TypeVar("Answer")


class Company(NamedTuple):
    """What a replay is handed of the outside: the clock (µs), how to wait (seconds), a number from 0 to 1, and whether
    somebody asked it to stop."""

    clock: Callable[[], int]
    pause: Callable[[float], object]
    jitter: Callable[[], float]
    stopped: Callable[[], bool]


def patiently(turn: Callable[[], Answer], company: Company) -> Answer:
    """What ``turn`` answers, repeated for as long as another writer holds the store.

    Raises:
        StoreBusy: it is still held, and somebody asked to stop.
    """
    wait = SHORTEST_PAUSE
    while True:
        try:
            return turn()
        except StoreBusy as error:
            if company.stopped():
                raise
            log.info("replay.waiting", error=str(error), seconds=round(wait, 2))
            company.pause(wait * (0.5 + company.jitter() / 2))
            wait = min(2 * wait, LONGEST_PAUSE)
