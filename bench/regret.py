"""How much is lost until the best of ten arms is known, against Thompson sampling of MABWiser and river.

All is stationary or switches at steps, so levels are pooled: Beta beliefs on aged sums, without floors, budget, cap or
dwell. Every play meets the same luck (``bench.arms``). A regret is the sum over steps of the best rate less the rate of
the arm that was played.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.random import default_rng
from rich.console import Console
from rich.table import Table

from bench.arms import EASY, HARD, LEVEL, Floats, Integers, Worlds, lasting, of_two_regimes, switching
from bench.bandits import Play, by_regime, delayed, mabwiser, river, thompson
from bench.comparison import Comparison
from bench.workbench import LeftOut, Workbench, comparison

SEEDS = 200
STEPS = 10_000

BATCH, DELAY = 50, 500
"""Shares are made anew every 50 steps, and what came of a step is known 500 steps later."""

SWITCH = 2_000
FADING = 1 - 2 / SWITCH
"""What a step leaves of the past: it then counts 1 / (1 - fading) steps, here half of the time between two switches."""

RARE = 0.05
APART = (0.05, 0.1)
"""The rates of an arm in both regimes lie this far (one deviation) from what they have in common."""


@dataclass(frozen=True, eq=False)
class Race:
    """Regret by step (seeds x steps), summed up to it, of two who play the same worlds.

    ``bound``: what ours by theirs may be at the end, in the ``middle`` of the seeds, after theirs got ``added``.
    """

    what: str
    against: str
    ours: Floats
    theirs: Floats
    bound: float
    middle: Callable[[Floats], float] = np.mean
    added: float = 0.0

    def ratio(self, seeds: slice | Integers = slice(None)) -> float:
        """Ours by theirs."""
        return float(self.middle(self.ours[seeds, -1]) / (self.middle(self.theirs[seeds, -1]) + self.added))

    def interval(self) -> tuple[float, float]:
        """95 % interval of the ratio: seeds are drawn again, both sides' together."""
        generator, count = default_rng(0), len(self.ours)
        ratios = [self.ratio(generator.integers(count, size=count)) for _ in range(2_000)]
        low, high = np.quantile(ratios, [0.025, 0.975])
        return float(low), float(high)


def measure(bench: Workbench) -> Iterator[Comparison]:
    """Regret of ours and theirs, seed by seed."""
    for race in races(seeds=bench.count(SEEDS), steps=bench.count(STEPS), tell=bench.tell):
        pairs = zip(race.ours[:, -1].tolist(), (race.theirs[:, -1] + race.added).tolist(), strict=True)
        yield comparison(f"regret, {race.what}", race.against, unit="regret", pairs=pairs)


def races(*, seeds: int, steps: int, tell: Callable[[str], None]) -> Iterator[Race]:
    """All of them; what needs no library comes first.

    Raises:
        LeftOut: a library is not installed, after the races that could be run.
    """
    level = lasting(LEVEL, seeds=seeds, steps=steps)
    undelayed = _run(level, thompson)
    late = _run(level, partial(delayed, batch=BATCH, delay=DELAY))
    allowed = 1.2 * (DELAY + BATCH) * level.mean_gap()
    yield Race("batches of 50, 500 late", "at once, + 1.2 x 550 x mean gap", late, undelayed, 1.0, added=allowed)
    regimes = {
        f"a regime of 5 %, {apart:g} apart": of_two_regimes(HARD, apart=apart, rare=RARE, seeds=seeds, steps=steps)
        for apart in APART
    }
    for what, worlds in regimes.items():
        apart = _run(worlds, partial(by_regime, borrowing=False))
        yield Race(what, "one a regime", _run(worlds, partial(by_regime, borrowing=True)), apart, 0.9)
    switches = {
        what: switching(rates, every=SWITCH, seeds=seeds, steps=steps)
        for what, rates in (("switches, easy", EASY), ("switches, hard", HARD))
    }
    fading = {what: _run(worlds, partial(thompson, fading=FADING)) for what, worlds in switches.items()}
    for name, library in (("river", river), ("MABWiser", mabwiser)):
        told = partial(_told, tell, name, seeds)
        yield Race("undelayed", name, undelayed, _run(level, partial(library, told=told)), 1.05)
        for what, worlds in switches.items():
            theirs = _run(worlds, partial(library, told=told))
            yield Race(what, name, fading[what], theirs, 0.85, middle=np.median)


def main() -> int:
    """``python -m bench.regret``: every race at its full size; the table, figures and plot into ``bench/``.

    Without MABWiser, which takes an hour, or without both libraries, the other races are shown.
    """
    found: list[Race] = []
    try:
        for race in races(seeds=SEEDS, steps=STEPS, tell=lambda what: print(what, file=sys.stderr, flush=True)):
            found.append(race)
    except LeftOut as reason:
        print(reason, file=sys.stderr)
    Console(width=130).print(_table(found))
    here = Path(__file__).parent
    lines = [
        {
            "what": race.what,
            "against": race.against,
            "ours": round(float(race.middle(race.ours[:, -1])), 1),
            "theirs": round(float(race.middle(race.theirs[:, -1]) + race.added), 1),
            "ratio": round(race.ratio(), 3),
            "interval": [round(end, 3) for end in race.interval()],
            "bound": race.bound,
        }
        for race in found
    ]
    (here / "regret.json").write_text(json.dumps(lines, indent=1) + "\n")
    _plot(found, here / "regret.svg")
    return 0


def _run(worlds: Worlds, play: Play) -> Floats:
    return worlds.regret(play(worlds)).cumsum(axis=1)


def _told(tell: Callable[[str], None], what: str, seeds: int, seed: int) -> None:
    tell(f"{what}, run {seed + 1} of {seeds}")


def _table(races: list[Race]) -> Table:
    caption = (
        "Regret after 10,000 steps, 200 seeds. Ratio with the 95 % interval: of means, of medians where arms switch."
    )
    table = Table(caption=caption, caption_justify="left")
    for name in ("what", "against"):
        table.add_column(name)
    for name in ("mean", "theirs", "median", "theirs", "ratio", "interval", "at most"):
        table.add_column(name, justify="right")
    for race in races:
        ours, theirs = race.ours[:, -1], race.theirs[:, -1] + race.added
        sides = [f"{middle(side):.0f}" for middle in (np.mean, np.median) for side in (ours, theirs)]
        low, high = race.interval()
        table.add_row(
            race.what, race.against, *sides, f"{race.ratio():.3f}", f"{low:.3f}-{high:.3f}", f"{race.bound:g}"
        )
    return table


def _plot(races: list[Race], file: Path) -> None:
    """A panel for each setting: means with their 95 % band."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only the plot needs it

    settings = list(dict.fromkeys(race.what for race in races))
    figure = Figure(figsize=(11, 7), layout="constrained")
    for axes, what in zip(figure.subplots(2, 3).flat, settings, strict=True):
        here = [race for race in races if race.what == what]
        lines = {"ours": here[0].ours, **{race.against: race.theirs + race.added for race in here}}
        for name, regrets in lines.items():
            shown = regrets[:, 249::250]
            steps, mean = np.arange(250, regrets.shape[1] + 1, 250), shown.mean(axis=0)
            half = 1.96 * shown.std(axis=0) / np.sqrt(len(shown))
            axes.plot(steps, mean, label=name)
            axes.fill_between(steps, mean - half, mean + half, alpha=0.2)
        axes.set_title(what, fontsize=10)
        axes.legend(fontsize=8)
    figure.supxlabel("step")
    figure.supylabel("regret so far, mean of 200 seeds")
    figure.savefig(file, metadata={"Date": None})


if __name__ == "__main__":
    sys.exit(main())
