"""The figures of accuracy over the lag since the last event, and over the length of the test's episodes."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from flipflop.core.evaluate import ByLag
from flipflop.results.figures.labels import lag_label
from flipflop.results.figures.panels import MOST_LINES, add_legend, lay_out
from flipflop.results.figures.style import in_style
from flipflop.results.figures.titles import add_title, groups_shown
from flipflop.results.load import Group, Sweep

Floats = NDArray[np.float64]
Curve = tuple[Group, list[int], list[float]]  # a group, the values of the x-axis, and its accuracies there


@in_style
def lag(sweep: Sweep, groups: Sequence[Group]) -> Figure | None:
    """Plot accuracy over the time steps since the last A or B, pooled over a group's runs; None without such counts."""
    correct, steps = (sweep.series(f"by_lag.{name}") for name in ByLag._fields)
    curves: list[Curve] = []
    for group in groups:
        members = [record.index for record in group.records if record.index in steps]
        if members and (asked := np.sum([steps[index] for index in members], axis=0)).any():
            bins = np.flatnonzero(asked)
            right = np.sum([correct[index] for index in members], axis=0)
            curves.append((group, bins.tolist(), (right[bins] / asked[bins]).tolist()))
    if not curves:
        return None
    figure, axes = _plot_curves(
        curves, lag_label(groups[0].records[0].config), "runs pooled", "in the longest test, by lag"
    )
    last = max(max(bins) for _, bins, _ in curves)
    every = ceil((last + 1) / (8 if len(curves) <= MOST_LINES else 4))
    axes.set_xticks(range(0, last + 1, every), [_lags(number) for number in range(0, last + 1, every)])
    return figure


def _lags(number: int) -> str:
    """Return the lags of a bin of `flipflop.core.evaluate.ByLag`: `0`, `1`, `2-3`, `4-7`, ..."""
    first, last = (0, 0) if number == 0 else (2 ** (number - 1), 2**number - 1)
    return str(first) if first == last else f"{first}-{last}"


@in_style
def lengths(groups: Sequence[Group]) -> Figure | None:
    """Plot the mean accuracy of the final evaluation over the length of its episodes; None if there is one length."""
    curves: list[Curve] = []
    for group in groups:
        config, trials = group.records[0].config, group.trials
        names = {length: f"mean_accuracy_at_{length}" for length in config.get("eval.lengths", [])}
        names[config["eval.episode_length"]] = "mean_accuracy"
        accuracies = {
            length: [trial.metrics[name] for trial in trials if trial.metrics.get(name) is not None]
            for length, name in sorted(names.items())
        }
        means = {length: float(np.mean(values)) for length, values in accuracies.items() if values}
        if len(means) > 1:
            curves.append((group, list(means), list(means.values())))
    if not curves:
        return None
    figure, axes = _plot_curves(curves, "time steps of a test episode", "mean of runs", "over the length of the test")
    axes.set_xscale("log")
    return figure


def _plot_curves(curves: Sequence[Curve], x_label: str, line_label: str, over: str) -> tuple[Figure, Axes]:
    """Plot curves of accuracy, one for each group.

    Args:
        curves: of the groups.
        x_label: of the x-axes.
        line_label: what a line shows, as for `lay_out`.
        over: the end of the title `Accuracy ...`.

    Returns:
        The figure, and the axes whose scales all panels share.
    """
    names = [group.title for group, _, _ in curves]
    figure, places, entries = lay_out(names, MOST_LINES, 2.6, "accuracy", line_label, x_label)
    for (_, x, accuracy), place in zip(curves, places, strict=False):
        place.axes.plot(x, accuracy, color=place.color, linestyle=place.dash, marker="o", markersize=3)
    # The range is .1 at least: a narrower one would exaggerate small differences.
    lowest = min(0.9, *(min(accuracy) for _, _, accuracy in curves))
    margin = 0.04 * (1 - lowest)
    places[0].axes.set_ylim(lowest - margin, 1 + margin)
    add_legend(figure, entries)
    add_title(figure, f"Accuracy {over}: {groups_shown(len(places), len(curves))}")
    return figure, places[0].axes
