"""The figure of the pain that the world model predicts for every action, in each of the page's latch contexts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from flipflop.records.record import Record
from flipflop.results.figures.style import BLACK, BLUE, ORANGE, VERMILION, grid, in_style, new_figure
from flipflop.results.figures.titles import add_title, run_title
from flipflop.results.replay import ACTIONS, Landscape

Floats = NDArray[np.floating]


@in_style
def pain_landscape(record: Record, views: Sequence[Landscape]) -> Figure:
    """Plot M's predicted pain and the true pain over the action, one panel for each situation of the world.

    Args:
        record: of the run.
        views: of its world model, from `flipflop.results.replay.Replay.landscapes`.
    """
    figure = new_figure(11, 3.8)
    add_title(figure, f"Pain landscape: what M predicts for every action, {run_title(record)}")
    axes: NDArray[Any] = figure.subplots(1, len(views), sharey=True, squeeze=False)[0]
    for view, ax in zip(views, axes, strict=True):
        ax.plot(ACTIONS, view.predicted, color=BLUE, linewidth=1.8, label="predicted by M")
        ax.plot(ACTIONS, view.true, color=BLACK, linestyle="--", linewidth=1, label="true pain")
        ax.axvline(view.desired, color=VERMILION, linestyle=":", linewidth=2, label="desired", clip_on=False)
        best = int(view.predicted.argmin())
        ax.plot(
            ACTIONS[best],
            view.predicted[best],
            marker="o",
            linestyle="",
            color=ORANGE,
            markeredgecolor=BLACK,
            clip_on=False,
            zorder=5,
            label="M's minimum",
        )
        ax.set_title(view.context, fontsize=9)
        ax.set_xlabel(f"action y\n\n|minimum - desired| {view.distance:.3f}\nRMSE of M {view.error:.3f}")
        ax.set_xlim(-0.03, 1.03)
        ax.set_xticks([0, 0.5, 1])
        grid(ax)
    axes[0].set_ylabel("pain")
    axes[0].set_ylim(-0.03, 1.05)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
