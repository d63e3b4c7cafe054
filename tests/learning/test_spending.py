import math

import pytest

from learning.errors import LearningError
from learning.spending import spent_on


@pytest.mark.parametrize("together", [1, 6])
def test_all_that_is_ever_spent_is_the_whole(together):
    generations = 20_000
    spent = math.fsum(spent_on(rank, together=together) for rank in range(generations * together))
    left = 6 / math.pi**2 / generations
    assert 1 - 1.001 * left < spent < 1


def test_arms_of_one_generation_have_the_same_and_later_ones_less():
    parts = [spent_on(rank, together=3) for rank in range(9)]
    assert parts[0] == parts[1] == parts[2] == pytest.approx(4 * parts[3]) == pytest.approx(9 * parts[6])


@pytest.mark.parametrize(("rank", "together"), [(-1, 1), (0, 0)])
def test_what_is_no_rank_is_refused(rank, together):
    with pytest.raises(LearningError, match="rank"):
        spent_on(rank, together=together)
