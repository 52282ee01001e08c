"""The figure of one test episode of a trained run: events, desired action, action and pain."""

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from flipflop.records.record import Record
from flipflop.results.figures.labels import channels_of
from flipflop.results.figures.style import BLACK, BLUE, ORANGE, VERMILION, grid, in_style, new_figure
from flipflop.results.figures.titles import add_title, run_title
from flipflop.results.replay import Episode

Floats = NDArray[np.floating]


@in_style
def test_episode(record: Record, episode: Episode) -> Figure:
    """Plot an episode after training: its events, the desired action and C's, the pain and M's prediction."""
    figure = new_figure(8, 5.5)
    add_title(figure, f"One test episode after training, {run_title(record)}: {right_steps(episode)}")
    axes: NDArray[Any] = figure.subplots(3, 1, sharex=True, height_ratios=(1, 2, 2))
    t = np.arange(1, len(episode.desired) + 1)
    plot_events(axes[0], episode, channels_of(record.config, episode.events.shape[1]))
    plot_action(axes[1], episode)
    axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1))

    axes[2].plot(t, episode.pain, color=VERMILION, label="pain")
    if episode.predicted is not None:
        axes[2].plot(t, episode.predicted, color=BLUE, linestyle="--", label="pain predicted\nby M")
    axes[2].set_ylabel("pain")
    top = axes[2].get_ylim()[1]
    axes[2].set_ylim(-0.04 * top, top)  # room below, so that a pain of 0 is not hidden by the axis
    axes[2].set_xlabel("time step")
    axes[2].legend(loc="upper left", bbox_to_anchor=(1, 1))
    grid(axes[2])
    axes[2].set_xlim(0.5, len(t) + 0.5)
    return figure


def right_steps(episode: Episode) -> str:
    """Return the part of a title that says how many time steps of an episode are right, of those that are judged."""
    if episode.asked is None:
        return f"{episode.accuracy:.0%} of its time steps right"
    if not episode.asked.any():
        return "none of its time steps judged"
    return f"{episode.accuracy:.0%} of its judged time steps right"


def plot_events(ax: Axes, episode: Episode, channels: Sequence[str]) -> None:
    """Plot a mark for each event, in one row for each channel."""
    number = len(channels)
    # Arrows say where the latch goes; what another world's channels mean is not known here.
    is_latch = list(channels) == ["A", "B", "X"]
    markers = cycle("v^" if is_latch else "osd*p")
    for row, channel in enumerate(channels):
        marker = "x" if channel == "X" else next(markers)
        at = np.flatnonzero(episode.events[:, row]) + 1
        ax.plot(at, np.full(len(at), row), linestyle="", marker=marker, color=BLACK, markersize=5)
    meaning = {"A": "A (to 0)", "B": "B (to 1)"} if is_latch else {}
    ax.set_yticks(range(number), [meaning.get(channel, channel) for channel in channels])
    ax.set_ylim(number - 0.4, -0.6)
    ax.set_ylabel("event")
    ax.tick_params(axis="y", length=0)


def plot_action(ax: Axes, episode: Episode) -> None:
    """Plot the desired action, such as the latch, as a step function, and the action as dots on a line."""
    t = np.arange(1, len(episode.desired) + 1)
    ax.step(t, episode.desired, where="mid", color=BLACK, linewidth=1.2, label="desired action")
    ax.plot(t, episode.actions, color=ORANGE, marker="o", markersize=3, linewidth=1, label="action y")
    ax.set_ylim(-0.08, 1.08)
    ax.set_ylabel("action")
    grid(ax)
