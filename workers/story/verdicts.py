"""Whether the theses of a story were right."""

from collections.abc import Iterable, Iterator, Mapping

from learning.agreement import RIGHT
from schemas.attributed import ExampleState, Origin
from workers.join.cases import THESIS
from workers.story.cast import Player
from workers.story.story import Example, Verdict


def verdicts(theses: Iterable[Player], examples: Iterable[Example], *, horizon: str) -> Iterator[Verdict]:
    """The verdict on each thesis by what its prices did up to ``horizon``, at which the strategy judges theses."""
    slot = (THESIS, horizon, Origin.PRICES.value)
    by_id = {one.subject_id: one for one in examples if (one.subject, one.horizon, one.origin) == slot}
    for player in theses:
        yield _verdict(player.role.name, player.said, by_id.get(player.role.name), horizon=horizon)


def _verdict(name: str, said: Mapping[str, str], example: Example | None, *, horizon: str) -> Verdict:
    recommendation = said["recommendation"]
    matched = example is not None and example.state == ExampleState.MATCHED.value
    came = example.outcome_class if example and matched else None
    judged = RIGHT.get(recommendation)
    return Verdict(
        thesis_id=name,
        recommendation=recommendation,
        judged=judged is not None,
        horizon=horizon,
        state=example.state if example else None,
        outcome_class=came,
        right=None if judged is None or came is None else came in judged,
    )
