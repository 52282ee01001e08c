"""Blocks in training, on disk: their state from time to time, so that a process that dies loses little work.

A block's state is kept in unfinished/ID.state of the sweep's folder, an npz with a checksum: one row per run, with the
runs' keys. Whatever block some of these runs are in later can go on from there.
"""

import errno
import io
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from flipflop.core.training.block import State
from flipflop.records.files import checksum, write_atomically

CHECKSUM_BYTES = 16  # at the end of the file, of all that is before


class BlockCheckpoint:
    """Keeps the state of one block in a file, or takes it from an earlier block's (flipflop.core.block.Checkpoint)."""

    def __init__(self, path: Path, keys: Sequence[str], seconds: float, source: Path | None = None) -> None:
        """Make the checkpoint of a block of runs.

        Args:
            path: the file.
            keys: of the runs, in the block's order.
            seconds: from one state to the next.
            source: the file of an earlier block in which these runs were, if there was one.
        """
        self.path, self.keys, self.seconds, self.source = path, list(keys), seconds, source
        self.was_loaded = False
        self._is_trusted = True
        self._due = time.monotonic() + seconds

    def load(self) -> State | None:
        """The rows of these runs; None if there is no state of them that can be read."""
        self._due = time.monotonic() + self.seconds  # by the clock of the machine that trains
        for path in (self.path, self.source) if self._is_trusted else ():
            if path is not None and (state := _read(path)) is not None:
                rows = {key: row for row, key in enumerate(state.pop("keys").tolist())}
                if rows.keys() >= set(self.keys):
                    self.was_loaded = True
                    chosen = [rows[key] for key in self.keys]
                    return {name: array if array.ndim == 0 else array[chosen] for name, array in state.items()}
        return None

    def forget(self) -> None:
        """Load nothing any more: nothing could go on from what was loaded."""
        self.was_loaded = self._is_trusted = False

    def offer(self, take: Callable[[], State]) -> None:
        """Write the state if the last one is old enough; a full disk is for the sweep's own process to report."""
        if time.monotonic() < self._due:
            return
        content = io.BytesIO()
        np.savez(content, **take(), keys=np.array(self.keys))  # type: ignore[arg-type]
        state = content.getvalue()
        with suppress(OSError):
            self.path.parent.mkdir(exist_ok=True)
            write_atomically(self.path, state + checksum(state).encode())
        self._due = time.monotonic() + self.seconds


class Left(NamedTuple):
    """What a block that was interrupted has left."""

    path: Path
    keys: list[str]
    done: int  # outer steps


def left_in(folder: Path) -> tuple[list[Left], list[str]]:
    """The states in a folder, the furthest first, and a sentence on each file that is none."""
    left: list[Left] = []
    problems: list[str] = []
    for path in sorted(folder.glob("*.state")):
        state = _read(path)
        if state is None:
            problems.append(f"{path} cannot be read: its runs begin anew")
        else:
            left.append(Left(path, state["keys"].tolist(), int(state["done"])))
    return sorted(left, key=lambda one: -one.done), problems


def tidy(folder: Path, finished: Collection[str]) -> None:
    """Remove all that is of no more use when a sweep ends; states of runs that are not finished stay."""
    if not folder.is_dir():
        return
    left, _ = left_in(folder)
    of_use = {one.path for one in left if not set(one.keys) <= set(finished)}
    for _ in range(3):  # a worker that a cluster has given up may still note something down
        for path in folder.iterdir():
            if path not in of_use:
                path.unlink(missing_ok=True)
        if of_use:
            return
        try:
            return folder.rmdir()
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise


def _read(path: Path) -> State | None:
    """A state, if its checksum says that it is one."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    state, mark = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
    if mark != checksum(state).encode():
        return None
    with np.load(io.BytesIO(state), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
