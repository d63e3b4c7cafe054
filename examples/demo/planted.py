"""The scanner in a world with a known best value: each outcome is the better, the nearer its values were to it."""

from collections.abc import Mapping
from typing import Any

from learning_client import EventPublisher

from examples.scanner import BOUNDS, main

BEST: Mapping[str, float] = {"exit.take_profit": 0.08}
"""What is planted: two steps of the trial above the default."""

BONUS = 0.10
"""What the best value adds to a position's return; half of the span between the bounds away from it, nothing."""


def bonus(values: Mapping[str, float], best: Mapping[str, float]) -> float:
    """What is added to the return of a position that was opened by ``values``."""
    spans = {name: BOUNDS[name][1] - BOUNDS[name][0] for name in best}
    return sum(BONUS * max(0.0, 1 - 2 * abs(values[name] - wanted) / spans[name]) for name, wanted in best.items())


class PlantedPublisher(EventPublisher):
    """Tells the engine what the scanner says, with its bonus added to every outcome."""

    def __init__(self, url: str, **named: Any) -> None:
        super().__init__(url, **named)
        self._added: dict[str, float] = {}

    def decision(self, **told: Any) -> str | None:
        """Tell a decision, and keep in mind what the values that it was made by will add."""
        self._added[told["decision_id"]] = bonus(told["snapshot"].values, BEST)
        return super().decision(**told)

    def outcome(self, **told: Any) -> str | None:
        """Tell an outcome that is better by what its decision's values add."""
        added = self._added.pop(told["decision_id"])
        return super().outcome(**{**told, "gross": told["gross"] + added, "net": told["net"] + added})


if __name__ == "__main__":
    main(PlantedPublisher)
