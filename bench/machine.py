"""What the figures were measured on."""

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path

from redis import Redis

PACKAGES = ("redis", "hiredis", "msgspec", "SQLAlchemy", "psycopg", "numpy", "scipy")


def machine(broker: Redis) -> list[str]:
    """Lines for people: processor, system, interpreter, broker, database and packages."""
    return [
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, broker {_broker(broker)}",
        ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    ]


def _broker(broker: Redis) -> str:
    said = broker.info("server")
    return f"{said.get('server_name', 'redis')} {said.get('valkey_version', said['redis_version'])}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
