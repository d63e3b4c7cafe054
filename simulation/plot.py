"""The curves of power as a figure: one panel a learner and share, one curve an effect."""

from collections.abc import Sequence

from matplotlib import rcParams
from matplotlib.figure import Figure

from simulation.power import Power, by_curve, named

COLUMNS = 3


def plot(cells: Sequence[Power]) -> Figure:
    """Found shares over the number of units; the line is at 90 %."""
    rcParams.update({"svg.hashsalt": "results", "svg.fonttype": "none"})
    curves = by_curve(cells)
    titles = list(dict.fromkeys(named(learner, share) for learner, share, _ in curves))
    units = sorted({one.units for one in cells})
    columns = min(COLUMNS, len(titles))
    rows = -(-len(titles) // columns)
    figure = Figure(figsize=(3.1 * columns, 0.6 + 2.2 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for (learner, share, effect), found in curves.items():
        panel = panels[titles.index(named(learner, share))]
        panel.plot(
            [one.units for one in found], [one.found / one.runs for one in found], marker=".", label=f"{effect:g} sd"
        )
    for panel, title in zip(panels, titles, strict=False):
        panel.set_title(title, fontsize=9)
        panel.set(xscale="log", ylim=(-0.03, 1.03))
        panel.set_xticks(units, [f"{one:,}" for one in units], fontsize=7)
        panel.minorticks_off()
        panel.axhline(0.9, color="0.8", linewidth=0.8)
    for panel in panels[len(titles) :]:
        panel.set_axis_off()
    panels[0].legend(fontsize=7)
    figure.supxlabel("units", fontsize=9)
    figure.supylabel("found", fontsize=9)
    return figure
