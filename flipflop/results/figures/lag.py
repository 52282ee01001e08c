"""Accuracy by the lag since the last event, and by the length of the test's episodes."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from flipflop.core.evaluate import ByLag
from flipflop.results.figures.panels import MOST_LINES, add_legend, add_title, groups_drawn, lay_out, trials_of
from flipflop.results.figures.style import in_style
from flipflop.results.load import Group, Sweep

Floats = NDArray[np.float64]


@in_style
def lag(sweep: Sweep, groups: Sequence[Group]) -> Figure | None:
    """Accuracy over the time steps since the last A or B, a group's runs pooled; None if no run has counted any."""
    correct, steps = (sweep.series(f"by_lag.{name}") for name in ByLag._fields)
    curves: list[Curve] = []
    for group in groups:
        members = [record.index for record in group.records if record.index in steps]
        if members and (asked := np.sum([steps[index] for index in members], axis=0)).any():
            at = np.flatnonzero(asked)
            right = np.sum([correct[index] for index in members], axis=0)
            curves.append((group, at.tolist(), (right[at] / asked[at]).tolist()))
    if not curves:
        return None
    figure, axes = _accuracies(curves, "time steps since the last A or B", "runs pooled", "in the longest test, by lag")
    most = max(max(bins) for _, bins, _ in curves)
    every = ceil((most + 1) / (8 if len(curves) <= MOST_LINES else 4))
    axes.set_xticks(range(0, most + 1, every), [_lags(number) for number in range(0, most + 1, every)])
    return figure


def _lags(number: int) -> str:
    """The lags of a bin (flipflop.core.evaluate.ByLag)."""
    first, last = (0, 0) if number == 0 else (2 ** (number - 1), 2**number - 1)
    return str(first) if first == last else f"{first}-{last}"


@in_style
def lengths(groups: Sequence[Group]) -> Figure | None:
    """Mean accuracy in the final evaluation over its length; None if no run was evaluated at a second one."""
    curves: list[Curve] = []
    for group in groups:
        config, trials = group.records[0].config, trials_of(group.records)
        names = {length: f"mean_accuracy_at_{length}" for length in config.get("eval.lengths", [])}
        names[config["eval.episode_length"]] = "mean_accuracy"
        told = {
            length: [trial.metrics[name] for trial in trials if trial.metrics.get(name) is not None]
            for length, name in sorted(names.items())
        }
        means = {length: float(np.mean(accuracies)) for length, accuracies in told.items() if accuracies}
        if len(means) > 1:
            curves.append((group, list(means), list(means.values())))
    if not curves:
        return None
    figure, axes = _accuracies(curves, "time steps of a test episode", "mean of runs", "over the length of the test")
    axes.set_xscale("log")
    return figure


Curve = tuple[Group, list[int], list[float]]  # a group's accuracies over something


def _accuracies(curves: Sequence[Curve], x_label: str, what: str, told: str) -> tuple[Figure, Axes]:
    """Curves of accuracy by group, and the axes whose scales all panels share."""
    names = [group.title for group, _, _ in curves]
    figure, places, looks = lay_out(names, MOST_LINES, 2.6, "accuracy", what, x_label)
    for (_, at, accuracy), place in zip(curves, places, strict=False):
        place.axes.plot(at, accuracy, color=place.color, linestyle=place.dash, marker="o", markersize=3)
    lowest = min(0.9, *(min(accuracy) for _, _, accuracy in curves))  # a narrower range would blow up trifles
    room = 0.04 * (1 - lowest)
    places[0].axes.set_ylim(lowest - room, 1 + room)
    add_legend(figure, looks)
    add_title(figure, f"Accuracy {told}: {groups_drawn(len(places), len(curves))}")
    return figure, places[0].axes
