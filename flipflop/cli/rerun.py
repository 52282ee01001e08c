"""The command that trains a recorded run again and compares the results bit by bit: python -m flipflop.rerun."""

import argparse
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from flipflop.cli.exits import ExitStatus, exit_on_error
from flipflop.cli.plugin_option import add_plugin_option, load_plugins_of
from flipflop.config.combinations import validate
from flipflop.config.keys import with_settings
from flipflop.config.rules import ConfigError
from flipflop.core.result import RunResult
from flipflop.core.train import train
from flipflop.progress import Bar
from flipflop.records.arrays import Arrays, arrays_of
from flipflop.records.configs import config_of
from flipflop.records.record import FINISHED, Record, finite
from flipflop.results.load import load


def main(arguments: Sequence[str] | None = None) -> None:
    """Repeat the run that the command line names.

    Raises:
        SystemExit: SUCCESS if the results are the same, FAILURE if they are not, WRONG_INPUT if there is no such run or
            it cannot be repeated.
    """
    parser = argparse.ArgumentParser(
        prog="python -m flipflop.rerun",
        description="Train one run of a sweep again, from its record alone, and say whether its metrics, history and "
        "weights are bitwise the same. Exit code 0: they are; 1: they are not.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="outputs/sweeps/NAME or outputs/runs/STAMP")
    parser.add_argument("index", type=int, metavar="N", nargs="?", default=0, help="the run's index in runs.csv")
    add_plugin_option(parser)
    options = parser.parse_args(arguments)
    with exit_on_error():
        load_plugins_of(options)
        is_same = rerun(options.folder, options.index, Console())
    sys.exit(ExitStatus.SUCCESS if is_same else ExitStatus.FAILURE)


def rerun(folder: Path, index: int, console: Console) -> bool:
    """Train the run with this index again, print what differs, and return whether nothing does.

    Raises:
        ConfigError: there is no such run, or it cannot be repeated.
    """
    sweep = load(folder)
    record = sweep.run(index)
    if record.status not in FINISHED:
        raise ConfigError(f"run {index} of {folder} is {record.status}: it has no result to compare with")
    recorded = sweep.arrays(record)
    result, _ = train_again(record, console)
    differences = find_differences(record, recorded, result)
    if not differences:
        console.print(
            f"run {index} of {folder} is bitwise the same: {len(record.metrics)} metrics and "
            f"{sum(array.size for array in recorded.values()):,} numbers in {len(recorded)} arrays",
            highlight=False,
            soft_wrap=True,
        )
        return True
    console.print(f"run {index} of {folder} is not the same:", highlight=False, soft_wrap=True)
    for difference in differences:
        console.print(f"  {difference}", highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"sweep.yaml says where it was trained; this is numpy {np.__version__}, Python {platform.python_version()}, "
        f"{platform.machine()}. Other processors and numpy builds round differently.",
        highlight=False,
    )
    return False


def train_again(record: Record, console: Console, changes: Mapping[str, Any] | None = None) -> tuple[RunResult, Arrays]:
    """Train a recorded run again.

    Args:
        record: the run's record.
        console: where to show the progress.
        changes: {dotted key: value} of knobs to change in its config.

    Returns:
        The result, and the arrays that its record would have.

    Raises:
        ConfigError: this version cannot run its config.
    """
    config = with_settings(config_of(record), changes or {})
    validate(config)
    with Bar(console, f"run {record.index}") as bar:
        (result,) = train(
            [config],
            lambda step, *_: bar.show(step / config.regime.steps, lambda: f"{record.counts_in} {step:,}"),
        )
    return result, {name: stack[0] for name, stack in arrays_of([result]).items()}


def find_differences(record: Record, recorded: Arrays, result: RunResult) -> list[str]:
    """Compare a new result with a run's record and recorded arrays; return a line for each difference."""
    differences: list[str] = []
    if result.status != record.status:
        differences.append(f"status: {record.status} then, {result.status} now")
    now: dict[str, Any] = finite(result.metrics.by_name())
    for name, then in record.metrics.items():  # a version that computes further ones makes no run another
        if then != now.get(name):
            differences.append(f"{name}: {then} then, {now.get(name)} now")
    for name, stack in arrays_of([result]).items():
        before, after = recorded.get(name), stack[0]
        if before is None and name.startswith("snapshots."):
            continue  # the run kept none
        if before is None or before.shape != after.shape:
            differences.append(f"{name}: the shape differs")
        elif before.tobytes() != after.tobytes():
            are_both_nan = (before != before) & (after != after)
            count = int((~((before == after) | are_both_nan)).sum())
            largest = float(np.nanmax(np.abs(before.astype(float) - after.astype(float))))
            differences.append(f"{name}: {count} of {after.size} numbers differ, by at most {largest:.1e}")
    return differences
