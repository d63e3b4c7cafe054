"""Whatever alerts show, a session's insights can be drawn, and be read by whoever gets them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from events.codec import decode, encode
from learning.uniqueness import average_uniqueness
from schemas.event import Envelope
from store.insights import InsightRun
from tests.workers.insight_scene import LATER, RULES
from workers.insight.findings import find
from workers.insight.sample import Sample
from workers.insight.weights import suggested_weights
from workers.insight.wording import Wording

NUMBERS = st.sampled_from([0.0, 1.0, -1.0, 1e15, -1e15, 1e-300, 0.1, 0.2, 0.3, np.nan])
RETURNS = st.sampled_from([0.0, 0.01, -0.01, 1000.0, -1000.0, 0.02])


@st.composite
def samples(draw):
    n, sessions = draw(st.integers(0, 80)), draw(st.integers(1, 40))
    seed = draw(st.integers(0, 2**32 - 1))
    dice = np.random.default_rng(seed)
    numbers = draw(st.lists(NUMBERS, min_size=1, max_size=4))
    returns = draw(st.lists(RETURNS, min_size=1, max_size=4))
    places = np.sort(dice.integers(0, sessions, n))
    ends = places + draw(st.integers(0, 30))
    outcomes = dice.choice(returns, n).astype(float)
    return Sample(
        names=("gap", "noise"),
        features=dice.choice(numbers, (n, 2)).astype(float),
        outcomes=outcomes,
        wins=(outcomes > 0.01).astype(float),
        sessions=places,
        ends=ends,
        uniqueness=average_uniqueness(dice.integers(0, 3, n), places, ends),
        signatures=tuple(dice.choice(["x=1", "x=2", ""], n).tolist()),
    )


@settings(max_examples=100, deadline=None)
@given(sample=samples())
def test_whatever_is_shown_can_be_told(sample):
    run = InsightRun("main", "2024-01-31", 1, 1)
    weights = list(suggested_weights(sample, RULES, {}, seed=1))
    for one in Wording(run, RULES, find(sample, RULES.patterns)).insights(weights):
        envelope = Envelope(source="patterns", id=one.published.insight_id, time=1, data=one.published)
        read = decode({b"event": encode(envelope)}, stream="insight.published", entry="1-0", now=LATER)
        assert one.published == read.data
        assert "nan" not in one.published.text
