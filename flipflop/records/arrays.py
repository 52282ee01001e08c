"""The arrays that a block of runs leaves, one row per run, read without pickle."""

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
    """A run's own arrays, its rows of its block's file.

    Raises:
        ConfigError: it has none, or they are not as they were written.
    """
    return {name: rows[record.slot] for name, rows in load_block(home, record).items()}


def load_block(home: Path, record: Record, names: Sequence[str] | None = None) -> Arrays:
    """The arrays of all runs of a run's block, one row per slot; of `names`, those it has, alone if given.

    Raises:
        ConfigError: the run has none, or they are not as they were written.
    """
    if record.block is None:
        raise ConfigError(f"run {record.index} is {record.status}: it has left no history and no weights")
    for problem in damaged_blocks(home, [record]).values():
        raise ConfigError(problem)
    with np.load(home / "blocks" / f"{record.block}.npz", allow_pickle=False) as block:
        return {name: block[name] for name in block.files if names is None or name in names}


def arrays_of(results: Sequence[RunResult]) -> Arrays:
    """A block's arrays, stacked over its runs: history (R, kept steps), counts by lag, weights, snapshots (R, ...)."""
    arrays: Arrays = {}
    for name in vars(results[0].history):
        arrays[name] = np.stack([getattr(result.history, name) for result in results])
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
    """What files of a block of these runs are called."""
    return checksum("".join(keys).encode())
