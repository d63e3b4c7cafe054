import numpy as np
import pytest

from learning.design import spread
from learning.domain import Domain, Group, NoRoom, Parameter
from learning.errors import LearningError

LEVEL = Domain((Parameter(name="level", low=0.0, high=1.0, step=0.01, change=0.1),))
WEIGHTS = Domain(
    tuple(Parameter(name=name, low=0.0, high=0.6, step=0.01, change=0.05) for name in "abc"), (Group(("a", "b", "c")),)
)
THIRDS = {"a": 0.3, "b": 0.3, "c": 0.4}


def test_the_ends_of_what_may_be_changed_come_first_and_then_the_middles():
    levels = [round(one["level"], 2) for one in spread(LEVEL, {"level": 0.5}, count=4, seed=1)]
    assert [{0.4, 0.6}, {0.45, 0.55}] == [set(levels[:2]), set(levels[2:])]


def test_what_was_tried_is_kept_away_from():
    [one] = spread(LEVEL, {"level": 0.5}, count=1, seed=1, tried=[{"level": 0.6}])
    assert {"level": 0.4} == one


def test_values_are_new_feasible_and_as_many_as_asked_for():
    found = spread(WEIGHTS, THIRDS, count=6, seed=3)
    assert 6 == len({tuple(one.values()) for one in found})
    for one in found:
        assert 100 == sum(round(100 * value) for value in one.values())
        assert max(abs(one[name] - THIRDS[name]) for name in "abc") <= 0.05 + 1e-12
        assert one != THIRDS


def test_they_lie_farther_apart_than_values_by_chance():
    """The least distance of the design is beyond that of each of 200 random choices of feasible values."""
    generator = np.random.default_rng(1)

    def least(rows):
        points = np.array([list(row.values()) for row in rows])
        apart = np.sqrt(((points[:, None] - points) ** 2).sum(axis=2))
        return apart[np.triu_indices(len(points), 1)].min()

    grid = [
        {"a": 0.25 + a / 100, "b": 0.25 + b / 100, "c": round(0.5 - a / 100 - b / 100, 2)}
        for a in range(11)
        for b in range(11)
        if 0.35 <= round(0.5 - a / 100 - b / 100, 2) <= 0.45
    ]
    chance = [least([grid[at] for at in generator.choice(len(grid), 5, replace=False)]) for _ in range(200)]
    assert least(spread(WEIGHTS, THIRDS, count=5, seed=2)) > max(chance)


def test_fewer_where_there_are_no_more():
    narrow = Domain((Parameter(name="bars", low=1, high=9, integer=True, change=1),))
    assert [4, 6] == sorted(one["bars"] for one in spread(narrow, {"bars": 5}, count=5, seed=1))


def test_the_same_seed_gives_the_same_bits():
    assert spread(WEIGHTS, THIRDS, count=4, seed=5) == spread(WEIGHTS, THIRDS, count=4, seed=5)


def test_what_is_no_question_is_refused():
    with pytest.raises(LearningError, match="cannot have -1"):
        spread(LEVEL, {"level": 0.5}, count=-1, seed=1)
    with pytest.raises(LearningError, match="level needs a number"):
        spread(LEVEL, {}, count=1, seed=1)
    with pytest.raises(NoRoom):
        spread(LEVEL, {"level": 1.5}, count=1, seed=1)
