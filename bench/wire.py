"""A wire to the broker that trading would rather not have, carried by a process of its own."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

HERE = "127.0.0.1"
CHUNK = 1 << 16

LATE_SECONDS = 0.2
FLAP_SECONDS = 1.0

PATIENCE = 60.0


class Fault(Enum):
    """What is wrong with a wire: nobody answers, every answer comes late, or it is cut every other second."""

    SILENT = "silent"
    SLOW = "slow"
    FLAPPING = "flapping"


@contextmanager
def wire(url: str, fault: Fault) -> Iterator[str]:
    """The address of the broker at ``url`` on the other side of a faulty wire."""
    to = urlsplit(url)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_carry, args=(to.port, fault, theirs), daemon=True, name="wire"
    )
    process.start()
    theirs.close()
    try:
        assert ours.poll(PATIENCE), "the process of the wire does not start"
        yield to._replace(netloc=to.netloc.replace(f":{to.port}", f":{ours.recv()}")).geturl()
    finally:
        process.terminate()
        process.join(PATIENCE)


def _carry(port: int, fault: Fault, told: Connection) -> None:
    asyncio.run(Wire(port, fault).carry(told))


class Wire:
    """Carries bytes between whoever connects and the broker at ``port`` of this machine."""

    def __init__(self, port: int, fault: Fault) -> None:
        self._port = port
        self._fault = fault
        self._ends: set[asyncio.StreamWriter] = set()

    async def carry(self, told: Connection) -> None:
        """Tell the port that was chosen, and go on for ever."""
        server = await asyncio.start_server(self._met, HERE, 0)
        port = server.sockets[0].getsockname()[1]
        told.send(port)
        while True:
            await asyncio.sleep(FLAP_SECONDS)
            if self._fault is Fault.FLAPPING:
                server.close()
                for end in self._ends:
                    end.transport.abort()
                await asyncio.sleep(FLAP_SECONDS)
                server = await asyncio.start_server(self._met, HERE, port)

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer)
        try:
            with suppress(OSError):
                if self._fault is Fault.SILENT:
                    while await reader.read(CHUNK):
                        pass
                else:
                    await self._joined(reader, writer)
        finally:
            self._ends.discard(writer)
            writer.close()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, asked = await asyncio.open_connection(HERE, self._port)
        back = asyncio.create_task(self._back(answers, writer))
        try:
            while data := await reader.read(CHUNK):
                asked.write(data)
        finally:
            back.cancel()
            asked.close()

    async def _back(self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while data := await answers.read(CHUNK):
            loop.call_later(LATE_SECONDS if self._fault is Fault.SLOW else 0.0, writer.write, data)
