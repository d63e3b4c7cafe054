"""``learning patterns`` and ``learning insights``: what people see of what is kept."""

import msgspec
import numpy as np
import pytest
from sqlalchemy import select

from learning.agreement import wilson
from schemas.registry import load_registry
from store.occurrences import SCALE
from store.tables import occurrences
from tests.databases import sqlite_only
from tests.workers.insight_scene import LATER, Scene, cycle, take, worker
from workers.commands.insights import insights
from workers.commands.patterns import patterns

pytestmark = sqlite_only

REGISTRY = """
[market]
horizons = ["1d", "3d"]
primary_horizon = "3d"
"""
KEY = ("signature", "subject", "origin")
EDGES = """
[patterns]
edges = { gap = [0.5] }
"""


@pytest.fixture
def place(store, tmp_path, monkeypatch):
    (tmp_path / "main.toml").write_text(REGISTRY + EDGES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEARNING_REGISTRIES", "main.toml")
    monkeypatch.setenv("LEARNING_STORE_URL", store.place)
    return tmp_path


@pytest.fixture
def lived(store, place):
    """Sessions of alerts, of which everything was taken in and the newest was drawn."""
    scene = Scene(store)
    scene.live(12)
    settled = scene.settled()
    made = worker(store, load_registry(place / "main.toml"))
    take(made, store, scene.told())
    take(made, store, [cycle(settled.session, settled.cut)])
    made.rest(lambda: LATER)
    return settled.session


def run(command, capsys, **options):
    command(**{"strategy": None, "json": False} | options)
    return capsys.readouterr().out


def test_every_column_is_what_stands(store, lived, capsys):
    found = {tuple(one[name] for name in KEY): one for one in msgspec.json.decode(run(patterns, capsys, json=True))}

    with store.read() as reading:
        chosen = select(occurrences).where(occurrences.c.standing == 1, occurrences.c.net.is_not(None))
        rows = [dict(one) for one in reading.execute(chosen).mappings()]
    assert {tuple(row[name] for name in KEY) for row in rows} == found.keys()
    for key, one in found.items():
        mine = [row for row in rows if tuple(row[name] for name in KEY) == key]
        net = np.array([row["net"] for row in mine]) / SCALE
        won = np.array([row["won"] for row in mine])
        told = np.array([row["confidence"] for row in mine]) / SCALE
        assert (len(mine), won.mean()) == (one["n"], one["success"])
        assert 0 < one["effective"] <= one["n"]
        assert wilson(won.mean(), one["effective"]) == pytest.approx((one["low"], one["high"]))
        assert net.mean() == pytest.approx(one["average"], abs=1e-12)
        assert (net.max(), net.min()) == (one["best"], one["worst"])
        falls = [row["mae"] / SCALE for row in mine if row["mae"] is not None]
        assert min(falls, default=None) == one["drawdown"]
        assert max(row["session"] for row in mine) == one["last_seen"]
        held = [row["holding"] for row in mine if row["holding"] is not None]
        assert (np.mean(held) if held else None) == one["holding"]
        assert (len(mine), won.mean()) == (one["told"], one["hit_rate"])
        assert told.mean() == pytest.approx(one["confidence"])
        assert ((told - won) ** 2).mean() == pytest.approx(one["brier"])


def test_people_see_patterns_and_insights(lived, capsys):
    shown = run(patterns, capsys)
    assert "gap=[0.5,inf)" in shown
    assert "Brier" in shown
    said = run(insights, capsys, session=None)
    assert f"insights of session {lived}" in said
    assert "rank correlation" in said


def test_a_script_gets_the_insights_with_their_figures(lived, capsys):
    found = msgspec.json.decode(run(insights, capsys, session=lived, json=True))
    by_id = {one["insight"]["insight_id"]: one for one in found}
    gap = by_id[f"correlation/main/{lived}/gap"]
    assert gap["figures"]["correlation"]["spearman"]["value"] == gap["insight"]["estimate"]
    assert gap["insight"]["evidence"] == gap["insight"]["insight_id"]


def test_where_there_is_nothing_it_says_why(place, capsys):
    assert "no alert with an outcome" in run(patterns, capsys)
    assert "no insights yet" in run(insights, capsys, session=None)
    (place / "main.toml").write_text(REGISTRY)
    assert "declares no edges" in run(patterns, capsys)
