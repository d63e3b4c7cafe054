"""What searches found is kept by run, and compared seed by seed."""

import numpy as np
import pytest

from bench import optimiser
from bench.optimiser import EVALUATIONS, Ours, Sobol, regrets
from bench.problems import branin, hartmann, weights
from bench.searched import Run, Searched, kept, plot, ratio, table, write

FOUND = [
    Searched(
        problem="hill",
        search="ours",
        version=None,
        runs=[Run([3.0, 1.0], 1.0, 4.0, 1.0), Run([3.0, 2.0], 3.0, 3.0, 3.0), Run([3.0, 6.0], 6.0, 6.0, 6.0)],
    ),
    Searched(
        problem="hill",
        search="other",
        version="1.2",
        runs=[Run([3.0, 4.0], 6.0, 6.0, 5.0), Run([3.0, 1 / 3], 2.0, 2.0, 1.0)],
    ),
]


@pytest.mark.parametrize("problem", [branin(), hartmann(), weights()], ids=lambda problem: problem.name)
def test_no_value_is_better_than_the_best_and_a_regret_only_falls(problem):
    curve, named, highest, believed = regrets(problem, Sobol, 1)
    assert EVALUATIONS == len(curve)
    assert np.all(np.diff(curve) <= 0)
    assert named == highest
    assert 0 < curve[-1] <= min(named, believed) <= max(named, believed) < problem.spread


def test_what_is_named_is_where_most_is_believed_not_what_was_luckiest():
    search = Ours(branin(), 0)
    for place, result in ((0.1, 1.0), (0.11, 1.1), (0.12, 0.9), (0.9, 1.2), (0.91, -3.0), (0.89, -3.0)):
        search.tell(np.array([-5 + 15 * place, 15 * place]), result)
    assert search.named()[1] < 2


def test_our_model_believes_of_ours_what_ours_names():
    run = regrets(branin(), Ours, 0)
    assert run.named == run.believed


@pytest.mark.at_length
def test_ours_lacks_less_than_half_of_what_points_that_fill_the_space_lack():
    ours, theirs = (sum(regrets(branin(), make, seed).curve[-1] for seed in range(4)) for make in (Ours, Sobol))
    assert ours < theirs / 2


def test_what_was_found_is_read_as_it_was_written_to_six_digits(tmp_path):
    assert [] == kept(tmp_path / "found.json")
    write(FOUND, tmp_path / "found.json")
    again = kept(tmp_path / "found.json")
    assert [("hill", "ours", None), ("hill", "other", "1.2")] == [
        (one.problem, one.search, one.version) for one in again
    ]
    assert 0.333333 == again[1].runs[1].curve[-1]


def test_medians_of_the_same_seeds_are_compared():
    ours, theirs = np.array([1.0, 2.0, 6.0]), np.array([2.0, 4.0, 12.0])
    assert (0.5, 0.5, 0.5) == pytest.approx(ratio(ours, theirs))
    named, highest, believed, evaluated = zip(*(column.cells for column in table(FOUND).columns), strict=True)
    assert ("hill", "other", "named", "2", "4", "3-5", "2", "0.50") == named[:-1]
    assert ("hill", "other", "highest", "2", "4", "3-5", "3.5", "0.88") == highest[:-1]
    assert ("hill", "other", "believed", "2", "3", "2-4", "2", "0.67") == believed[:-1]
    assert ("hill", "other", "evaluated", "2", "2.17", "1.25-3.08", "1.5", "0.69") == evaluated[:-1]


def test_a_plot_shows_every_search_of_a_problem(tmp_path):
    plot(FOUND, tmp_path / "found.svg")
    assert "<svg" in (tmp_path / "found.svg").read_text()


def test_a_library_of_another_version_is_run_again_and_ours_always(monkeypatch):
    known = [
        Searched(problem="hill", search=name, version=version, runs=[Run([1.0], 1.0, 1.0, 1.0)])
        for name, version in (("ours", None), ("Optuna GPSampler", "5.0"), ("bayesian-optimization", "3.4"))
    ]
    monkeypatch.setattr(optimiser, "version", {"optuna": "5.1", "bayesian-optimization": "3.4"}.__getitem__)
    kept_runs = [optimiser._known(known, "hill", one.search).runs for one in known]
    assert [[], [], [Run([1.0], 1.0, 1.0, 1.0)]] == kept_runs
