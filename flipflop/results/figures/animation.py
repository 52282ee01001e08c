"""An animation of a run's training: the same test episode at successive snapshots of its nets."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from flipflop.records.record import Record
from flipflop.results.figures.labels import channels_of
from flipflop.results.figures.style import BLUE, VERMILION, grid, in_style, new_figure
from flipflop.results.figures.test_episode import plot_action, plot_events, right_steps
from flipflop.results.replay import Episode

FRAMES_PER_SECOND = 10
DOTS_PER_INCH = 90
COLOURS = 32  # in the GIF: enough for line plots


def gif(record: Record, moments: Sequence[int], episodes: Sequence[Episode]) -> bytes:
    """Return an animated GIF whose last frame stays for two seconds.

    Args:
        record: of the run.
        moments: the outer steps of the snapshots, one a frame.
        episodes: the test episode as the nets of each snapshot act in it.
    """
    frames = [_image(frame(record, moment, episode)) for moment, episode in zip(moments, episodes, strict=True)]
    palette = frames[-1].quantize(COLOURS)
    first, *rest = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in frames]
    content = io.BytesIO()
    durations = [1000 // FRAMES_PER_SECOND] * len(rest) + [2000]
    first.save(content, "GIF", save_all=True, append_images=rest, duration=durations, loop=0, optimize=True)
    return content.getvalue()


@in_style
def frame(record: Record, moment: int, episode: Episode) -> Figure:
    """Plot one frame: the episode after `moment` outer steps, on the same axes' limits in all frames."""
    figure = new_figure(7, 4.2)
    figure.suptitle(
        f"After {moment:,} {record.counts_in}s: mean pain {episode.pain.mean():.4f}, "
        f"{right_steps(episode)} (seed {record.config['seed']})",
        fontsize=10,
    )
    axes: NDArray[Any] = figure.subplots(3, 1, sharex=True, height_ratios=(1, 2, 1.4))
    plot_events(axes[0], episode, channels_of(record.config, episode.events.shape[1]))
    plot_action(axes[1], episode)
    t = np.arange(1, len(episode.pain) + 1)
    axes[2].plot(t, episode.pain, color=VERMILION, label="pain")
    if episode.predicted is not None:
        axes[2].plot(t, episode.predicted, color=BLUE, linestyle="--", label="predicted by M")
    axes[2].set_ylim(-0.05, 1.05)
    axes[2].set_ylabel("pain")
    axes[2].set_xlabel("time step")
    axes[2].set_xlim(0.5, len(t) + 0.5)
    grid(axes[2])
    handles = [*axes[1].get_legend_handles_labels()[0], *axes[2].get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


@in_style
def _image(figure: Figure) -> Image.Image:
    """Return a figure as an RGB image."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DOTS_PER_INCH)
    return Image.open(content).convert("RGB")
