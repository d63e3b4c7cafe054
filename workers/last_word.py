"""What health said last, where it can be found: at the broker and in the store."""

import msgspec
from redis import Redis

from events.connection import stored
from events.errors import BrokerRefused
from schemas.reports import HealthOverview
from schemas.settings import Settings
from store.errors import StoreOutdated, StoreUnavailable
from store.health import HealthRows
from store.measure import file_of
from store.store import Store

KEY = "health:overview"
"""Where it lies at the broker, without the prefix."""


def at_broker(redis: Redis, *, prefix: str) -> HealthOverview | None:
    """What lies at the broker; None where nothing does.

    Raises:
        BrokerUnreachable, BrokerRefused: nobody knows; or what lies there is not of this engine.
    """
    body = stored(redis, f"{prefix}{KEY}")
    try:
        return None if body is None else msgspec.json.decode(body, type=HealthOverview)
    except msgspec.DecodeError as error:
        raise BrokerRefused(f"the key {prefix}{KEY} holds something else than health's last word: {error}") from error


def in_store(store: Store, *, settings: Settings) -> HealthOverview | None:
    """What stands in the store; None where nothing does.

    Raises:
        StoreError: nobody knows. A file that is not there is not made by asking.
    """
    file = file_of(settings.store_url)
    if file is not None and not file.is_file():
        raise StoreUnavailable(f"the store's file {file} is not there; `learning up` or `learning db upgrade` makes it")
    try:
        with store.read() as reading:
            return HealthRows(reading).overview()
    except msgspec.DecodeError as error:
        raise StoreOutdated(f"{store.place} holds a last word of health that another version wrote: {error}") from error
