"""Checkpoints: the state of blocks in training, saved at intervals so that a process that dies loses little work.

The state of a block is the file unfinished/ID.state in the sweep's folder. It is an npz archive followed by a checksum,
and holds one row per run and the keys of the runs. Any later block that has some of these runs can continue from it.
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

CHECKSUM_BYTES = 16  # the last bytes of the file are the checksum of everything before them
REMOVAL_ATTEMPTS = 3


class BlockCheckpoint:
    """The checkpoint file of one block: saves its state and loads it (flipflop.core.training.block.Checkpoint)."""

    def __init__(self, path: Path, keys: Sequence[str], seconds: float, source: Path | None = None) -> None:
        """Make the checkpoint of a block of runs.

        Args:
            path: the file to save to.
            keys: the runs' keys, in the block's order.
            seconds: the interval between two saves.
            source: the file of an earlier block that had these runs, to load from if `path` has no state yet.
        """
        self.path, self.keys, self.seconds, self.source = path, list(keys), seconds, source
        self.was_loaded = False
        self._may_load = True
        self._next_save = time.monotonic() + seconds

    def load(self) -> State | None:
        """Return the saved state, its rows in the order of this block's runs; None if no readable file has them all."""
        # The interval starts here: the block may have been planned long ago, on a machine with another clock.
        self._next_save = time.monotonic() + self.seconds
        for path in (self.path, self.source) if self._may_load else ():
            if path is not None and (state := _read_state(path)) is not None:
                row_of = {key: row for row, key in enumerate(state.pop("keys").tolist())}
                if row_of.keys() >= set(self.keys):
                    self.was_loaded = True
                    rows = [row_of[key] for key in self.keys]
                    return {name: array if array.ndim == 0 else array[rows] for name, array in state.items()}
        return None

    def disable_loading(self) -> None:
        """Make `load` return None from now on, because training could not continue from the loaded state."""
        self.was_loaded = self._may_load = False

    def offer(self, take: Callable[[], State]) -> None:
        """Save the state that `take` returns if the interval has passed; otherwise do not even call it.

        A file that cannot be written is ignored here: the sweep's main process reports a full disk.
        """
        if time.monotonic() < self._next_save:
            return
        archive = io.BytesIO()
        np.savez(archive, **take(), keys=np.array(self.keys))  # type: ignore[arg-type]
        content = archive.getvalue()
        with suppress(OSError):
            self.path.parent.mkdir(exist_ok=True)
            write_atomically(self.path, content + checksum(content).encode())
        self._next_save = time.monotonic() + self.seconds


class UnfinishedBlock(NamedTuple):
    """The saved state of a block whose training was interrupted."""

    path: Path
    keys: list[str]  # of its runs
    steps_done: int  # outer steps


def unfinished_blocks(folder: Path) -> tuple[list[UnfinishedBlock], list[str]]:
    """Return the saved states in a folder, most outer steps first, and a sentence on each unreadable file."""
    blocks: list[UnfinishedBlock] = []
    problems: list[str] = []
    for path in sorted(folder.glob("*.state")):
        state = _read_state(path)
        if state is None:
            problems.append(f"{path} cannot be read: its runs start again from the beginning")
        else:
            blocks.append(UnfinishedBlock(path, state["keys"].tolist(), int(state["done"])))
    return sorted(blocks, key=lambda block: -block.steps_done), problems


def remove_obsolete_files(folder: Path, finished: Collection[str]) -> None:
    """Clean up the folder of unfinished blocks when a sweep ends.

    Keeps the states that have a run outside `finished`, the keys of finished runs, and removes everything else; removes
    the folder too if nothing is kept.
    """
    if not folder.is_dir():
        return
    blocks, _ = unfinished_blocks(folder)
    needed = {block.path for block in blocks if not set(block.keys) <= set(finished)}
    # A worker that a cluster has given up on may still write a file while this runs, hence the attempts.
    for _ in range(REMOVAL_ATTEMPTS):
        for path in folder.iterdir():
            if path not in needed:
                path.unlink(missing_ok=True)
        if needed:
            return
        try:
            return folder.rmdir()
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise


def _read_state(path: Path) -> State | None:
    """Return the arrays in a file, or None if it cannot be read or its checksum is wrong."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    archive, expected = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
    if expected != checksum(archive).encode():
        return None
    with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
