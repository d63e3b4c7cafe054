"""What searches found, run by run, and how it is shown."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray
from rich.table import Table

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """The regret of a search by evaluation (``curves``: seeds x evaluations), the first seeds first.

    ``version`` is that of the library, None of what is ours.
    """

    problem: str
    search: str
    version: str | None
    curves: list[list[float]]

    @property
    def ends(self) -> Floats:
        """The regret of each seed after all evaluations."""
        return np.array([curve[-1] for curve in self.curves])


def kept(file: Path) -> list[Searched]:
    """What an earlier run wrote; nothing where there is no such file."""
    return [Searched(**one) for one in json.loads(file.read_text())] if file.exists() else []


def write(found: Sequence[Searched], file: Path) -> None:
    """Keep all of it, six digits of each regret."""
    whole = [asdict(one) | {"curves": [[float(f"{r:.6g}") for r in curve] for curve in one.curves]} for one in found]
    file.write_text("[\n" + ",\n".join(json.dumps(one) for one in whole) + "\n]\n")


def ratio(ours: Floats, theirs: Floats) -> tuple[float, float, float]:
    """The ratio of the medians of the same seeds, and its 95 % interval: pairs are drawn again."""
    draws = default_rng(0).integers(len(ours), size=(2_000, len(ours)))
    ratios = np.median(ours[draws], axis=1) / np.median(theirs[draws], axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(np.median(ours) / np.median(theirs)), float(low), float(high)


def table(found: Sequence[Searched]) -> Table:
    """Each search beside ours on the seeds that both have."""
    shown = Table(
        caption="Simple regret after all evaluations. Ratio of medians, ours by theirs.", caption_justify="left"
    )
    for name in ("problem", "search"):
        shown.add_column(name)
    for name in ("seeds", "median", "quartiles", "ours, median", "ratio", "interval"):
        shown.add_column(name, justify="right")
    mine = {one.problem: one.ends for one in found if one.search == "ours"}
    for one in found:
        if one.search == "ours" or not (count := min(len(one.curves), len(mine[one.problem]))):
            continue
        theirs, ours = one.ends[:count], mine[one.problem][:count]
        quarter, middle, rest = np.quantile(theirs, [0.25, 0.5, 0.75])
        part, low, high = ratio(ours, theirs)
        figures = [f"{middle:.3g}", f"{quarter:.3g}-{rest:.3g}", f"{np.median(ours):.3g}", f"{part:.2f}"]
        shown.add_row(one.problem, one.search, str(count), *figures, f"{low:.2f}-{high:.2f}")
    return shown


def plot(found: Sequence[Searched], file: Path) -> None:
    """A panel for each problem: medians of the seeds, and between the quartiles."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only the plot needs it

    problems = list(dict.fromkeys(one.problem for one in found))
    figure = Figure(figsize=(12, 4), layout="constrained")
    for axes, problem in zip(figure.subplots(1, len(problems), squeeze=False)[0], problems, strict=True):
        for one in found:
            if one.problem == problem and one.curves:
                low, middle, high = np.quantile(one.curves, [0.25, 0.5, 0.75], axis=0)
                steps = np.arange(1, len(middle) + 1)
                axes.plot(steps, middle, label=f"{one.search}, {len(one.curves)} seeds")
                axes.fill_between(steps, low, high, alpha=0.15)
        axes.set_yscale("log")
        axes.set_title(problem, fontsize=10)
        axes.legend(fontsize=7)
    figure.supxlabel("evaluation")
    figure.supylabel("simple regret")
    figure.savefig(file, metadata={"Date": None})
