"""What the client writes, the engine reads strictly; what the engine writes, the client reckons alike."""

import math
from datetime import UTC, datetime

import msgspec
import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as some
from learning_client import EventPublisher, Snapshot, Switches, unit_of
from learning_client.canonical import canonical_json, checksum
from learning_client.declared import Declared, frozen
from learning_client.fields import OPTIONAL, REQUIRED
from learning_client.split import Split
from learning_client.update import Update
from learning_client.version import decode_version
from msgspec import structs

import schemas.allocation
import schemas.canonical
from events.codec import decode, encode
from schemas.allocation import WHOLE, Allocation, Arm, Purpose
from schemas.catalogue import EVENTS, INCOMING
from schemas.event import Envelope
from schemas.params import Change, ParamsUpdated
from schemas.version import Version
from tests import lengths

NOW = 1_706_734_800_000_001
TIME = "2024-01-31T21:00:00.000001Z"
MARKET = {
    "spy_change": -0.01,
    "qqq_change": 0.02,
    "vix": 17.5,
    "advance_decline": 1.5,
    "share_above_50_day": 0.5,
    "share_above_200_day": 0.25,
    "new_highs": 12,
    "new_lows": 3,
    "volume_trend": "rising",
    "volatility": 0.25,
    "momentum": -1.5,
}
PINNED = {"params_version": "1-17", "unit": "AAPL/2024-01-31", "assignments": {"explore.1-1": {"threshold": 0.7}}}

EVERYTHING = {
    "alert.raised": {
        "alert_id": "a",
        "symbol": "AAPL",
        "score": 0.83,
        "features": {"squeeze": 0.25, "volume.momentum": 3},
        **PINNED,
        "venue": "XNAS",
        "currency": "USD",
        "direction": "short",
        "price": 190.25,
        "regime": "bull",
        "confidence": 0.5,
        "action_tag": "trade_ready",
        "strength": "hot",
        "alert_type": "squeeze_setup",
        "market_phase": "premarket",
        "run_id": "r",
        "pattern": "flag",
        "theme": "chips",
        "theme_role": "driver",
        "theme_stage": "early",
        "catalyst_type": "earnings",
        "catalyst_score": 0.5,
        "catalyst_recency_days": 1.5,
        "sentiment_label": "good",
        "sector": "technology",
        "component_scores": {"technical": 0.5},
        "volume": 1e6,
        "relative_volume_30d": 2.5,
        "expected_relative_volume": 1.5,
        "market_cap_millions": 3e6,
        "float_shares_millions": 15_000,
        "rsi": 62.5,
        "ema20": 188.5,
        "vwap": 189.5,
        "atr_fraction": 0.02,
        "up_days_of_5": 3,
        "short_interest_fraction": 0.01,
        "borrow_fee_fraction": 0.003,
        "utilisation_fraction": 0.5,
        "call_put_ratio": 1.5,
        "iv_percentile": 0.25,
        "sentiment_score": -0.5,
        "social_rank": 12,
        "spread_bps": 1.5,
        "executions_per_minute": 120,
        "above_20_day_average": True,
        "above_50_day_average": False,
        "above_200_day_average": True,
        "in_squeeze": True,
        "breakout": False,
        "risk_flags": ["wide_spread"],
        "algorithm_version": "7",
        "data_time": TIME,
        "data_age_seconds": 0.5,
    },
    "decision.made": {
        "decision_id": "d",
        "symbol": "AAPL",
        "action": "BUY",
        "alert_id": "a",
        "position_id": "p",
        "thesis_id": "t",
        "account": "main",
        "mode": "live",
        "made_by": "thesis",
        "direction": "long",
        "conviction": 0.75,
        "size": 0.02,
        "price": 190.25,
        "fill_price": 190.5,
        "stop": 185.5,
        "target": 200.5,
        "max_hold": 5,
        **PINNED,
        "venue": "XNAS",
        "currency": "USD",
        "score": 0.5,
        "weights": {"technical": 0.25},
        "component_scores": {"technical": 0.5},
        "market": MARKET,
        "market_phase": "regular",
        "regime": "bull",
        "regime_confidence": 0.5,
        "order_type": "bracket",
        "quantity": 10,
        "notional": 1902.5,
    },
    "fill.reported": {
        "fill_id": "f",
        "symbol": "AAPL",
        "side": "buy",
        "quantity": 10,
        "price": 190.25,
        "decision_id": "d",
        "position_id": "p",
        "account": "main",
        "fees": 1.5,
        "multiplier": 100,
        "venue": "XNAS",
        "currency": "USD",
        "sequence": 7,
        "order_id": "o",
        "order_type": "limit",
        "notional": 1902.5,
        "bracket_stop": 185.5,
        "bracket_target": 200.5,
    },
    "outcome.observed": {
        "outcome_id": "o",
        "decision_id": "d",
        "alert_id": "a",
        "position_id": "p",
        "horizon": "5d",
        "entry_price": 190.25,
        "exit_price": 195.5,
        "return_": 0.0275,
        "gross": 0.0275,
        "fees": 0.001,
        "net": 0.0265,
        "exit_reason": "take_profit",
        "mfe": 0.05,
        "mae": -0.01,
        "symbol": "AAPL",
        "direction": "short",
        "venue": "XNAS",
        "currency": "USD",
        "account": "main",
        "trade_id": "t",
        "entry_time": TIME,
        "exit_time": TIME,
        "quantity": 10,
        "gross_amount": 52.5,
        "fees_amount": 1.5,
        "net_amount": 51,
        "holding_seconds": 3600,
        "benchmark_return": 0.01,
        "returns": {"1d": 0.01, "3d": -0.02},
        "days_to_peak": 2,
        "catalyst_materialised": True,
        "volume_prediction_accuracy": 0.5,
        "outcome_class": "explosive",
    },
    "price.observed": {
        "symbol": "AAPL",
        "interval": "1d",
        "open": 190.5,
        "high": 192.5,
        "low": 189.25,
        "close": 191.0,
        "volume": 1e6,
        "final": False,
        "revision": 2,
        "factor": 0.5,
        "venue": "XNAS",
        "currency": "USD",
    },
    "discovery.completed": {
        "run_id": "r",
        "universe_size": 5000,
        "candidate_count": 12,
        "filtered_size": 300,
        "counts_by_tag": {"monitor": 10},
        "counts_by_stage": {"liquidity": 300},
        "execution_seconds": 1.5,
        "score_min": 0.25,
        "score_max": 0.75,
        "score_mean": 0.5,
        "score_variance": 0.01,
        "params_version": "1-17",
        "algorithm_version": "7",
    },
    "thesis.formed": {
        "thesis_id": "t",
        "symbol": "AAPL",
        "recommendation": "TRIM_25",
        "text": "it rises\nas it \u2028 \u00e9 did",
        "confidence": 0.5,
        "reasoning": "because",
        "risk_level": "extreme",
        "pattern_type": "flag",
        "market": MARKET,
        "ai_generated": True,
        "alert_id": "a",
        "decision_id": "d",
        "position_id": "p",
        "venue": "XNAS",
    },
    "session.closed": {"session": "2024-01-31"},
    "symbol.changed": {"symbol": "FB", "session": "2022-06-09", "renamed_to": "META", "venue": "XNAS"},
    "params.applied": {"client": "bot", "epoch": 1, "version": 17, "applied_at": TIME, "refused": "because"},
}
METHODS = {
    "alert.raised": "alert",
    "decision.made": "decision",
    "fill.reported": "fill",
    "outcome.observed": "outcome",
    "price.observed": "price",
    "discovery.completed": "discovery",
    "thesis.formed": "thesis",
    "session.closed": "session_closed",
    "symbol.changed": "symbol_changed",
    "params.applied": "params_applied",
}


def decoded(broker, kind, prefix=""):
    """What the engine reads from the last entry of a stream."""
    [(entry, fields)] = broker.xrevrange(prefix + kind, count=1)
    return decode(fields, stream=kind, entry=entry.decode(), now=NOW, sample_unknown=True)


def as_told(kind):
    """The arguments of a call, times as a caller has them."""
    moment = datetime(2024, 1, 31, 21, 0, 0, 1, tzinfo=UTC)
    given = {name: moment if value == TIME else value for name, value in EVERYTHING[kind].items()}
    return given | ({"strategy": "swing"} if kind == "params.applied" else {"time": NOW})


@pytest.fixture
def publisher(redis_url):
    publisher = EventPublisher(redis_url, source="scanner", strategy="swing", switches=Switches(), clock=lambda: NOW)
    yield publisher
    publisher.close(5.0)


@pytest.mark.parametrize("kind", METHODS)
def test_the_engine_reads_every_field_that_a_method_can_tell(broker, publisher, kind):
    told = getattr(publisher, METHODS[kind])(**as_told(kind))
    assert publisher.flush(10)
    envelope = decoded(broker, kind)
    assert ("scanner", told, NOW, ()) == (envelope.source, envelope.id, envelope.time, envelope.unknown)
    read = msgspec.to_builtins(envelope.data)
    wanted = {"return" if name == "return_" else name: value for name, value in EVERYTHING[kind].items()}
    assert {"strategy": "swing", **wanted} == read


@pytest.mark.parametrize("kind", METHODS)
def test_the_example_of_every_type_has_every_field(kind):
    assert set(EVENTS[kind].__struct_fields__) - {"strategy"} == set(EVERYTHING[kind])


@pytest.mark.parametrize("shape", INCOMING, ids=lambda shape: shape.type)
def test_the_client_knows_the_fields_of_every_type_and_which_are_needed(shape):
    fields = [field for field in structs.fields(shape) if field.name != "strategy"]
    assert {field.name for field in fields if field.required} == REQUIRED[shape.type]
    assert {field.name for field in fields if not field.required} == OPTIONAL[shape.type]


def test_the_engine_reads_the_reports_of_a_client(broker, publisher):
    publisher.alert(symbol="AAPL", score=0.5)
    publisher.alert(symbol="AAPL", score=83)
    publisher.report_also(lambda: {"version": "1-17", "version_age_seconds": 2.5})
    assert publisher.close(10)
    envelope = decoded(broker, "client.reported")
    report = envelope.data
    assert () == envelope.unknown
    assert ("scanner", {"alert.raised": 1}, {"alert.raised": 1}) == (report.client, report.sent, report.dropped)
    assert ("1-17", 2.5, 0) == (report.version, report.version_age_seconds, report.queued)
    assert report.clock_offset_seconds is not None


def test_the_engine_reads_what_a_snapshot_puts_into_an_event(broker, publisher):
    pinned = Snapshot(
        values={},
        would_be={},
        version="1-17",
        unit=unit_of("AAPL", "2024-01-31"),
        assignments={"explore.1-1": {"threshold": 0.7}, "explore.1-2": {"hold": 20}},
        origin="learned",
    )
    publisher.alert(symbol="AAPL", score=0.5, snapshot=pinned)
    publisher.decision(symbol="AAPL", action="BUY", snapshot=pinned)
    publisher.flush(10)
    for kind in ("alert.raised", "decision.made"):
        said = decoded(broker, kind).data
        assert ("1-17", "AAPL/2024-01-31") == (said.params_version, said.unit)
        assert {"explore.1-1": {"threshold": 0.7}, "explore.1-2": {"hold": 20.0}} == said.assignments


EXACT = 2**53 - 1  # the standard's own library draws the line here
NUMBERS = some.floats(allow_nan=False, allow_infinity=False) | some.integers(-EXACT, EXACT)
TEXTS = some.text(max_size=12)
NAMES = some.text(min_size=1, max_size=12)
VALUES = (
    NUMBERS
    | TEXTS
    | some.lists(TEXTS, max_size=3)
    | some.lists(some.lists(some.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2), max_size=3)
)
TREES = some.recursive(
    some.none() | some.booleans() | NUMBERS | TEXTS,
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@some.composite
def shares(draw):
    cuts = sorted(draw(some.lists(some.integers(0, WHOLE), max_size=3)))
    return [high - low for low, high in zip([0, *cuts], [*cuts, WHOLE], strict=True)]


@some.composite
def allocations(draw, parameters):
    arms = [
        Arm({name: draw(some.floats(0, 1)) + 2 * place for name in parameters}, share)
        for place, share in enumerate(draw(shares()))
    ]
    purpose = draw(some.sampled_from(Purpose))
    return Allocation(id=draw(NAMES), layer=draw(NAMES), purpose=purpose, parameters=parameters, arms=arms)


@some.composite
def versions(draw):
    values = draw(some.dictionaries(NAMES, VALUES, max_size=5))
    names = list(values)
    split = draw(some.integers(0, len(names)))
    groups = [group for group in (names[:split], names[split:]) if group]
    return Version(
        strategy=draw(some.sampled_from(["main", "swing"])),
        epoch=draw(some.integers(0, 5)),
        number=draw(some.integers(1, 10**6)),
        previous=draw(some.none() | some.just("1-1")),
        session="2024-01-31",
        regime=draw(NAMES),
        registry=draw(NAMES),
        values=values,
        allocations=[draw(allocations(group)) for group in draw(some.sampled_from([[], groups]))],
    )


NOTATIONS = [
    1.5e-7,
    9.99e-7,
    1e-6,
    1.25e-6,
    1e-5,
    1.234e-5,
    9.999e-5,
    1e-4,
    1e15,
    1e16,
    12345678901234568.0,
    1.5e20,
    9e21,
]
"""Around where Python, and where the standard, begins to write an exponent."""


@given(TREES)
@example({"\U00010000": 1, "\ue000": 2})  # in UTF-16 the first sorts before the second
@example([1e21, 1e-7, 123456789012345680000.0, -0.0, 5e-324])
@example([sign * number for sign in (1, -1) for number in NOTATIONS])
def test_canonical_json_is_that_of_the_engine_and_of_the_standard(value):
    assert schemas.canonical.canonical_json(value) == canonical_json(value) == rfc8785.dumps(value).decode()
    assert schemas.canonical.checksum(value) == checksum(value)


@given(some.integers(0, 2**64 - 1))
def test_every_bit_pattern_of_a_number_is_printed_alike(bits):
    [number] = memoryview(bits.to_bytes(8, "little")).cast("d")
    if math.isfinite(number):
        assert rfc8785.dumps(number).decode() == canonical_json(number)
    else:
        with pytest.raises(ValueError, match="finite"):
            canonical_json(number)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, EXACT + 2, "\ud800", {"\ud800": 1}, {1, 2}])
def test_what_has_no_canonical_form_is_refused_by_both(wrong):
    for side in (schemas.canonical.checksum, checksum):
        with pytest.raises((ValueError, TypeError)):
            side(wrong)


def plain(values):
    return {name: frozen(value) for name, value in values.items()}


@given(versions(), some.lists(TEXTS, max_size=5))
def test_a_version_of_the_engine_is_intact_and_assigns_alike(version, units):
    read = decode_version(msgspec.json.encode(version))
    assert (version.id, version.checksum, version.values) == (read.id, read.checksum, read.values)
    splits = [Split(one, declared=Declared({}, {}), number=read.id) for one in read.allocations]
    for unit in units:
        mine = {split.id: split.arms[split.place_of(unit)] for split in splits}
        assert {name: plain(arm.values) for name, arm in version.assigned(unit).items()} == mine
        assert plain(version.values_for(unit)) == {
            **plain(read.values),
            **{k: v for values in mine.values() for k, v in values.items()},
        }


@given(NAMES, NAMES)
def test_units_are_written_alike(symbol, session):
    assert schemas.allocation.unit_of(symbol, session) == unit_of(symbol, session)


@lengths.examples(50)
@given(versions(), some.dictionaries(NAMES, NUMBERS, max_size=3))
def test_an_update_of_the_engine_makes_the_version_that_it_announces(before, changed):
    newer = structs.replace(
        before, number=before.number + 1, previous=str(before.id), values={**before.values, **changed}, checksum=""
    )
    changes = [Change(name=name, old=0.0, new=value, reason="a test") for name, value in changed.items()]
    data = ParamsUpdated(
        strategy=newer.strategy,
        epoch=newer.epoch,
        version=newer.number,
        previous=newer.previous,
        session=newer.session,
        regime=newer.regime,
        registry=newer.registry,
        changes=changes,
        allocations=newer.allocations,
        checksum=newer.checksum,
    )
    update = Update(encode(Envelope(source="engine", id="u", time=NOW, data=data)))
    made = update.after(decode_version(msgspec.json.encode(before)))
    assert (newer.strategy, newer.id, newer.checksum) == (update.strategy, update.id, update.checksum)
    assert decode_version(msgspec.json.encode(newer)) == made
