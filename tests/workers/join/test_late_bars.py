"""Bars that come late, in holes and in any order, over far more sessions than a window is long: what is measured then
is what measuring everything again would give."""

import pytest
from numpy.random import default_rng

from schemas.price import PriceObserved
from schemas.vocabulary import Direction
from tests.standing import COLUMNS
from tests.workers.desk import NYSE, Desk, Stream, registry

SESSIONS = [NYSE.shift("2021-03-01", place) for place in range(60)]
HOUR = 3_600_000_000


def world(seed, *, bars):
    """Facts of two symbols and a benchmark, in an order of their own, and in batches."""
    chance = default_rng(seed)
    stream, other = Stream(), Stream("other")
    told = []
    for place in range(60):
        symbol, on = ("AAPL", "MSFT")[chance.integers(2)], SESSIONS[chance.integers(60)]
        time = NYSE.open_of(on) + int(chance.choice([-HOUR, 2 * HOUR, 7 * HOUR]))
        if chance.random() < 0.6:
            told.append(stream.alert(f"a{place}", time, symbol=symbol, direction=chance.choice(list(Direction))))
        else:
            limits = {"stop": 80, "target": 115, "max_hold": int(chance.choice([1, 2, 9]))}
            limits = {name: value for name, value in limits.items() if chance.random() < 0.5}
            if chance.random() < 0.3:
                limits["fill_price"] = 100
            told.append(stream.decision(f"d{place}", time, symbol=symbol, size=0.1, **limits))
    held = [place for place in range(60) if not 30 <= place < 45 or chance.random() < 0.3]
    for symbol in ("AAPL", "MSFT", "SPY"):
        for place in held:
            if chance.random() < 0.85:
                told.extend(bar(chance, stream, symbol, SESSIONS[place], bars))
            if chance.random() < 0.05:
                told.extend(bar(chance, other, symbol, SESSIONS[place], bars))
    told.extend(stream.closed(on) for on in SESSIONS if chance.random() < 0.8)
    order = chance.permutation(len(told)) if seed % 2 else later_bars(told)
    cuts = sorted(chance.choice(len(told) - 1, size=int(chance.integers(2, 12)), replace=False) + 1)
    return [
        [told[place] for place in order[start:end]] for start, end in zip([0, *cuts], [*cuts, len(told)], strict=True)
    ]


def bar(chance, stream, symbol, on, bars):
    """The bars of one session, some with a factor or not final."""
    ends = [NYSE.close_of(on)]
    if bars == "1h":
        ends = [*range(NYSE.open_of(on) + HOUR, ends[0], HOUR), *ends]
    for end in ends:
        first, last = (100 * (1 + 0.1 * chance.standard_normal(2))).clip(20).round(2).tolist()
        more = {"factor": 2.0} if chance.random() < 0.02 else {"final": bool(chance.random() > 0.02)}
        levels = {"open": first, "high": max(first, last) + 3, "low": min(first, last) - 3, "close": last}
        yield stream.event(PriceObserved(symbol=symbol, interval=bars, **levels, **more), end)


def later_bars(told):
    """All bars after all sessions were closed, in their time."""
    return sorted(range(len(told)), key=lambda place: (isinstance(told[place].data, PriceObserved), told[place].time))


@pytest.mark.parametrize("bars", ["1d", "1h"])
@pytest.mark.parametrize("seed", range(2))
def test_whatever_bars_change_is_measured_again(store, seed, bars):
    rules = registry(
        benchmark="SPY",
        bars=bars,
        horizons=["1d", "3d", "4h"],
        lost_after=2,
        jump_guard=0.2,
        jump_hold=2,
        gap_sessions=10,
    )
    desk = Desk(store, rules=rules)
    for batch in world(seed, bars=bars):
        assert [] == desk.take(*batch)
        desk.rest()
        before = desk.examples(*COLUMNS)
        desk.measure_again()
        assert before == desk.examples(*COLUMNS)
