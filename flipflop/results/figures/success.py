"""The figure of each group's success rate with its interval, beside the paper's claim."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from flipflop.plurals import counted
from flipflop.results.figures.panels import add_legend
from flipflop.results.figures.style import BLUE, VERMILION, in_style, new_figure
from flipflop.results.figures.titles import add_title, groups_shown, wrap_text
from flipflop.results.load import Group
from flipflop.results.paper import claim_of
from flipflop.statistics import wilson

MOST_ROWS = 40  # groups in the figure


@in_style
def success(groups: Sequence[Group]) -> Figure:
    """Plot each group's success rate with its 95% Wilson interval, and below it the paper's claim for its regime."""
    shown = groups[:MOST_ROWS]
    names = [wrap_text(group.title, 44) for group in shown]
    heights = [max(0.44, 0.16 * (name.count("\n") + 1) + 0.1) for name in names]
    middles = [sum(heights[:row]) + height / 2 for row, height in enumerate(heights)]  # in inches from the top

    figure = new_figure(8, sum(heights) + 1.6)
    axes = figure.subplots()
    for group, middle in zip(shown, middles, strict=True):
        _plot_row(axes, group, middle)
    for edge in np.cumsum(heights)[:-1]:
        axes.axhline(edge, color="0.9", linewidth=0.6)
    axes.set_yticks(middles, names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(sum(heights), 0)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xticks(np.linspace(0, 1, 6), [f"{tick:.0%}" for tick in np.linspace(0, 1, 6)])
    axes.set_xlabel("success rate (share of trials), with 95% Wilson interval")
    axes.grid(axis="x", color="0.9", linewidth=0.6)

    entries = [Line2D([], [], color=BLUE, marker="o", label="this sweep")]
    compared = [group.records[0].config for group in shown if claim_of(group.records[0].config)]
    if compared:
        same = dict.fromkeys("version" if settings["method.name"] == "rtrl_1990" else "regime" for settings in compared)
        label = f"the paper's claim, same {' or '.join(same)}"
        entries.append(Line2D([], [], color=VERMILION, marker="D", markersize=5, ls="--", label=label))
    add_legend(figure, entries)
    runs = sum(len(group.records) for group in groups)
    trials = sum(len(group.trials) for group in groups)
    failed = f"; {runs - trials:,} failed, no trials" if runs > trials else ""
    add_title(figure, f"Success rate: {counted(trials, 'trial')}, {groups_shown(len(shown), len(groups))}{failed}")
    return figure


def _plot_row(axes: Axes, group: Group, middle: float) -> None:
    """Plot a group's rate and the claim for it around a height `middle`, in inches from the top."""
    trials = group.trials
    claim = claim_of(group.records[0].config)
    shift = 0.09 if claim else 0.0
    if trials:
        successes = sum(record.metrics["success"] for record in trials)
        _plot_rate(axes, successes, len(trials), middle - shift, BLUE, "o", "-")
    else:
        axes.text(0.5, middle - shift, "no trial", ha="center", va="center", color="0.3")
        axes.text(1.03, middle - shift, "0/0", va="center", color=BLUE, fontsize=8)
    if claim:
        _plot_rate(axes, claim.successes, claim.trials, middle + shift, VERMILION, "D", "--")


def _plot_rate(axes: Axes, successes: int, trials: int, y: float, color: str, marker: str, dash: str) -> None:
    """Plot a rate as a marker in its interval, and write its counts at the right."""
    low, high = wilson(successes, trials)
    axes.plot([low, high], [y, y], dash, color=color, linewidth=1.5)
    axes.plot([successes / trials], [y], marker, color=color, markersize=5 if marker == "D" else 6, clip_on=False)
    axes.text(1.03, y, f"{successes}/{trials}", va="center", color=color, fontsize=8)
