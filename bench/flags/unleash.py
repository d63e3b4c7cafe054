"""UnleashClient, bootstrapped from memory; it asks no server and counts nothing for one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from UnleashClient import UnleashClient
from UnleashClient.cache import BaseCache
from UnleashClient.constants import FEATURES_URL

from bench.flags.rollout import FLAGS, PERCENT, UNITS, Pass


class MemoryCache(BaseCache):  # type: ignore[misc]  # the package is not there but for this
    """The features, in a dictionary."""

    bootstrapped = True

    def __init__(self) -> None:
        features = {"version": 2, "features": [_feature(flag) for flag in FLAGS]}
        self._kept: dict[str, Any] = {FEATURES_URL: json.dumps(features)}

    def set(self, key: str, value: Any) -> None:
        self._kept[key] = value

    def mset(self, data: dict[str, Any]) -> None:
        self._kept.update(data)

    def get(self, key: str, default: Any = None) -> Any:
        return self._kept.get(key, default)

    def exists(self, key: str) -> bool:
        return key in self._kept

    def destroy(self) -> None:
        self._kept.clear()


@contextmanager
def opened() -> Iterator[Pass]:
    """A client that has no server to ask."""
    client = UnleashClient(
        "http://127.0.0.1:1/api", "bench", cache=MemoryCache(), disable_metrics=True, disable_registration=True
    )
    client.initialize_client(fetch_toggles=False)
    contexts = [{"userId": unit} for unit in UNITS]

    def read() -> int:
        new = 0
        for context in contexts:
            for flag in FLAGS:
                new += client.is_enabled(flag, context)
        return new

    yield read
    client.destroy()


def _feature(flag: str) -> dict[str, object]:
    rollout = {"rollout": str(PERCENT), "stickiness": "default", "groupId": flag}
    strategy = {"name": "flexibleRollout", "parameters": rollout}
    return {"name": flag, "type": "release", "enabled": True, "stale": False, "strategies": [strategy]}
