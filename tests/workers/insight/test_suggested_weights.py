"""A suggested weight tells of the alerts that show its feature, and is not there where these are too few."""

import numpy as np
import pytest

from tests.workers.insight_scene import RULES
from workers.insight.sample import Sample
from workers.insight.weights import suggested_weights

ALERTS = 400


def suggested(known, *, uniqueness=1.0):
    """What is suggested where all alerts show ``gap`` and the first ``known`` of them ``noise`` too."""
    dice = np.random.default_rng(1)
    features = dice.normal(size=(ALERTS, 2))
    features[known:, 1] = np.nan
    places = np.arange(ALERTS) // 10
    sample = Sample(
        names=("gap", "noise"),
        features=features,
        outcomes=0.02 * dice.normal(size=ALERTS),
        wins=np.zeros(ALERTS),
        sessions=places,
        ends=places + 1,
        uniqueness=np.full(ALERTS, uniqueness),
        signatures=(None,) * ALERTS,
    )
    return {one.feature: one for one in suggested_weights(sample, RULES, {}, seed=1)}


@pytest.mark.parametrize("known", [0, 2, 8, 19])
def test_nothing_is_suggested_where_too_few_alerts_show_a_feature_of_the_group(known):
    assert {} == suggested(known)


def test_nothing_is_suggested_where_those_that_show_it_count_as_too_few():
    """Five of two weights are too few."""
    assert {} == suggested(20, uniqueness=0.25)
    assert {} != suggested(20, uniqueness=0.26)


@pytest.mark.parametrize("known", [24, 100])
def test_each_weight_tells_how_many_alerts_show_its_feature_and_as_how_many_they_count(known):
    found = suggested(known, uniqueness=0.25)

    assert {"gap": ALERTS, "noise": known} == {name: one.n for name, one in found.items()}
    for one in found.values():
        assert 0.25 * one.n == pytest.approx(one.effective)
