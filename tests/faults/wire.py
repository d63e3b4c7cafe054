"""A wire to PostgreSQL that breaks at a commit."""

import contextlib
import socket
import threading
from collections import deque
from pathlib import Path

BEFORE, AFTER, WHOLE = "before", "after", "whole"
"""Where a commit is cut: before the server has it, after that and before its answer is back, or not at all."""

COMMIT = b"COMMIT\0"


class Wire:
    """Carries bytes between the server whose socket lies at ``path`` and whoever connects to ``port``.

    ``commits`` says of the next ones where each of them is cut. While ``loose``, nobody gets through; with
    ``loosens`` that begins with a cut.
    """

    def __init__(self, path: Path):
        self._path = path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.commits = deque()
        self.loose = self.loosens = False
        self.cut = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                if self.loose:
                    raise ConnectionRefusedError
                server.connect(str(self._path))
            except OSError:
                client.close()
                server.close()
                continue
            answer_lost = threading.Event()
            for carry, ends in ((self._up, (client, server)), (self._down, (server, client))):
                threading.Thread(target=carry, args=(*ends, answer_lost), daemon=True).start()

    def _up(self, client, server, answer_lost):
        with _both(client, server):
            while data := client.recv(65_536):
                where = self.commits.popleft() if COMMIT in data and self.commits else WHOLE
                if where is AFTER:
                    answer_lost.set()
                if where is BEFORE:
                    self._cut()
                    return
                server.sendall(data)

    def _down(self, server, client, answer_lost):
        with _both(client, server):
            while data := server.recv(65_536):
                if answer_lost.is_set():
                    self._cut()
                    return
                client.sendall(data)

    def _cut(self):
        self.loose = self.loosens
        self.cut.set()


@contextlib.contextmanager
def _both(client, server):
    """Both ends are closed when one of them is."""
    try:
        with contextlib.suppress(OSError):
            yield
    finally:
        for end in (client, server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
