"""A broker of our own, for one machine on which nothing is installed."""

import os
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import structlog
from redis import exceptions

from events.connection import connect
from events.envfile import read_setting, write_setting
from events.errors import BrokerNotStarted
from events.lock import hold, sign
from events.server import Server, find_server

log = structlog.get_logger()

SETTING = "RQ_REDIS_URL"
"""Under this name the address is kept; RQ reads it too."""

HERE = "127.0.0.1"
USER = "default"
"""The one user of a server without users. It is named, because the redis-cli of Redis 6 logs nobody in without."""

START_SECONDS = 60.0
STOP_SECONDS = 10.0

RUN = """
watch=$1 config=$2; shift 2
"$@" - <"/dev/fd/$config" & server=$!
(read -r _ <"/dev/fd/$watch"; kill -TERM "$server") 2>/dev/null & watcher=$!
wait "$server"; status=$?
kill "$watcher" 2>/dev/null
exit "$status"
"""
"""Runs a server until it ends by itself, or until nobody holds the other end of the pipe ``watch`` any more."""


class EmbeddedBroker:
    """A real redis-server on the loopback interface, with a password, that ends with its parent however that ends.

    The server writes everything to ``data_dir``/redis (append-only, flushed every second) and finds it there
    at the next start. With ``env_file``, password and port stay the same between runs: the address is kept there
    as RQ_REDIS_URL. ``port`` and ``server`` (a program) are chosen where they are not given.

    The server lives as long as this process holds the writing end of a pipe. A child made by fork alone,
    without exec, holds it too.

        broker = EmbeddedBroker(Path("var"), env_file=Path(".env"))
        url = broker.start()
        ...
        broker.stop()
    """

    def __init__(
        self, data_dir: Path, *, env_file: Path | None = None, port: int | None = None, server: Path | None = None
    ) -> None:
        self._folder = data_dir / "redis"
        self._env_file = env_file
        self._port = port
        self._server = server
        self._process: subprocess.Popen[bytes] | None = None
        self._watch = -1
        self._lock = -1

    @property
    def running(self) -> bool:
        """Whether the server has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> str:
        """Start the server, wait until it answers, and return its address.

        Raises:
            BrokerNotStarted: there is no server program, it runs already, its port is taken, or it ended at
                once; the last lines that it logged are in the message.
        """
        server = find_server(self._server)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            self._lock = hold(self._folder / "lock")
        except OSError as error:
            raise BrokerNotStarted(f"{self._folder} cannot be written: {error}") from error
        try:
            self._refuse_newer_data(server)
            url = self._address()
            self._process = self._launch(server, urlsplit(url))
            pid = self._wait_until_ready(url)
            sign(self._lock, pid=pid)
            if self._env_file is not None:
                write_setting(self._env_file, SETTING, value=url)
        except BaseException:
            self.stop()
            raise
        log.info("broker.started", program=str(server.path), version=server.version, pid=pid, port=urlsplit(url).port)
        return url

    def stop(self) -> None:
        """Let the server write what it has and end; by force after ten seconds. Harmless where none runs.

        A server that ended by itself is started again by ``stop`` and then ``start``.
        """
        self._watch = _close(self._watch)
        if self._process is not None:
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                log.warning("broker.killed", after_seconds=STOP_SECONDS)
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
            self._process = None
        self._lock = _close(self._lock)

    def _address(self) -> str:
        kept = self._kept()
        password = (kept and kept.password) or secrets.token_urlsafe(32)
        return f"redis://{USER}:{password}@{HERE}:{self._choose_port(kept)}/0"

    def _kept(self) -> SplitResult | None:
        """The address of the last run."""
        url = self._env_file and read_setting(self._env_file, SETTING)
        if not url:
            return None
        kept = urlsplit(url)
        if kept.scheme != "redis" or kept.hostname != HERE or not kept.password or (kept.username or USER) != USER:
            raise BrokerNotStarted(
                f"{self._env_file} sets {SETTING} to another broker ({kept.hostname}), which is not ours to start: "
                "start that one, or remove the line to get one of our own"
            )
        return kept

    def _choose_port(self, kept: SplitResult | None) -> int:
        if self._port is not None:
            if not _is_free(self._port):
                raise BrokerNotStarted(f"port {self._port} of {HERE} is taken: free it, or choose another")
            return self._port
        if kept and kept.port and _is_free(kept.port):
            return kept.port
        with socket.socket() as probe:
            probe.bind((HERE, 0))
            return int(probe.getsockname()[1])

    def _refuse_newer_data(self, server: Server) -> None:
        """Redis 6 does not see what Redis 7 wrote, and would begin empty without a word."""
        if server.version < (7, 0) and (self._folder / "appendonlydir").exists():
            raise BrokerNotStarted(
                f"the data in {self._folder} was written by Redis 7 or newer, and {server.path} is "
                f"{server.version[0]}.{server.version[1]}, which cannot read it: "
                f"put the newer redis-server on the PATH again, or move {self._folder} away to begin empty"
            )

    def _launch(self, server: Server, url: SplitResult) -> subprocess.Popen[bytes]:
        watched, self._watch = os.pipe()
        config, writer = os.pipe()
        with os.fdopen(writer, "wb") as out:
            out.write(_config(self._folder, url).encode())
        try:
            with self._log_file.open("wb") as said:
                return subprocess.Popen(  # noqa: S603  the program was found by us
                    ["/bin/sh", "-c", RUN, "broker", str(watched), str(config), str(server.path)],
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    pass_fds=(watched, config, self._lock),
                    start_new_session=True,
                )
        finally:
            os.close(watched)
            os.close(config)

    def _wait_until_ready(self, url: str) -> int:
        """The server's process id, once it answers."""
        deadline = time.monotonic() + START_SECONDS
        with connect(url, timeout=1.0) as redis:
            while self.running and time.monotonic() < deadline:
                try:
                    return int(redis.info("server")["process_id"])
                except (exceptions.ConnectionError, exceptions.TimeoutError):
                    time.sleep(0.01)
        why = f"does not answer after {START_SECONDS:.0f} s" if self.running else "ended at once"
        said = self._log_file.read_text(errors="replace").splitlines()[-5:]
        raise BrokerNotStarted(f"the embedded broker {why}; the end of {self._log_file}:\n" + "\n".join(said))

    @property
    def _log_file(self) -> Path:
        return self._folder / "redis.log"


def _config(folder: Path, url: SplitResult) -> str:
    """Handed to the server through a pipe, so that the password is on no command line and in no second file."""
    place = str(folder.resolve()).replace("\\", "\\\\").replace('"', '\\"')
    return f"""
bind {HERE}
port {url.port}
requirepass {url.password}
dir "{place}"
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
"""


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HERE, port))
        except OSError:
            return False
        return True


def _close(descriptor: int) -> int:
    if descriptor != -1:
        os.close(descriptor)
    return -1
