"""A broker in memory, for tests of a bot: the client in front of it is the real one, threads and all.

from learning_client.testing import MemoryBroker

def test_my_bot_buys_less_when_the_threshold_rises():
    broker = MemoryBroker()
    publisher = EventPublisher(broker.url, source="bot", switches=Switches(apply=True))
    params = ParameterClient(broker.url, defaults={"threshold": 0.6}, publisher=publisher)
    broker.publish({"threshold": 0.8})
    params.start()
    ...
    assert publisher.flush(5)
    assert [] == broker.told("decision.made")
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from threading import Condition
from typing import Any

import msgspec
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from learning_client import connection
from learning_client.canonical import checksum
from learning_client.connection import Command, Connection
from learning_client.version import Allocation, Value, Version

Entry = tuple[bytes, dict[bytes, bytes]]

_numbers = count(1)
_brokers: "dict[str, MemoryBroker]" = {}


class MemoryBroker:
    """Streams and keys in this process's memory, behind ``url``; it can die, hang, be full, come back and forget.

    It keeps to the laws of a Redis server as far as the client sees them; the client's own tests run against both.
    """

    def __init__(self) -> None:
        self.url = f"memory://{next(_numbers)}"
        self._changed = Condition()
        self._state = "up"
        self._run = next(_numbers)
        self._streams: dict[str, list[Entry]] = {}
        self._keys: dict[str, bytes] = {}
        self._version: Version | None = None
        self._last = 0
        _brokers[self.url] = self

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The events that were told of a kind, as CloudEvents, repeats left out."""
        with self._changed:
            bodies = [fields[b"event"] for _, fields in self._streams.get(kind, [])]
        read: list[dict[str, Any]] = [msgspec.json.decode(body) for body in bodies]
        return list({event["id"]: event for event in read}.values())

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Their data."""
        return [event["data"] for event in self.events(kind)]

    def publish(
        self,
        values: Mapping[str, Value],
        *,
        allocations: Sequence[Allocation] = (),
        strategy: str = "main",
        session: str = "2024-01-31",
    ) -> str:
        """What the engine does for a new version; which one it is, such as ``1-2``.

        Raises:
            ValueError: shares that do not sum to 10,000, or a parameter in two allocations.
        """
        before = self._version
        covered: dict[str, Any] = {
            "strategy": strategy,
            "epoch": 1,
            "number": 1 if before is None else before.number + 1,
            "previous": None if before is None else str(before.id),
            "session": session,
            "regime": "all",
            "registry": "0" * 64,
            "values": dict(values),
            "allocations": msgspec.to_builtins(list(allocations)),
        }
        version = msgspec.convert({**covered, "checksum": checksum(covered)}, Version)
        known = {} if before is None else before.values
        changes = [{"name": name, "new": value} for name, value in values.items() if known.get(name) != value]
        data = {**covered, "version": version.number, "changes": changes, "checksum": version.checksum}
        event = {
            "specversion": "1.0",
            "id": str(version.id),
            "source": "engine",
            "type": "params.updated",
            "data": data,
        }
        with self._changed:
            self._version = version
            self._keys[f"params:{strategy}:snapshot"] = msgspec.json.encode(version)
            self._add("params.updated", {b"event": msgspec.json.encode({**event, "data": data})})
        return str(version.id)

    def kill(self) -> None:
        """From now on connections are refused. What was acknowledged is kept."""
        self._be("dead")

    def hang(self) -> None:
        """From now on connections are taken and nothing is answered."""
        self._be("hung")

    def fill(self) -> None:
        """From now on all is answered, but no event and no transaction taken, as by a server whose memory is full."""
        self._be("full")

    def wake(self) -> None:
        """After ``hang()`` or ``fill()``: answer again, as the same server."""
        self._be("up")

    def start(self, *, forgets: bool = False) -> None:
        """After ``kill()``: answer again, as a server that was started anew, and that may have forgotten everything."""
        with self._changed:
            self._run = next(_numbers)
            if forgets:
                self._streams.clear()
                self._keys.clear()
        self._be("up")

    def answer(self, commands: Iterable[Command]) -> tuple[list[Any], int]:
        """The answers of the server, and which run of it they are of.

        Raises:
            redis.exceptions.ConnectionError, TimeoutError: dead, or hung for as long as the client waits.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._state != "hung", connection.TIMEOUT_SECONDS):
                raise RedisTimeoutError("Timeout reading from memory")
            if self._state == "dead":
                raise RedisConnectionError("Connection refused.")
            return [self._answered(*command) for command in commands], self._run

    def _be(self, state: str) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()

    def _answered(self, name: str, *words: Any) -> Any:
        answers: dict[str, Callable[..., Any]] = {
            "PING": lambda: True,
            "EXEC": lambda: True,
            "TIME": lambda: divmod(time.time_ns() // 1_000, 1_000_000),
            "INFO": lambda _: {"run_id": str(self._run)},
            "XADD": lambda key, _, field, body: self._add(key, {field.encode(): body}),
            "XREVRANGE": lambda key, *_: self._streams.get(key, [])[-1:],
            "GETRANGE": lambda key, start, end: self._keys.get(key, b"")[start : end + 1],
            "XREAD": self._read,
        }
        if name not in answers:
            return ResponseError(f"unknown command {name!r}")
        if name in ("XADD", "EXEC") and self._state == "full":
            return OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")
        return answers[name](*words)

    def _add(self, key: str, fields: dict[bytes, bytes]) -> bytes:
        self._last = max(self._last + 1, time.time_ns() // 1_000_000)
        entry = b"%d-0" % self._last
        self._streams.setdefault(key, []).append((entry, fields))
        self._changed.notify_all()
        return entry

    def _read(self, *words: Any) -> list[tuple[str, list[Entry]]]:
        """XREAD COUNT n BLOCK ms STREAMS key id."""
        _, limit, _, block, _, key, after = words
        seen = _place(after)

        def newer() -> list[Entry]:
            return [entry for entry in self._streams.get(key, []) if _place(entry[0]) > seen][:limit]

        self._changed.wait_for(lambda: newer() or self._state in ("dead", "hung"), block / 1_000)
        if self._state in ("dead", "hung"):
            raise RedisConnectionError("Connection closed by server.")
        return [(key, found)] if (found := newer()) else []


class MemoryConnection(Connection):
    """A connection to the ``MemoryBroker`` behind a URL."""

    def __init__(self, url: str) -> None:
        self._broker = _brokers[url]
        self._run: int | None = None
        self._begun = 0

    def ask(self, *command: Any) -> Any:
        [answer] = self.ask_all([command])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ask_together(self, commands: Iterable[Command]) -> list[Any]:
        answers = self.ask_all([*commands, ("EXEC",)])
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers[:-1]

    def ask_all(self, commands: Iterable[Command]) -> list[Any]:
        answers, run = self._broker.answer(commands)
        if run != self._run:
            self._run, self._begun = run, self._begun + 1
        return answers


def _place(entry: "bytes | str") -> tuple[int, ...]:
    text = entry.decode() if isinstance(entry, bytes) else entry
    return tuple(int(part) for part in text.split("-"))


connection.OTHER["memory"] = MemoryConnection
