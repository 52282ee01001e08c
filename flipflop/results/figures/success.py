"""The success rate of each group with its interval, beside the paper's claim."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from flipflop.progress import counted
from flipflop.results.figures.panels import add_legend, add_title, groups_drawn, trials_of, wrapped
from flipflop.results.figures.style import BLUE, VERMILION, in_style, new_figure
from flipflop.results.load import Group
from flipflop.results.paper import claim_of
from flipflop.statistics import wilson

Floats = NDArray[np.float64]
MOST_ROWS = 40  # of the figure of success


@in_style
def success(groups: Sequence[Group]) -> Figure:
    """Each group's success rate with its 95% Wilson interval, and under it what the paper claims for its regime."""
    drawn = groups[:MOST_ROWS]
    names = [wrapped(group.title, 44) for group in drawn]
    heights = [max(0.44, 0.16 * (name.count("\n") + 1) + 0.1) for name in names]
    middles = [sum(heights[:row]) + height / 2 for row, height in enumerate(heights)]  # in inches from the top

    figure = new_figure(8, sum(heights) + 1.6)
    axes = figure.subplots()
    for group, middle in zip(drawn, middles, strict=True):
        trials = trials_of(group.records)
        successes = sum(record.metrics["success"] for record in trials)
        claim = claim_of(group.records[0].config)
        shift = 0.09 if claim else 0.0
        if trials:
            _interval(axes, successes, len(trials), middle - shift, BLUE, "o", "-")
        else:
            axes.text(0.5, middle - shift, "no trial", ha="center", va="center", color="0.3")
            axes.text(1.03, middle - shift, "0/0", va="center", color=BLUE, fontsize=8)
        if claim:
            _interval(axes, claim.successes, claim.trials, middle + shift, VERMILION, "D", "--")
    for edge in np.cumsum(heights)[:-1]:
        axes.axhline(edge, color="0.9", linewidth=0.6)
    axes.set_yticks(middles, names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(sum(heights), 0)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xticks(np.linspace(0, 1, 6), [f"{tick:.0%}" for tick in np.linspace(0, 1, 6)])
    axes.set_xlabel("success rate (share of trials), with 95% Wilson interval")
    axes.grid(axis="x", color="0.9", linewidth=0.6)

    looks = [Line2D([], [], color=BLUE, marker="o", label="this sweep")]
    compared = [group.records[0].config for group in drawn if claim_of(group.records[0].config)]
    if compared:
        same = dict.fromkeys("version" if settings["method.name"] == "rtrl_1990" else "regime" for settings in compared)
        label = f"the paper's claim, same {' or '.join(same)}"
        looks.append(Line2D([], [], color=VERMILION, marker="D", markersize=5, ls="--", label=label))
    add_legend(figure, looks)
    runs = sum(len(group.records) for group in groups)
    trials_of_all = sum(len(trials_of(group.records)) for group in groups)
    failed = f"; {runs - trials_of_all:,} failed, no trials" if runs > trials_of_all else ""
    add_title(
        figure, f"Success rate: {counted(trials_of_all, 'trial')}, {groups_drawn(len(drawn), len(groups))}{failed}"
    )
    return figure


def _interval(axes: Axes, successes: int, trials: int, y: float, color: str, marker: str, dash: str) -> None:
    """A rate as a marker in its interval, and as numbers at the right."""
    low, high = wilson(successes, trials)
    axes.plot([low, high], [y, y], dash, color=color, linewidth=1.5)
    axes.plot([successes / trials], [y], marker, color=color, markersize=5 if marker == "D" else 6, clip_on=False)
    axes.text(1.03, y, f"{successes}/{trials}", va="center", color=color, fontsize=8)
