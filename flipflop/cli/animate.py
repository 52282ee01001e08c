"""The command that animates a run: python -m flipflop.animate."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from flipflop.cli.exits import exit_on_error
from flipflop.cli.plugin_option import add_plugin_option, load_plugins_of
from flipflop.cli.rerun import find_differences, train_again
from flipflop.config.rules import ConfigError
from flipflop.core.nets.weights import Net
from flipflop.plurals import counted
from flipflop.records.arrays import Arrays
from flipflop.records.configs import config_of
from flipflop.records.files import write_atomically
from flipflop.records.nets import net_of, snapshots_of, with_last
from flipflop.records.record import Record
from flipflop.results.figures.animation import gif
from flipflop.results.load import Sweep, load
from flipflop.results.replay import Replay

MOST_FRAMES = 50  # as in the page's animation (its section Running)


def main(arguments: Sequence[str] | None = None) -> None:
    """Animate the run that the command line names.

    Raises:
        SystemExit: WRONG_INPUT if there is no such run, FAILURE if the file cannot be written, INTERRUPTED.
    """
    parser = argparse.ArgumentParser(
        prog="python -m flipflop.animate",
        description="Show one test episode of a run at moments of its training, as a GIF. A run trained with "
        "snapshots.every=k has snapshots; any other run is trained again from its record, bitwise the same.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="outputs/runs/STAMP or outputs/sweeps/NAME")
    parser.add_argument("index", type=int, metavar="N", nargs="?", default=0, help="the run's index in runs.csv")
    parser.add_argument(
        "--frames", type=int, default=MOST_FRAMES, help="the largest number of frames (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="the file to write (default: in DIR/figures/)")
    add_plugin_option(parser)
    options = parser.parse_args(arguments)
    with exit_on_error():
        if options.frames < 2:
            raise ConfigError(f"--frames={options.frames} is not allowed: it must be 2 or more")
        load_plugins_of(options)
        sweep = load(options.folder)
        path = options.out or options.folder / "figures" / f"run_{options.index}_learning.gif"
        animate(sweep, sweep.run(options.index), path, options.frames, Console())


def animate(sweep: Sweep, record: Record, path: Path, most_frames: int, console: Console) -> None:
    """Write a run's animation as a GIF.

    Args:
        sweep: the sweep of the run.
        record: the run's record.
        path: the file to write.
        most_frames: the largest number of frames, 2 or more.
        console: where to print progress and the file's name.

    Raises:
        ConfigError: the run has no weights, or cannot be trained again.
        OSError: the file cannot be written.
    """
    if path.is_dir():
        raise ConfigError(f"--out={path} is not allowed: it must be a file, and is a folder")
    replay = Replay(config_of(record, with_metrics=False))
    path.parent.mkdir(parents=True, exist_ok=True)
    moments, nets = _moments_of_training(record, sweep.arrays(record), most_frames, console)
    chosen = np.unique(np.linspace(0, len(moments) - 1, min(most_frames, len(moments))).round().astype(int))
    episodes = replay.fresh_episodes(nets[0].select(chosen), nets[1].select(chosen))
    content = gif(record, [moments[i] for i in chosen], episodes)
    write_atomically(path, content)
    console.print(
        f"{counted(len(chosen), 'frame')}, {len(content) / 1e6:.2f} MB: {path}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _moments_of_training(
    record: Record, arrays: Arrays, most_frames: int, console: Console
) -> tuple[list[int], list[Net]]:
    """Return the outer steps at which the weights are known, and controller and world model stacked over these steps.

    A run without snapshots is trained again to make them. The last moment is always the end of the training.
    """
    every = record.config.get("snapshots.every", 0)
    steps = record.metrics.get("stopped_at") or record.config["regime.steps"]
    if not every:
        every = -(-steps // (most_frames - 1))
        console.print(
            f"run {record.index} was trained without snapshots.every: it is trained again from its record",
            highlight=False,
        )
        arrays = _train_with_snapshots(record, arrays, every, console)
    moments = [*range(0, steps + 1, every)]
    names = ("controller", "world_model")
    nets = [snapshots_of(arrays, name, len(moments)) for name in names]
    if moments[-1] < steps:  # no snapshot was taken at the end, but every run keeps its final weights
        moments.append(steps)
        nets = [with_last(net, net_of(arrays, name)) for net, name in zip(nets, names, strict=True)]
    return moments, nets


def _train_with_snapshots(record: Record, recorded: Arrays, every: int, console: Console) -> Arrays:
    """Train a run again with snapshots, print whether the result is the same, and return the new arrays."""
    result, arrays = train_again(record, console, {"snapshots.every": every})
    differences = find_differences(record, recorded, result)
    console.print("bitwise the same" if not differences else "not bitwise the same on this machine", highlight=False)
    return arrays
