"""The arrays of a block of runs: history, weights and snapshots, one row per run, read without pickle."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flipflop.config.rules import ConfigError
from flipflop.core.evaluate import ByLag
from flipflop.core.nets.weights import ReadOut, Weights
from flipflop.core.result import RunResult
from flipflop.records.files import checksum
from flipflop.records.record import Record
from flipflop.records.store import damaged_blocks

Arrays = dict[str, NDArray[np.generic]]


def load_arrays(home: Path, record: Record) -> Arrays:
    """Return the arrays of one run, {name: its row of the array in its block's file}.

    Args:
        home: the folder that holds the run's record.
        record: the run's record.

    Raises:
        ConfigError: the run has no arrays, or the file is missing or damaged.
    """
    return {name: rows[record.slot] for name, rows in load_block(home, record).items()}


def load_block(home: Path, record: Record, names: Sequence[str] | None = None) -> Arrays:
    """Return the arrays of all runs of a run's block, one row per slot.

    Args:
        home: the folder that holds the run's record.
        record: the record of any run of the block.
        names: the arrays to read, as far as the file has them; None for all.

    Raises:
        ConfigError: the run has no arrays, or the file is missing or damaged.
    """
    if record.block is None:
        raise ConfigError(f"run {record.index} is {record.status}: it has left no history and no weights")
    for problem in damaged_blocks(home, [record]).values():
        raise ConfigError(problem)
    with np.load(home / "blocks" / f"{record.block}.npz", allow_pickle=False) as block:
        return {name: block[name] for name in block.files if names is None or name in names}


def arrays_of(results: Sequence[RunResult]) -> Arrays:
    """Stack the results of a block's R runs, of one structure, into arrays whose first axis is the run.

    These are history (R, kept outer steps), counts by lag (R, bins) where lag means something, weights and snapshots
    (R, ...); outputs/README.md lists their names and shapes.
    """
    arrays: Arrays = {}
    for name in vars(results[0].history):
        arrays[name] = np.stack([getattr(result.history, name) for result in results])
    if results[0].by_lag is not None:
        for name in ByLag._fields:
            arrays[f"by_lag.{name}"] = np.stack([getattr(result.by_lag, name) for result in results])
    for net in ("controller", "world_model"):
        for name in Weights._fields:
            arrays[f"{net}.{name}"] = np.stack([getattr(getattr(result, net), name) for result in results])
            if results[0].snapshots is not None:
                kept = [getattr(getattr(result.snapshots, net), name) for result in results]
                arrays[f"snapshots.{net}.{name}"] = np.stack(kept)
    if results[0].controller_sigma is not None:
        for name in ReadOut._fields:
            arrays[f"controller_sigma.{name}"] = np.stack([getattr(r.controller_sigma, name) for r in results])
    return arrays


def block_name(keys: Sequence[str]) -> str:
    """Return the ID of a block of runs with these keys, by which its files are named."""
    return checksum("".join(keys).encode())
