"""A line to the broker that can be cut."""

import contextlib
import socket
import threading
from urllib.parse import urlsplit

import pytest

from events.connection import connect


class Line:
    """Carries bytes between a client and the broker. Can lose so many answers, or everything it is told."""

    def __init__(self, url):
        self._to = urlsplit(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = []
        self.url = url.replace(f":{self._to.port}/", f":{self._listener.getsockname()[1]}/")
        self.deaf = 0
        self.losing = False
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        for end in self._sockets:
            with contextlib.suppress(OSError):  # it may be cut already
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            server = socket.create_connection((self._to.hostname, self._to.port))
            self._sockets += [client, server]
            threading.Thread(target=self._carry, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._carry, args=(server, client, True), daemon=True).start()

    def _carry(self, source, target, answers):
        try:
            while data := source.recv(65_536):
                if answers and self.deaf:
                    self.deaf -= 1
                elif answers or not self.losing:
                    target.sendall(data)
        except OSError:
            return
        finally:
            target.close()


@pytest.fixture
def line(redis_url):
    """A line to a broker that holds nothing."""
    line = Line(redis_url)
    yield line
    line.close()


@pytest.fixture
def far_broker(line):
    """A connection through that line, which waits a fifth of a second."""
    with connect(line.url, timeout=0.2) as redis:
        yield redis
