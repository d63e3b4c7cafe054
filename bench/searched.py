"""What searches found, run by run, and how it is shown."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray
from rich.table import Table

Floats = NDArray[np.float64]


class Run(NamedTuple):
    """The regret of the best point evaluated so far, by evaluation; of the one that the search names at the end; of the
    one of the highest result; and of the one that our model believes to be the best, by the results alone."""

    curve: list[float]
    named: float
    highest: float
    believed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """The runs of a search, the first seeds first. ``version`` is that of the library, None of what is ours."""

    problem: str
    search: str
    version: str | None
    runs: list[Run]


FIGURES: Mapping[str, Callable[[Run], float]] = {
    "named": lambda run: run.named,
    "highest": lambda run: run.highest,
    "believed": lambda run: run.believed,
    "evaluated": lambda run: run.curve[-1],
}
"""Simple regret is that of the point which is named at the end (Bubeck, Munos & Stoltz 2009): where results are noisy,
nobody knows which of those evaluated was the best. Libraries name their highest result. Where one rule names a point
for all, only where they searched makes the difference.
"""


def kept(file: Path) -> list[Searched]:
    """What an earlier run wrote; nothing where there is no such file."""
    found = json.loads(file.read_text()) if file.exists() else []
    return [Searched(**one | {"runs": [Run(*run) for run in one["runs"]]}) for one in found]


def write(found: Sequence[Searched], file: Path) -> None:
    """Keep all of it, six digits of each regret."""
    rounded = [
        asdict(one) | {"runs": [([_rounded(left) for left in run.curve], *map(_rounded, run[1:])) for run in one.runs]}
        for one in found
    ]
    file.write_text("[\n" + ",\n".join(json.dumps(one) for one in rounded) + "\n]\n")


def _rounded(regret: float) -> float:
    return float(f"{regret:.6g}")


def ratio(ours: Floats, theirs: Floats) -> tuple[float, float, float]:
    """The ratio of the medians of the same seeds, and its 95 % interval: pairs are drawn again."""
    draws = default_rng(0).integers(len(ours), size=(2_000, len(ours)))
    ratios = np.median(ours[draws], axis=1) / np.median(theirs[draws], axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(np.median(ours) / np.median(theirs)), float(low), float(high)


def table(found: Sequence[Searched]) -> Table:
    """Each search beside ours on the seeds that both have."""
    shown = Table(
        caption="Regret after all evaluations: of the point that each names, of that of its highest result, of the one "
        "that our model believes best, and of the best that was evaluated. Ratio of medians, ours by theirs.",
        caption_justify="left",
    )
    for name in ("problem", "search", "of what"):
        shown.add_column(name)
    for name in ("seeds", "median", "quartiles", "ours, median", "ratio", "interval"):
        shown.add_column(name, justify="right")
    mine = {one.problem: one.runs for one in found if one.search == "ours"}
    for one in found:
        if one.search == "ours" or not (count := min(len(one.runs), len(mine[one.problem]))):
            continue
        for name, figure in FIGURES.items():
            ours, theirs = (np.array([figure(run) for run in runs[:count]]) for runs in (mine[one.problem], one.runs))
            quarter, middle, rest = np.quantile(theirs, [0.25, 0.5, 0.75])
            part, low, high = ratio(ours, theirs)
            figures = [f"{middle:.3g}", f"{quarter:.3g}-{rest:.3g}", f"{np.median(ours):.3g}", f"{part:.2f}"]
            shown.add_row(one.problem, one.search, name, str(count), *figures, f"{low:.2f}-{high:.2f}")
    return shown


def plot(found: Sequence[Searched], file: Path) -> None:
    """A panel for each problem, of the best evaluated: medians of the seeds, and between the quartiles."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only the plot needs it

    problems = list(dict.fromkeys(one.problem for one in found))
    figure = Figure(figsize=(12, 4), layout="constrained")
    for axes, problem in zip(figure.subplots(1, len(problems), squeeze=False)[0], problems, strict=True):
        for one in found:
            if one.problem == problem and one.runs:
                low, middle, high = np.quantile([run.curve for run in one.runs], [0.25, 0.5, 0.75], axis=0)
                steps = np.arange(1, len(middle) + 1)
                axes.plot(steps, middle, label=f"{one.search}, {len(one.runs)} seeds")
                axes.fill_between(steps, low, high, alpha=0.15)
        axes.set_yscale("log")
        axes.set_title(problem, fontsize=10)
        axes.legend(fontsize=7)
    figure.supxlabel("evaluation")
    figure.supylabel("regret of the best evaluated")
    figure.savefig(file, metadata={"Date": None})
