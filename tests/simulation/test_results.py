import gzip

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from schemas.registry import load_registry
from simulation import null
from simulation.__main__ import DEMO, results
from simulation.figures import Figures
from simulation.learners import Answer, Planted, asked
from simulation.null import NullCount, null_counts
from simulation.outcomes import shuffled
from simulation.paths import walks
from simulation.power import Grid, path_powers
from simulation.real_prices import TOGETHER, judged_by_year
from simulation.stocks import FILE, Stocks, stocks_in


@pytest.fixture
def run(tmp_path):
    app = typer.Typer()
    app.command()(results)

    def told(*options):
        done = CliRunner().invoke(app, ["--folder", str(tmp_path), "--data", str(tmp_path / "none"), *options])
        assert 0 == done.exit_code, done.output
        return (tmp_path / "results.md").read_text()

    return told


def stocks(sessions=420, count=6, seed=1):
    """Walks from December 2013 on; the dates are weekdays."""
    chance = np.random.default_rng(seed)
    closes = 50 * np.exp(chance.normal(0, 0.015, size=(sessions, count)).cumsum(axis=0))
    opens = closes * np.exp(chance.normal(0, 0.003, size=closes.shape))
    spread = np.exp(abs(chance.normal(0, 0.008, size=(2, *closes.shape))))
    highs, lows = np.maximum(opens, closes) * spread[0], np.minimum(opens, closes) / spread[1]
    volumes = chance.uniform(1e5, 1e6, size=closes.shape)
    dates = np.busday_offset("2013-06-03", np.arange(sessions)).astype(str)
    return Stocks(tuple(dates), tuple("ABCDEF"), np.stack([opens, highs, lows, closes, volumes], axis=2))


def test_the_command_writes_page_plot_and_figures_and_keeps_what_earlier_runs_found(run, tmp_path):
    assert "| arms | shuffled outcomes | " in run("--part", "null", "--nulls", "1")
    page = run("--part", "power", "--runs", "1", "--most", "500")
    assert "| arms | shuffled outcomes | " in page
    assert "| arms, share 5% | 0.25 | " in page
    assert "Not run yet" in page
    assert (tmp_path / "results-power.svg").read_text().startswith("<?xml")
    assert 1 == Figures.read(tmp_path / "results.json").power.runs


def test_without_the_stocks_the_page_says_that_they_were_not_there(run):
    page = run("--part", "prices", "--part", "null", "--nulls", "1")
    assert 2 == page.count("The stocks were not there")
    assert "real prices, drawn directions" not in page


def test_the_same_seed_gives_the_same_counts_with_real_moves_and_without():
    moves = stocks().moves
    counts = [list(null_counts(moves, runs=1, seed=3)) for _ in range(2)]
    assert counts[0] == counts[1]
    assert NullCount("arms", "real prices, drawn directions", 0, None, 1) in counts[0]
    assert counts[0][: len(counts[0]) // 2] == list(null_counts(None, runs=1, seed=3))


def test_where_a_count_is_higher_than_chance_has_it_further_histories_are_asked(monkeypatch):
    seen = []

    def asked_of(name, make, prices):
        def ask(chance, planted):
            seen.append(chance.integers(2**32))
            return Answer(name == "arms" and len(seen) % 4 == 0)

        return ask

    monkeypatch.setattr(null, "asked", asked_of)
    monkeypatch.setattr(null, "LEARNERS", {"weights": None, "arms": None})
    counts = [(one.learner, one.better, one.runs) for one in null_counts(None, runs=20, seed=1)]
    assert 4 == null.most_by_chance(20)
    assert [("exits", 0, 20), ("weights", 0, 20), ("arms", 5, 20), ("arms, further", 20, 80)] == counts
    assert 140 == len(seen) == len(set(seen))


@pytest.mark.parametrize("run", [2, 3])
def test_an_arm_that_got_no_unit_is_no_observation(run):
    chance = np.random.default_rng([0, run, 7, 500])
    assert not asked("optimiser", shuffled, walks)(chance, Planted(effect=0.1, units=2, share=0.05)).better


def test_the_whole_path_is_lived_through_once_and_counted_at_every_number_of_units():
    found = list(path_powers(Grid(effects=(1.5,), units=(100, 1_000), runs=1, seed=1), processes=1))
    assert [(0.2, 100, 0), (0.2, 1_000, 1)] == [(one.share, one.units, one.found) for one in found[:2]]
    assert [0.05, 0.05] == [one.share for one in found[2:]]


def test_each_year_is_learned_and_the_next_one_judged_by_what_was_known():
    """What comes after a year changes nothing of what was learned to its end."""
    whole = stocks()
    last = [date[:4] for date in whole.dates].index("2014") - 1
    changed = Stocks(whole.dates, whole.symbols, whole.bars.copy())
    changed.bars[last + 1 :, :, :4] *= 1.1
    registry = load_registry(DEMO)
    rows, others = (list(judged_by_year(one, registry, seed=0))[:4] for one in (whole, changed))
    assert ["mix", "entry", "exits", TOGETHER] == [row.learner for row in rows]
    assert [("2013", "2014")] * 4 == [(row.until, row.judged) for row in rows]
    assert [(row.chosen, row.known) for row in rows] == [(row.chosen, row.known) for row in others]
    assert rows[0].mean == pytest.approx((rows[0].low + rows[0].high) / 2, abs=rows[0].high - rows[0].low)


def test_stocks_lack_no_bar_and_no_price_lies_outside_of_its_bar(tmp_path):
    lines = ["symbol,date,open,high,low,close,volume", "A,2020-01-02,10,11,9,12,5", "A,2020-01-03,10,11,9,10,5"]
    lines += ["B,2020-01-03,10,11,9,10,5", "C,2020-01-02,,11,9,10,5", "C,2020-01-03,10,11,9,10,5"]
    with gzip.open(tmp_path / FILE, "wt") as file:
        file.write("\n".join(lines))
    found = stocks_in(tmp_path)
    assert (("2020-01-02", "2020-01-03"), ("A",)) == (found.dates, found.symbols)
    assert [10, 12, 9, 12, 5] == found.bars[0, 0].tolist()
    assert -1 / 6 == pytest.approx(found.moves[0, 0])
    assert stocks_in(tmp_path / "none") is None
