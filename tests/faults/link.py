"""A way to the broker on which something happens."""

import contextlib
import select
import socket
import threading
import time

OPEN, REFUSING, SILENT, SLOW = "open", "refusing", "silent", "slow"
"""Bytes pass; nobody gets through; everybody is taken and hears nothing; each answer comes late."""

LATE = 0.2
"""Seconds by which an answer is late on a slow link."""

WORDS, LOADING = (b"XREAD", b"EXEC"), b"-LOADING"
"""Who has the answer to one of these has heard the broker, unless that still reads what it wrote."""


class Link:
    """Carries bytes between ``port`` of this machine and the broker at ``upstream``, a port too.

    ``heard`` are the times, on the monotonic clock, at which an answer to one of ``WORDS`` was passed on.
    """

    def __init__(self, upstream):
        self._upstream = upstream
        self._mode = OPEN
        self._ends = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.heard = []
        threading.Thread(target=self._accept, daemon=True).start()

    def be(self, mode):
        """From now on; whoever was cut off, or was kept waiting, has to connect anew."""
        before, self._mode = self._mode, mode
        if REFUSING == mode or SILENT == before:
            for end in list(self._ends):
                _hang_up(end)

    def close(self):
        self._listener.close()
        self.be(REFUSING)

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client):
        with client, contextlib.suppress(OSError):
            if REFUSING == self._mode:
                return
            with socket.create_connection(("127.0.0.1", self._upstream)) as server:
                self._ends.update((client, server))
                try:
                    self._pass_on(client, server)
                finally:
                    self._ends.difference_update((client, server))

    def _pass_on(self, client, server):
        asked = b""
        while True:
            for end in select.select([client, server], [], [])[0]:
                if not (data := end.recv(1 << 20)):
                    return
                if SILENT == self._mode:
                    continue
                if end is client:
                    asked = data
                    server.sendall(data)
                    continue
                if SLOW == self._mode:
                    time.sleep(LATE)
                client.sendall(data)
                if any(word in asked for word in WORDS) and LOADING not in data:
                    self.heard.append(time.monotonic())


def _hang_up(end):
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
