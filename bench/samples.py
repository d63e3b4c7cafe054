"""Events as a scanner sends them; the same at every call but for the random bits of their ids."""

from collections.abc import Iterator

from numpy.random import Generator, default_rng

from events.ids import Ids
from schemas.alert import AlertRaised
from schemas.event import Envelope, Event
from schemas.price import PriceObserved
from schemas.vocabulary import ActionTag, Direction

BEGIN = 1_706_734_800_000_000
"""2024-01-31T21:00:00Z; each event of a sample comes a millisecond after the one before."""

NOW = BEGIN + 86_400_000_000
STEP = 1_000
SYMBOLS = 500
FEATURES = (
    "volume_momentum",
    "squeeze",
    "trend",
    "relative_strength",
    "gap",
    "volatility",
    "news_momentum",
    "social_buzz",
    "sentiment",
    "options",
    "catalyst",
    "ecosystem",
)


def alerts(count: int) -> list[Envelope]:
    """Alerts with twelve features each."""
    return list(raised(count))


def raised(count: int) -> Iterator[Envelope]:
    """The same, made one after another."""
    generator = default_rng(1)
    return _told(_alert(place, generator) for place in range(count))


def bars(count: int) -> list[Envelope]:
    """Bars of a minute."""
    generator = default_rng(2)
    return list(_told(_bar(place, generator) for place in range(count)))


def features(generator: Generator) -> dict[str, float]:
    """A value between 0 and 1 for each feature, in four digits."""
    return dict(zip(FEATURES, generator.random(len(FEATURES)).round(4).tolist(), strict=True))


def _alert(place: int, generator: Generator) -> AlertRaised:
    return AlertRaised(
        alert_id=f"alert-{place}",
        symbol=f"S{place % SYMBOLS}",
        score=round(float(generator.random()), 4),
        features=features(generator),
        direction=Direction.LONG,
        price=round(100 + float(generator.standard_normal()), 2),
        regime="bull",
        confidence=0.8,
        action_tag=ActionTag.WATCHLIST,
    )


def _bar(place: int, generator: Generator) -> PriceObserved:
    first, last = (round(100 + float(move), 2) for move in generator.standard_normal(2))
    return PriceObserved(
        symbol=f"S{place % SYMBOLS}",
        interval="1m",
        open=first,
        high=max(first, last) + 0.5,
        low=min(first, last) - 0.5,
        close=last,
        volume=float(generator.integers(1_000, 1_000_000)),
    )


def _told(events: Iterator[Event]) -> Iterator[Envelope]:
    ids = Ids()
    for place, event in enumerate(events):
        time = BEGIN + place * STEP
        yield Envelope(source="scanner", id=ids.new(time), time=time, data=event)
