"""What the page about the statistics promises beside every figure is what leaves the engine."""

from learning.gate import Evidence
from schemas.params import Change
from workers.judgement.catalysts import Rate
from workers.judgement.runs import DiscoveryRun
from workers.judgement.theses import Accuracy
from workers.judgement.volumes import Mean


def test_both_sides_of_a_comparison_say_what_they_are_worth():
    assert {"units", "n_effective", "uniqueness"} < set(Evidence.__slots__)
    assert {"baseline_units", "baseline_effective", "baseline_uniqueness", "sessions"} < set(Evidence.__slots__)
    ours = {"n", "n_eff", "uniqueness"}
    assert ours | {f"baseline_{name}" for name in ours} < set(Change.__struct_fields__)


def test_each_share_and_each_mean_says_what_it_is_worth():
    for shape in (Rate, Accuracy, Mean):
        assert {"n", "n_eff", "uniqueness"} < set(shape.__struct_fields__)
    assert {"matched", "n_eff", "uniqueness"} < set(DiscoveryRun.__struct_fields__)
    assert all("interval" in shape.__struct_fields__ for shape in (Rate, Accuracy))
