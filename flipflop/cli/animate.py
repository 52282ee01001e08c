"""The command that animates a run: python -m flipflop.animate."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from flipflop.cli.exits import ending
from flipflop.cli.rerun import differing, train_again
from flipflop.config.rules import ConfigError
from flipflop.progress import counted
from flipflop.records.arrays import Arrays
from flipflop.records.files import write_atomically
from flipflop.records.record import Record
from flipflop.results.figures.animation import gif
from flipflop.results.load import Sweep, load
from flipflop.results.replay import fresh_episodes, net_of, snapshots_of, with_last

MOST_FRAMES = 50  # the page's animation has as many (Running)


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
    write_atomically(path, content)
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
