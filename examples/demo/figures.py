"""The plots of the report, each as an SVG text."""

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from examples.demo.judge import Judgement
from examples.demo.outcome import Outcome, Standing, label, number
from schemas.version import Version

INK, QUIET, GRID = "#1f2933", "#7b8794", "#e4e7eb"
LEARNED, DEFAULT, TRADED = "#0f766e", "#b45309", "#94a3b8"
ARMS = ("#0f766e", "#2563eb", "#b45309", "#be123c", "#6d28d9", "#4d7c0f")
WIDTH = 10.0
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "demo",
    "font.family": "sans-serif",
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": QUIET,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


def equity(judgement: Judgement) -> str:
    """Cumulative P&L on learned and default values and as it was traded, and their difference below."""
    with _drawn(4.6, rows=2, ratios=(3, 1)) as (figure, (top, bottom)):
        days = _days(judgement.sessions)
        top.plot(
            days,
            100 * np.cumsum(judgement.traded),
            color=TRADED,
            linewidth=1.0,
            label="as traded, exploration included",
        )
        top.plot(days, 100 * np.cumsum(judgement.learned), color=LEARNED, linewidth=1.8, label="learned values")
        top.plot(
            days,
            100 * np.cumsum(judgement.default),
            color=DEFAULT,
            linewidth=1.2,
            linestyle=(0, (4, 2)),
            label="default values",
        )
        top.set_ylabel("% of equity")
        top.legend(loc="upper left")
        gap = 100 * np.cumsum(judgement.learned - judgement.default)
        bottom.fill_between(days, gap, color=LEARNED, alpha=0.25, linewidth=0)
        bottom.plot(days, gap, color=LEARNED, linewidth=1.0)
        bottom.plot(days, 100 * np.cumsum(judgement.traded - judgement.default), color=TRADED, linewidth=1.0)
        bottom.set_ylabel("minus\ndefault")
        top.tick_params(labelbottom=False)
        _time_axis(bottom)
        return _svg(figure)


def parameters(versions: Sequence[Version], sessions: Sequence[str]) -> str:
    """The baseline of each value that is tried, and what an average unit got, over time."""
    names = sorted({name for version in versions for split in version.allocations for name in split.parameters})
    columns = 2
    rows = math.ceil(len(names) / columns)
    days, steps = _in_force(versions, sessions)
    with _drawn(1.35 * rows + 0.4, rows=rows, columns=columns) as (figure, panels):
        for axes, name in zip(panels, names, strict=False):
            axes.plot(days, [_average(version, name) for version in steps], color=ARMS[1], linewidth=1.0)
            axes.plot(days, [version.values[name] for version in steps], color=LEARNED, linewidth=1.8)
            axes.axhline(number(versions[0].values[name]), color=QUIET, linewidth=0.8, linestyle=(0, (2, 3)))
            axes.set_title(name)
            axes.margins(y=0.3)
            _time_axis(axes)
        for axes in panels[len(names) :]:
            axes.set_visible(False)
        return _svg(figure)


def shares(versions: Sequence[Version], sessions: Sequence[str]) -> str:
    """The share of units that each arm beside the baseline got, over time."""
    layers = sorted({split.layer for version in versions for split in version.allocations})
    days, steps = _in_force(versions, sessions)
    with _drawn(1.9 * len(layers) + 0.3, rows=len(layers)) as (figure, panels):
        for axes, layer in zip(panels, layers, strict=True):
            for colour, (arm, line) in zip(ARMS * 3, _share_lines(steps, layer).items(), strict=False):
                axes.plot(days, line, color=colour, linewidth=1.3, label=arm)
            axes.set_title(layer)
            axes.set_ylabel("% of units")
            axes.set_ylim(bottom=0)
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
            _time_axis(axes)
        return _svg(figure)


def posteriors(standings: Sequence[Standing]) -> str:
    """What is believed of each arm's difference to the baseline: density, 95 % of it, and the gate's interval."""
    reach = 1e4 * max((abs(one.mean) + 3.2 * one.sd for one in standings), default=1e-4)
    grid = np.linspace(-reach, reach, 400)
    with _drawn(0.7 * max(1, len(standings)) + 0.8) as (figure, (axes,)):
        for place, one in enumerate(reversed(standings)):
            mean, sd = 1e4 * one.mean, 1e4 * one.sd
            colour = LEARNED if one.mean - 1.96 * one.sd > 0 else DEFAULT if one.mean + 1.96 * one.sd < 0 else ARMS[1]
            density = 0.75 * np.exp(-0.5 * ((grid - mean) / sd) ** 2)
            axes.fill_between(grid, place, place + density, color=colour, alpha=0.25, linewidth=0)
            axes.plot([mean - 1.96 * sd, mean + 1.96 * sd], [place, place], color=colour, linewidth=2.2)
            axes.plot(mean, place, "o", color=colour, markersize=4)
            if one.low is not None and one.high is not None:
                low, high = max(1e4 * one.low, -reach), min(1e4 * one.high, reach)
                axes.plot([low, high], [place - 0.12] * 2, color=QUIET, linewidth=1.0)
            axes.text(
                reach * 1.03,
                place + 0.1,
                f"{one.counted}\nagainst {one.control}\nin {one.met:,} sessions, best with {one.best:.0%}",
                color=QUIET,
                fontsize=8,
            )
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_xlim(-reach, reach)
        axes.set_yticks(range(len(standings)), [one.arm for one in reversed(standings)])
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("difference to the baseline, bp of equity a unit")
        return _svg(figure)


def counts(events: Mapping[str, int]) -> str:
    """How many events of each type went over the streams."""
    told = sorted((item for item in events.items() if item[1]), key=lambda item: item[1])
    with _drawn(0.27 * len(told) + 0.5) as (figure, (axes,)):
        axes.barh([kind for kind, _ in told], [count for _, count in told], color=LEARNED, alpha=0.8, height=0.65)
        for place, (_, count) in enumerate(told):
            axes.text(count, place, f" {count:,}", va="center", color=QUIET)
        axes.grid(axis="y", visible=False)
        axes.margins(x=0.1)
        return _svg(figure)


def latencies(outcome: Outcome) -> str:
    """Milliseconds from the entry of ``params.updated`` to its application in trading."""
    values = np.array(list(outcome.latencies.values()))
    with _drawn(2.4) as (figure, (axes,)):
        if len(values):
            beyond = float(np.quantile(values, 0.99))
            axes.hist(np.minimum(values, beyond), bins=40, color=LEARNED, alpha=0.8)
            median = float(np.median(values))
            axes.axvline(median, color=INK, linewidth=1.0)
            axes.text(median, axes.get_ylim()[1], f" median {median:.1f} ms", va="top")
        axes.set_xlabel("ms (the last bar holds the slowest hundredth)")
        axes.set_ylabel("versions")
        return _svg(figure)


def _in_force(versions: Sequence[Version], sessions: Sequence[str]) -> tuple[np.ndarray, list[Version]]:
    """For each session the version that was in force when it began."""
    steps, place = [], 0
    for session in sessions:
        while place + 1 < len(versions) and versions[place + 1].session < session:
            place += 1
        steps.append(versions[place])
    return _days(sessions), steps


def _average(version: Version, name: str) -> float:
    for split in version.allocations:
        if name in split.parameters:
            return sum(arm.share * number(arm.values[name]) for arm in split.arms) / 10_000
    return number(version.values[name])


def _share_lines(steps: Sequence[Version], layer: str) -> dict[str, list[float]]:
    lines: dict[str, list[float]] = {}
    for place, version in enumerate(steps):
        for split in version.allocations:
            baseline = split.baseline(version.values)
            for arm in split.arms if split.layer == layer else []:
                if arm is not baseline:
                    line = lines.setdefault(label(arm, version.values), [math.nan] * len(steps))
                    line[place] = arm.share / 100
    return lines


def _days(sessions: Sequence[str]) -> np.ndarray:
    return np.array(sessions, dtype="datetime64[D]")


def _time_axis(axes: Axes) -> None:
    locator = dates.AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


@contextmanager
def _drawn(
    height: float, *, rows: int = 1, columns: int = 1, ratios: Sequence[float] | None = None
) -> Iterator[tuple[Figure, Sequence[Axes]]]:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False, height_ratios=ratios)
        yield figure, list(panels.flat)


def _svg(figure: Figure) -> str:
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    return drawn.getvalue()[drawn.getvalue().index("<svg") :]
