"""Whether a registry's market can be measured as it is written."""

from collections import Counter
from collections.abc import Iterator

from schemas.calendar import unknown_calendar
from schemas.parameters import Market
from schemas.spans import DAY, span_of


def of_market(market: Market) -> Iterator[str]:
    """What contradicts itself in ``[market]``, and what to do about it."""
    yield from _of_calendars(market)
    yield from _of_horizons(market)
    yield from _of_bars(market)
    for name, words in (("sources", market.sources), ("price_sources", market.price_sources)):
        if twice := [word for word, times in Counter(words).items() if times > 1]:
            yield f"{name} name {twice} twice; remove one"
    if market.benchmark_venue is not None and market.benchmark is None:
        yield f"benchmark_venue {market.benchmark_venue!r} has no benchmark; name the symbol too, benchmark = 'SPY'"
    if market.win <= market.loss:
        yield f"win {market.win:g} is not above loss {market.loss:g}; both are fractions, 0.02 and -0.02"


def _of_calendars(market: Market) -> Iterator[str]:
    if complaint := unknown_calendar(market.calendar):
        yield complaint
    for venue, name in market.venues.items():
        if complaint := unknown_calendar(name):
            yield f"venues.{venue}: {complaint}"


def _of_horizons(market: Market) -> Iterator[str]:
    if "close" in market.horizons:
        yield "horizon 'close' is always kept, never listed; remove it"
    if len(set(market.horizons)) != len(market.horizons):
        yield f"horizons {market.horizons} name one twice; remove it"
    if market.primary_horizon == "close":
        yield "primary_horizon 'close': alerts have no close; write '5d'"
    elif market.primary_horizon not in market.horizons:
        yield f"primary_horizon {market.primary_horizon!r} is not in horizons {market.horizons}; add it there"
    if market.thesis_horizon == "close":
        yield "thesis_horizon 'close': a thesis has no close; write '5d', or leave it out"


def _of_bars(market: Market) -> Iterator[str]:
    length = span_of(market.bars)
    if market.bars != "1d" and (length is None or length >= DAY):
        yield f"bars {market.bars!r}: no bar is longer than a session; write '1d', or less than a day, '5m'"
        return
    for horizon in dict.fromkeys([*market.horizons, market.judged_at]):
        if (span := span_of(horizon)) is not None and span < (length or DAY):
            yield f"horizon {horizon!r} is shorter than a bar, {market.bars!r}; write bars = {horizon!r}, or less"
