"""A run learning: the same test episode after more and more outer steps, as an animated GIF."""

import argparse
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from flipflop.config import ConfigError, step_of
from flipflop.results.figures_of_run import draw_events, draw_latch
from flipflop.results.load import Sweep, load
from flipflop.results.replay import Episode, fresh_episodes, net_of, snapshots_of, with_last
from flipflop.results.style import BLUE, VERMILION, grid, in_style, new_figure
from flipflop.sweep.endings import ending
from flipflop.sweep.files import write_whole
from flipflop.sweep.progress import counted
from flipflop.sweep.records import Arrays, Record
from flipflop.sweep.rerun import differing, train_again

MOST_FRAMES = 50  # the page's animation has as many (Running)
FRAMES_PER_SECOND = 10
DOTS_PER_INCH = 90
COLOURS = 32  # of the GIF: a line drawing needs no more


def main(arguments: Sequence[str] | None = None) -> None:
    """Animate the run that the command line names.

    Raises:
        SystemExit: with exit code 2 if there is no such run, 1 if the file cannot be written, 130 if interrupted.
    """
    parser = argparse.ArgumentParser(
        prog="python -m flipflop.animate",
        description="Show one test episode of a run at snapshots during its training, as a GIF. A run trained with "
        "snapshots.every=k has them; any other is trained again from its record, and is bitwise the same.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="outputs/runs/STAMP or outputs/sweeps/NAME")
    parser.add_argument("index", type=int, metavar="N", nargs="?", default=0, help="the run's index in runs.csv")
    parser.add_argument("--frames", type=int, default=MOST_FRAMES, help="at most so many (default: %(default)s)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the GIF (default: in DIR/figures/)")
    given = parser.parse_args(arguments)
    with ending():
        if given.frames < 2:
            raise ConfigError(f"--frames={given.frames} is not allowed: it must be 2 or more")
        sweep = load(given.folder)
        path = given.out or given.folder / "figures" / f"run_{given.index}_learning.gif"
        animate(sweep, sweep.run(given.index), path, given.frames, Console())


def animate(sweep: Sweep, record: Record, path: Path, most_frames: int, console: Console) -> None:
    """Write a run's animation.

    Raises:
        ConfigError: the run has no weights, or cannot be trained again.
        OSError: the file cannot be written.
    """
    if path.is_dir():
        raise ConfigError(f"--out={path} is not allowed: it must be a file, and is a folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = sweep.arrays(record)
    every = record.config.get("snapshots.every", 0)
    steps = record.metrics.get("stopped_at") or record.config["regime.steps"]
    if not every:
        every = -(-steps // (most_frames - 1))
        console.print(
            f"run {record.index} was trained without snapshots.every: it is trained again from its record",
            highlight=False,
        )
        arrays = _trained_again(record, arrays, every, console)
    moments = [*range(0, steps + 1, every)]
    nets = [snapshots_of(arrays, name, len(moments)) for name in ("controller", "world_model")]
    if moments[-1] < steps:  # the end is no snapshot, but the weights of every run
        moments.append(steps)
        nets = [
            with_last(net, net_of(arrays, name)) for net, name in zip(nets, ("controller", "world_model"), strict=True)
        ]
    chosen = np.unique(np.linspace(0, len(moments) - 1, min(most_frames, len(moments))).round().astype(int))
    episodes = fresh_episodes(nets[0].select(chosen), nets[1].select(chosen), record.config)
    content = gif(record, [moments[i] for i in chosen], episodes)
    write_whole(path, content)
    console.print(
        f"{counted(len(chosen), 'frame')}, {len(content) / 1e6:.2f} MB: {path}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _trained_again(record: Record, kept: Arrays, every: int, console: Console) -> Arrays:
    """The run's arrays with snapshots, after seeing that it is the same run."""
    result, arrays = train_again(record, console, {"snapshots.every": every})
    differences = differing(record, kept, result)
    console.print("bitwise the same" if not differences else "not bitwise the same on this machine", highlight=False)
    return arrays


def gif(record: Record, moments: Sequence[int], episodes: Sequence[Episode]) -> bytes:
    """The frames as an animated GIF, the last one held for two seconds."""
    frames = [_image(frame(record, moment, episode)) for moment, episode in zip(moments, episodes, strict=True)]
    palette = frames[-1].quantize(COLOURS)
    first, *rest = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in frames]
    content = io.BytesIO()
    durations = [1000 // FRAMES_PER_SECOND] * len(rest) + [2000]
    first.save(content, "GIF", save_all=True, append_images=rest, duration=durations, loop=0, optimize=True)
    return content.getvalue()


@in_style
def frame(record: Record, moment: int, episode: Episode) -> Figure:
    """One moment of the training: the axes are the same for all."""
    figure = new_figure(7, 4.2)
    figure.suptitle(
        f"After {moment:,} {step_of(record.config)}s: mean pain {episode.pain.mean():.4f}, "
        f"{episode.accuracy:.0%} of its time steps right (seed {record.config['seed']})",
        fontsize=10,
    )
    axes: NDArray[Any] = figure.subplots(3, 1, sharex=True, height_ratios=(1, 2, 1.4))
    draw_events(axes[0], episode)
    draw_latch(axes[1], episode)
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
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DOTS_PER_INCH)
    return Image.open(content).convert("RGB")
