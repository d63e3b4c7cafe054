import io
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.console import Console

from examples.demo.bars import Bars
from examples.demo.figures import posteriors
from examples.demo.goals import combined_checksum, goals, last_line, plants
from examples.demo.judge import Candidate, judge
from examples.demo.outcome import Outcome, Said, Standing, label
from examples.demo.report import write_report
from examples.demo.summary import show
from examples.scanner import DEFAULTS, FEATURES, Bar
from learning.counted import Counted
from schemas.allocation import Allocation, Arm, Purpose
from schemas.version import Version
from store.audit import Moved

TRIED, CONTROL = Counted(80, 61.5, 0.8), Counted(2_100, 1_407.0, 0.67)
SESSIONS = [str(day) for day in np.busday_offset("2012-01-03", range(40))]


def version(number, share, *, take_profit=0.04):
    values = {**DEFAULTS, "exit.take_profit": take_profit}
    arms = [
        Arm({"exit.take_profit": take_profit + 0.02}, share),
        Arm({"exit.take_profit": take_profit}, 10_000 - share),
    ]
    split = Allocation(
        id="exits.1-1", layer="exits", purpose=Purpose.EXPLORE, parameters=["exit.take_profit"], arms=arms
    )
    return Version(
        strategy="demo",
        epoch=1,
        number=number,
        previous=f"1-{number - 1}" if number > 1 else None,
        session=SESSIONS[number - 2] if number > 1 else "1970-01-01",
        regime="all",
        registry="r",
        values=values,
        allocations=[split],
    )


@pytest.fixture(scope="module")
def outcome():
    prices = 100 * np.cumprod(1 + np.random.default_rng(3).normal(0, 0.02, len(SESSIONS)))
    bars = Bars({day: [Bar("A", day, *[float(price)] * 4, 1e6)] for day, price in zip(SESSIONS, prices, strict=True)})
    candidates = [Candidate(day, "A", dict.fromkeys(FEATURES, 0.6)) for day in SESSIONS]
    versions = [version(number, 200 + 10 * number) for number in range(1, 31)]
    judgement = judge(
        candidates,
        bars,
        in_force={session: {**DEFAULTS, "exit.max_hold": 2} for session in SESSIONS},
        defaults=DEFAULTS,
        traded=dict.fromkeys(SESSIONS, 1e-4),
        best={},
        seed=1,
    )
    return Outcome(
        sessions=SESSIONS,
        events={"alert.raised": 140, "params.updated": 30, "thesis.formed": 0},
        examples={("close", "reported", "matched"): 60, ("1d", "prices", "matched"): 130, ("1d", "prices", "lost"): 1},
        versions=versions,
        latencies={str(one.id): 2.0 + one.number for one in versions[1:]},
        proposals={("shares", "deployed"): 29, ("baseline", "rejected"): 3},
        moves=[Moved("demo", "1-9", "exit.take_profit", 0.04, 0.06, "<better>", "e", "gate", 0)],
        said=[Said("weekly cycle", "2024-01-05", "exits: stays: <not> distinguishable")],
        standings=[
            Standing("take_profit +0.02", TRIED, CONTROL, 37, 2e-4, 1e-4, None, None, 0.9, 0.03),
            Standing("take_profit -0.02", Counted(60, 44.0), CONTROL, 35, -4e-4, 1e-4, -9e-4, 1e-4, 0.01, 0.005),
        ],
        learned_alerts=100,
        judgement=judgement,
        seconds=12.3,
        planted={},
    )


def met(found):
    return {goal.name: goal.met for goal in found}


def test_a_run_that_shows_everything_closes_the_loop(outcome):
    assert all(met(goals(outcome, sessions=40)).values())
    line = "loop closed: 140 alerts -> 190 examples -> 30 versions -> applied by trading, median 18.0 ms"
    assert line == last_line(outcome)


@pytest.mark.parametrize(
    ("missing", "name"),
    [
        ({"sessions": SESSIONS[:39]}, "sessions"),
        ({"events": {"alert.raised": 79}}, "alerts"),
        ({"versions": [version(number, 200) for number in range(1, 20)]}, "versions"),
        ({"latencies": {str(number): 1.0 for number in range(26)}}, "acknowledged"),
        ({"learned_alerts": 0}, "alerts with later versions"),
    ],
)
def test_a_run_that_lacks_something_does_not(outcome, missing, name):
    found = met(goals(replace(outcome, **missing), sessions=40))
    assert [name] == [goal for goal, holds in found.items() if not holds]


def test_the_full_run_must_show_a_thousand_alerts(outcome):
    [alerts] = [goal for goal in goals(outcome, sessions=500) if goal.name == "alerts"]
    assert "at least 1,000" == alerts.wanted


def test_the_combined_checksum_depends_on_every_version_and_on_their_order(outcome):
    versions = outcome.versions
    others = [versions[:-1], versions[::-1], [*versions[:-1], version(30, 1)]]
    assert 4 == len({combined_checksum(one) for one in [versions, *others]})


@pytest.mark.parametrize(("now", "told"), [(0.04, "not found"), (0.06, "neared, 50 % of the way"), (0.08, "found")])
def test_a_planted_value_is_said_to_be_found_when_it_is_in_force(outcome, now, told):
    run = replace(outcome, planted={"exit.take_profit": 0.08}, versions=[version(1, 200, take_profit=now)])
    assert [told] == [plant.told.replace("%", " %") for plant in plants(run, DEFAULTS)]


def test_an_arm_keeps_its_name_when_the_baseline_moves():
    names = [
        label(split.arms[0], one.values)
        for one in (version(1, 200), version(2, 200, take_profit=0.06))
        for split in one.allocations
    ]
    assert ["take_profit +0.02"] * 2 == names


def test_the_report_stands_alone_and_shows_every_plot(outcome, tmp_path):
    path = tmp_path / "out" / "report.html"
    write_report(path, outcome, goals(outcome, sessions=40), defaults=DEFAULTS, seed=7)
    page = path.read_text()
    assert 6 == page.count("<svg")
    assert outcome.judgement.verdict in page
    assert "&lt;better&gt;" in page
    assert "exits: stays: &lt;not&gt; distinguishable" in page
    assert outcome.versions[-1].checksum in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    for drawing in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL):
        ElementTree.fromstring(drawing)


def test_the_posteriors_say_what_units_they_stand_on_and_what_these_are_worth(outcome):
    drawn = posteriors(outcome.standings)
    for said in (
        "80 units (effective 61.5, uniqueness 0.80)",
        "against 2,100 units (effective 1,407.0, uniqueness 0.67)",
        "in 37 sessions, best with 90%",
        "60 units (effective 44.0)",
    ):
        assert said in drawn


def test_the_same_run_gives_the_same_report(outcome, tmp_path):
    pages = []
    for name in "ab":
        write_report(tmp_path / name, outcome, goals(outcome, sessions=40), defaults=DEFAULTS, seed=7)
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]


def test_a_report_can_be_written_of_a_run_that_learned_nothing(outcome, tmp_path):
    bare = replace(outcome, versions=[version(1, 200)], latencies={}, moves=[], standings=[], said=[], events={})
    write_report(tmp_path / "r.html", bare, goals(bare, sessions=40), defaults=DEFAULTS, seed=7)
    assert "The loop did not close" in (tmp_path / "r.html").read_text()


def test_the_tables_say_what_was_joined_and_learned_and_why(outcome):
    text = shown(outcome)
    assert "<better>" in text
    assert "exits: stays: <not> distinguishable" in text
    assert "matched" in text
    assert "loop" not in text
    assert outcome.judgement.verdict in text.replace("\n", " ")
    lines = r"take_profit \+0\.02 .* 80 \(61\.5, 0\.80\) .*\n.* 2,100 \(1,407\.0, 0\.67\) .*\n.* 37 "
    assert re.search(lines, text)


def test_nothing_of_the_tables_is_cut_on_a_narrow_screen(outcome):
    assert "…" not in shown(outcome, width=80)


def test_the_tables_say_when_nothing_was_replaced(outcome):
    assert "no value was replaced" in shown(replace(outcome, moves=[]))


def shown(outcome, width=200):
    console = Console(file=io.StringIO(), width=width)
    show(outcome, goals(outcome, sessions=40), DEFAULTS, console=console)
    return console.file.getvalue()
