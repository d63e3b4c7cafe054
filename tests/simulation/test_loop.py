import pytest

from simulation.loop import live_through
from simulation.world import World


def test_the_same_seed_gives_the_same_world_and_the_same_end():
    world = World(effect=0.5, seed=3, sessions=12)
    assert live_through(world) == live_through(world)


def test_finds_a_large_effect():
    assert live_through(World(effect=1.0, seed=1, sessions=20)).replaced is not None


@pytest.mark.parametrize("seed", [1, 2])
def test_leaves_the_baseline_where_nothing_was_planted(seed):
    assert live_through(World(effect=0.0, seed=seed, sessions=15)).replaced is None


def test_leaves_the_baseline_where_the_candidate_is_worse():
    assert live_through(World(effect=-1.0, seed=1, sessions=15)).replaced is None
