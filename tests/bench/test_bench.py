"""The measurements run, and compare like with like. Nothing here looks at how fast anything is."""

import sys
from contextlib import nullcontext

import numpy as np
import psycopg
import pytest
from sqlalchemy import select

from bench.__main__ import LONG, MEASUREMENTS, main
from bench.backlog import Backlog
from bench.bare_loop import GROUP, BareLoop
from bench.bare_table import in_postgresql, in_sqlite
from bench.comparison import Comparison
from bench.databases import Databases
from bench.drain import drained
from bench.learning import ARMS, all_shares, drawn, dummies, looped, shares_one_by_one, statistics, swept, tables
from bench.refit import all_plans, at_once, one_by_one, walks
from bench.samples import alerts
from bench.stores import Stores, driven
from bench.turn import TABLE, Keeper, prepare
from bench.workbench import LeftOut, Workbench
from learning.effects import arm_effects
from tests import postgresql


@pytest.fixture
def shared_server(request, monkeypatch):
    """What measures on PostgreSQL starts no server of its own, where there can be one."""
    if not postgresql.missing():
        server = request.getfixturevalue("postgresql_server")
        monkeypatch.setattr(postgresql, "server", lambda: nullcontext(server))


SLOW = {"client", "followers", "growth", "postgresql", "sharing", *LONG}
"""What starts servers or processes, or fills a store first."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.at_length if name in SLOW else ()) for name in (*MEASUREMENTS, *LONG)],
)
def test_every_measurement_has_figures_of_both_sides_and_says_what_it_does(name, tmp_path, redis_url, shared_server):
    told = []
    measure, size = (LONG[name], 0.0005) if name in LONG else (MEASUREMENTS[name], 0.02)
    try:
        lines = list(measure(Workbench(tmp_path, redis_url, told.append, runs=1, size=size)))
    except LeftOut as reason:
        pytest.skip(str(reason))
    assert lines
    for line in lines:
        assert len(line.ours) == len(line.baseline) > 0
        assert min(*line.ours, *line.baseline) > 0
    assert ", run 1 of " in told[0]


def test_both_sides_run_by_turns(tmp_path):
    turns = []
    bench = Workbench(tmp_path, "", lambda _: None, runs=3)

    def side(name):
        turns.append(name)
        return len(turns)

    line = bench.compare("a", "b", unit="ms", ours=lambda: side("ours"), baseline=lambda: side("baseline"))
    assert ["ours", "baseline"] * 3 == turns
    assert (1, 3, 5) == line.ours
    assert (2, 4, 6) == line.baseline


def test_the_ratio_is_that_of_the_middle_pair():
    line = Comparison(what="", against="", unit="ms", ours=(1.0, 9.0, 30.0), baseline=(2.0, 3.0, 10.0))
    assert [0.5, 3.0, 3.0] == line.ratios
    assert 3.0 == line.ratio


@pytest.fixture(params=["sqlite", "postgresql"])
def places(request, tmp_path):
    """Stores with the one table, what connects to one of them without the engine, and the bare loop's table in it."""
    if request.param == "sqlite":
        return Stores(tmp_path, prepare), driven, in_sqlite
    server = request.getfixturevalue("postgresql_server")
    return Databases(server.create(), prepare), psycopg.connect, in_postgresql


@pytest.mark.parametrize("batch", [500, 70])
def test_the_one_table_worker_and_the_bare_loop_keep_the_same_rows(batch, places, broker):
    stores, connected, bare_table = places
    backlog = Backlog(broker, alerts(1_200))
    with stores.opened() as store:
        drained(Keeper(), store, broker, backlog, batch=batch)
        with store.read() as reading:
            kept = sorted(map(tuple, reading.execute(select(TABLE)).all()))
    backlog.again(GROUP)
    with stores.fresh() as place, connected(place) as connection:
        BareLoop(broker, bare_table(connection), backlog.kinds, batch=batch).drain(backlog.count)
        assert sorted(connection.execute("SELECT * FROM bare").fetchall()) == kept
    assert 1_200 == len(kept)
    assert 0 == broker.xpending("alert.raised", GROUP)["pending"]


@pytest.mark.parametrize("problem", [dummies, swept])
def test_the_least_squares_find_the_differences_that_the_engine_finds(problem):
    cohorts = statistics(30)
    found = np.linalg.lstsq(*problem(cohorts))[0][: len(ARMS) - 1]
    known = arm_effects(cohorts, baseline=ARMS[-1], arms=ARMS[:-1]).estimates
    assert pytest.approx(found.tolist(), abs=1e-12) == [known[arm] for arm in ARMS[:-1]]


def test_statistics_and_shares_of_all_trials_are_those_of_the_loops():
    outcomes = drawn(20_000, 2)
    cohorts = tables(outcomes, 2)
    assert looped(outcomes) == {
        tuple(place): [int(table[tuple(place)]) for table in (cohorts.n, cohorts.totals, cohorts.squares)]
        for place in np.argwhere(cohorts.n).tolist()
    }
    assert shares_one_by_one(cohorts).tolist() == all_shares(cohorts).tolist()


def test_a_measurement_that_is_not_there_is_refused_by_name(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench", "codek"])
    assert 2 == main()
    assert "there is no measurement codek; known: codec, assignment" in capsys.readouterr().err


def test_a_measurement_that_cannot_be_made_here_says_why_and_the_others_go_on(monkeypatch, capsys):
    def needs_more(_):
        raise LeftOut("there is no PostgreSQL")

    line = Comparison(what="the other", against="it", unit="ms", ours=(1.0,), baseline=(2.0,))
    monkeypatch.setattr("bench.__main__.MEASUREMENTS", {"one": needs_more, "two": lambda _: iter([line])})
    monkeypatch.setattr(sys, "argv", ["bench"])
    assert 0 == main()
    said = capsys.readouterr().out
    assert "one is left out: there is no PostgreSQL" in said
    assert "the other" in said


def test_what_takes_long_is_measured_only_where_it_is_named(monkeypatch, capsys):
    def line(what):
        return lambda _: iter([Comparison(what=what, against="it", unit="ms", ours=(1.0,), baseline=(2.0,))])

    monkeypatch.setattr("bench.__main__.MEASUREMENTS", {"short": line("the usual")})
    monkeypatch.setattr("bench.__main__.LONG", {"long": line("the other")})
    for named, shown in ([], ["the usual"]), (["long"], ["the other"]):
        monkeypatch.setattr(sys, "argv", ["bench", *named])
        assert 0 == main()
        said = capsys.readouterr().out
        assert shown == [what for what in ("the usual", "the other") if what in said]


def test_all_exits_at_once_are_those_of_one_plan_after_the_other():
    bars, plans = walks(200), all_plans()
    places = np.linspace(0, len(plans.holds) - 1, 20).astype(int)
    assert (np.column_stack(one_by_one(bars, plans, count=20)) == at_once(bars, plans).returns[:, places]).all()
