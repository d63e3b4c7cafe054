import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning import signature as module
from learning.errors import LearningError
from learning.signature import signature

names = st.text(st.characters(exclude_characters="=&"), min_size=1, max_size=5)
edges = st.dictionaries(
    names, st.lists(st.integers(-50, 50), min_size=1, max_size=4, unique=True).map(sorted), min_size=1, max_size=4
)


def featured(edges):
    return st.fixed_dictionaries({name: st.integers(-60, 60).map(float) for name in edges})


both = edges.flatmap(lambda edges: st.tuples(st.just(edges), featured(edges), featured(edges)))


@given(both, st.randoms(use_true_random=False))
def test_the_order_of_features_and_edges_does_not_matter(both, chance):
    edges, features, _ = both
    turned = list(edges)
    chance.shuffle(turned)
    said = signature(features, edges=edges)
    assert said == signature(
        {name: features[name] for name in turned[::-1]}, edges={name: np.array(edges[name], float) for name in turned}
    )


@given(both)
def test_two_alerts_have_one_signature_exactly_if_every_feature_lies_in_the_same_bin(both):
    edges, features, others = both
    bins = [[np.digitize(alert[name], edges[name]) for name in edges] for alert in (features, others)]
    assert (bins[0] == bins[1]) == (signature(features, edges=edges) == signature(others, edges=edges))


def test_a_value_at_an_edge_belongs_above_it():
    said = [signature({"gap": value}, edges={"gap": [0, 0.5]}) for value in (-0.1, -0.0, 0.4999, 0.5)]
    assert ["gap=(-inf,0.0)", "gap=[0.0,0.5)", "gap=[0.0,0.5)", "gap=[0.5,inf)"] == said


def test_a_missing_feature_is_left_out_and_is_not_the_bin_of_zero():
    edges = {"gap": [-1.0, 1.0], "rsi": [50.0]}
    assert (
        "rsi=[50.0,inf)"
        == signature({"rsi": 60.0}, edges=edges)
        == signature({"rsi": 60.0, "gap": np.nan}, edges=edges)
    )
    assert "gap=[-1.0,1.0)&rsi=[50.0,inf)" == signature({"rsi": 60.0, "gap": 0.0}, edges=edges)
    assert None is signature({"other": 1.0}, edges=edges)


def test_zero_is_zero_however_it_is_signed():
    assert signature({"gap": -0.0}, edges={"gap": [0]}) == signature({"gap": 0.0}, edges={"gap": [-0.0]})


def test_edges_that_move_make_another_pattern():
    assert signature({"gap": 1.0}, edges={"gap": [0.5]}) != signature({"gap": 1.0}, edges={"gap": [0.6]})
    assert signature({"gap": 1.0}, edges={"gap": [0.1 + 0.2]}) != signature({"gap": 1.0}, edges={"gap": [0.3]})


@pytest.mark.parametrize("wrong", [[], [1.0, 1.0], [2.0, 1.0], [np.nan], [0.0, np.inf]])
def test_edges_that_do_not_rise_are_refused(wrong):
    with pytest.raises(LearningError, match="must be finite and rise"):
        signature({"gap": 1.0}, edges={"gap": wrong})


def test_what_would_make_two_patterns_one_is_refused():
    for name in ("a=b", "a&b", ""):
        with pytest.raises(LearningError, match="name"):
            signature({name: 1.0}, edges={name: [0.0]})
    with pytest.raises(LearningError, match="'gap' is inf"):
        signature({"gap": np.inf}, edges={"gap": [0.0]})


def test_the_example_in_the_documentation_holds():
    assert (0, 1) == doctest.testmod(module)
