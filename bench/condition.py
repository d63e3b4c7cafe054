"""The six conditions in which trading may meet its broker."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.wire import Fault, wire
from events.broker import EmbeddedBroker
from events.connection import connect


@dataclass(frozen=True, slots=True)
class Met:
    """A broker in some condition: where it is, and what is to be called once the clients have begun."""

    url: str
    begins: Callable[[], None] = lambda: None


@contextmanager
def up(url: str, _folder: Path) -> Iterator[Met]:
    """The broker answers."""
    yield Met(url)


@contextmanager
def dead(_url: str, _folder: Path) -> Iterator[Met]:
    """The connection is refused."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # and does not listen
        yield Met(f"redis://127.0.0.1:{held.getsockname()[1]}/0")


@contextmanager
def hung(_url: str, folder: Path) -> Iterator[Met]:
    """The server is stopped by a signal after the clients have connected, and its sockets stay open."""
    broker = EmbeddedBroker(folder)
    url = broker.start()
    with connect(url) as redis:
        server = int(redis.info("server")["process_id"])
    try:
        yield Met(url, lambda: os.kill(server, signal.SIGSTOP))
    finally:
        os.kill(server, signal.SIGCONT)
        broker.stop()


@contextmanager
def silent(url: str, _folder: Path) -> Iterator[Met]:
    """The connection is accepted, and nothing ever answers."""
    with wire(url, Fault.SILENT) as through:
        yield Met(through)


@contextmanager
def slow(url: str, _folder: Path) -> Iterator[Met]:
    """Every answer comes 200 ms late."""
    with wire(url, Fault.SLOW) as through:
        yield Met(through)


@contextmanager
def flapping(url: str, _folder: Path) -> Iterator[Met]:
    """One second up, one second down."""
    with wire(url, Fault.FLAPPING) as through:
        yield Met(through)


Condition = Callable[[str, Path], AbstractContextManager[Met]]

CONDITIONS: tuple[Condition, ...] = (up, dead, hung, silent, slow, flapping)
