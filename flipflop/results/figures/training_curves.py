"""The figure of one run's training: pain, loss and accuracy over outer steps."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from flipflop.records.arrays import Arrays
from flipflop.records.record import Record
from flipflop.results.figures.labels import accuracy_label, pain_label
from flipflop.results.figures.style import BLACK, BLUE, grid, in_style, new_figure
from flipflop.results.figures.titles import add_title, run_title

Floats = NDArray[np.floating]
MEDIAN_WINDOW = 1 / 60  # of the training, over which the moving median is taken
MOST_BINS = 500  # over which the range of a curve is plotted


@in_style
def training_curves(record: Record, arrays: Arrays) -> Figure:
    """Plot pain, the world model's loss if there is one, and accuracy over training."""
    labels = {
        "pain": pain_label(record.config),
        "world_model_loss": "loss of M\n(½ squared error)",
        "accuracy": accuracy_label(record.config),
    }
    if not np.isfinite(arrays["world_model_loss"]).any():  # nothing that M learned from
        del labels["world_model_loss"]
    figure = new_figure(7, 2 * len(labels))
    add_title(figure, f"Training, {run_title(record)}")
    every = record.config["history.every"]
    steps = every * np.arange(1, len(arrays["pain"]) + 1)
    warmup = record.config.get("method.warmup_steps", 0)
    axes: NDArray[Any] = figure.subplots(len(labels), 1, sharex=True)
    for (name, label), ax in zip(labels.items(), axes, strict=True):
        series = arrays[name].astype(float)
        _plot_series(ax, steps, series)
        ax.set_ylabel(label)
        grid(ax)
        if name == "accuracy":
            ax.set_ylim(-0.03, 1.03)
        else:
            ax.set_yscale("log", nonpositive="mask")
        if 0 < warmup < record.config["regime.steps"]:
            ax.axvline(warmup, color=BLACK, linestyle=":", linewidth=1, label="C begins to learn")
    axes[-1].set_xlabel(record.counts_in)
    axes[-1].set_xlim(0, record.config["regime.steps"])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _plot_series(ax: Axes, steps: Floats, series: Floats) -> None:
    """Plot a series: its range in each of at most MOST_BINS bins, which is what all points would show, and its median.

    Args:
        ax: where to plot.
        steps: (n,), outer steps.
        series: (n,), values at these steps.
    """
    size = -(-len(series) // MOST_BINS)
    starts = np.arange(0, len(series), size)
    middles = np.minimum(starts + size // 2, len(series) - 1)
    low, high = np.fmin.reduceat(series, starts), np.fmax.reduceat(series, starts)
    ax.fill_between(steps[middles], low, high, color="0.78", linewidth=0.5, label="range of outer steps")
    ax.plot(steps[middles], moving_median(series)[middles], color=BLUE, linewidth=1.6, label="moving median")
    if len(series) == 1:
        ax.plot(steps, series, color=BLUE, marker="o")


def moving_median(series: Floats) -> Floats:
    """Return the moving median over MEDIAN_WINDOW of a series, NaN where a whole window is NaN.

    The window is shorter at the ends. The result has the shape of the series, (n,).
    """
    half = int(len(series) * MEDIAN_WINDOW / 2)
    padded = np.concatenate([np.full(half, np.nan), series, np.full(half, np.nan)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    median = np.full(len(series), np.nan)
    has_values = ~np.isnan(windows).all(axis=1)
    median[has_values] = np.nanmedian(windows[has_values], axis=1)
    return median
