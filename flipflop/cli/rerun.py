"""A run again, from its record alone: does the same come out, to the last bit?"""

import argparse
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from flipflop.cli.exits import ending
from flipflop.config.combinations import validate
from flipflop.config.keys import config_from, origins, with_settings
from flipflop.config.rules import ConfigError
from flipflop.config.schema import Config
from flipflop.core.result import RunResult
from flipflop.core.train import train
from flipflop.progress import Bar
from flipflop.records.arrays import Arrays, arrays_of
from flipflop.records.record import FINISHED, Record, finite
from flipflop.results.load import load


def main(arguments: Sequence[str] | None = None) -> None:
    """Repeat the run that the command line names.

    Raises:
        SystemExit: with exit code 1 if something else came out, 2 if there is no such run or it cannot be repeated.
    """
    parser = argparse.ArgumentParser(
        prog="python -m flipflop.rerun",
        description="Train one run of a sweep again, from its record alone, and say whether its metrics, history and "
        "weights are bitwise the same. Exit code 0: they are; 1: they are not.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="outputs/sweeps/NAME or outputs/runs/STAMP")
    parser.add_argument("index", type=int, metavar="N", nargs="?", default=0, help="the run's index in runs.csv")
    given = parser.parse_args(arguments)
    with ending():
        is_same = rerun(given.folder, given.index, Console())
    sys.exit(0 if is_same else 1)


def rerun(folder: Path, index: int, console: Console) -> bool:
    """Train the run with this index again and print what differs; True if nothing does.

    Raises:
        ConfigError: no such run, or one that cannot be repeated.
    """
    sweep = load(folder)
    record = sweep.run(index)
    if record.status not in FINISHED:
        raise ConfigError(f"run {index} of {folder} is {record.status}: it has no result to compare with")
    kept = sweep.arrays(record)
    result, _ = train_again(record, console)
    differences = differing(record, kept, result)
    if not differences:
        console.print(
            f"run {index} of {folder} is bitwise the same: {len(record.metrics)} metrics and "
            f"{sum(array.size for array in kept.values()):,} numbers in {len(kept)} arrays",
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
    """Train a recorded run again, with some knobs changed, by dotted key; its result, and as arrays of its own.

    Raises:
        ConfigError: its config cannot be run by this version.
    """
    config = with_settings(config_of(record), changes or {})
    with Bar(console, f"run {record.index}") as bar:
        (result,) = train(
            [config],
            lambda step, *_: bar.show(step / config.regime.steps, lambda: f"{record.counts_in} {step:,}"),
        )
    return result, {name: stack[0] for name, stack in arrays_of([result]).items()}


def config_of(record: Record) -> Config:
    """The config in a record, with the types of the schema.

    Raises:
        ConfigError: it cannot be run by this version.
    """
    try:
        config = config_from(record.config)
    except ConfigError as error:
        raise ConfigError(f"the record's config is not one of this flipflop: {error}") from error
    here = origins(config)
    for place in {**record.origins, **here}:
        then, now = (found.get(place, "flipflop") for found in (record.origins, here))
        if then != now:
            raise ConfigError(
                f"the record's {place} is from {then}, and what is here from {now}: they must be the same"
            )
    validate(config)
    return config


def differing(record: Record, kept: Arrays, result: RunResult) -> list[str]:
    """What of a result is not as its record has it, a line each."""
    differences: list[str] = []
    if result.status != record.status:
        differences.append(f"status: {record.status} then, {result.status} now")
    now: dict[str, Any] = finite(result.metrics.by_name())
    for name in dict.fromkeys([*record.metrics, *now]):
        if record.metrics.get(name) != now.get(name):
            differences.append(f"{name}: {record.metrics.get(name)} then, {now.get(name)} now")
    for name, stack in arrays_of([result]).items():
        then, again = kept.get(name), stack[0]
        if then is None and name.startswith(("snapshots.", "by_lag.")):
            continue  # the record has none, or is older than they are
        if then is None or then.shape != again.shape:
            differences.append(f"{name}: it has another shape")
        elif then.tobytes() != again.tobytes():
            count = int((~((then == again) | ((then != then) & (again != again)))).sum())
            largest = float(np.nanmax(np.abs(then.astype(float) - again.astype(float))))
            differences.append(f"{name}: {count} of {again.size} numbers differ, by at most {largest:.1e}")
    return differences
