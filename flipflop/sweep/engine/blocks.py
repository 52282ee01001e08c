"""Blocks: runs that one process trains together, in lock-step, while it writes down its progress."""

import pickle
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from flipflop import plugins
from flipflop.core.train import train
from flipflop.core.training.block import Floats, OnProgress
from flipflop.records.arrays import block_name
from flipflop.records.checkpoints import BlockCheckpoint
from flipflop.records.planned import PlannedRun
from flipflop.records.record import Outcome
from flipflop.sweep.engine.plan import estimated_seconds

SECONDS_BETWEEN_REPORTS = 0.2


class BlockResult(NamedTuple):
    """How the training of a block ended."""

    outcomes: list[Outcome]  # one per run, in the block's order
    seconds: float  # CPU seconds of the process that trained it

    @property
    def has_failed(self) -> bool:
        """Whether its runs have no result: an exception fails all runs of a block."""
        return self.outcomes[0].result is None


class ProgressReport:
    """The number of outer steps a block has done, in a small file that a worker writes and the main process reads.

    A file works with every backend that shares a disk, needs no server process, and stays readable when the worker
    dies. The file's existence also shows that a worker has started the block.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._next_write = 0.0

    def __call__(self, outer_step: int, _pain: Floats | None = None, _accuracy: Floats | None = None) -> None:
        """Write the number of outer steps done, unless the last write was a moment ago; a block calls it each step.

        A file that cannot be written is ignored here: the main process reports a full disk.
        """
        now = time.monotonic()
        if now >= self._next_write:
            self._next_write = now + SECONDS_BETWEEN_REPORTS
            try:
                self.path.parent.mkdir(exist_ok=True)
                self.path.write_text(f"{outer_step:012d}")
            except OSError:
                pass

    def read(self) -> int:
        """Return the number of outer steps written last, 0 if there is none."""
        try:
            return int(self.path.read_text() or 0)
        except (FileNotFoundError, ValueError):
            return 0


class Block:
    """Runs to train in lock-step, with their progress report and their checkpoint."""

    def __init__(
        self,
        runs: Sequence[PlannedRun],
        unfinished: Path,
        checkpoint_seconds: float,
        source: Path | None = None,
        steps_done: int = 0,
    ) -> None:
        """Prepare a block; writes nothing.

        Args:
            runs: runs of one structure.
            unfinished: the folder for progress report and checkpoint.
            checkpoint_seconds: the interval between two checkpoints.
            source: the checkpoint file of an earlier block that had these runs, to continue from.
            steps_done: the outer steps done in that checkpoint.
        """
        keys = [run.key for run in runs]
        unfinished = unfinished.absolute()  # a cluster's worker has another working directory
        self.runs, self._unfinished, self._checkpoint_seconds = runs, unfinished, checkpoint_seconds
        self.name, self.steps_done = block_name(keys), steps_done
        self.report = ProgressReport(unfinished / f"{self.name}.steps")
        self.checkpoint = BlockCheckpoint(
            unfinished / f"{self.name}.state", keys, checkpoint_seconds, source and source.absolute()
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with the plug-ins of this process: a worker imports them before it unpickles what is of them."""
        return _restore_block, (plugins.sources(), pickle.dumps(vars(self)))

    @property
    def steps(self) -> int:
        """The number of outer steps of each of its runs."""
        return self.runs[0].config.regime.steps

    @property
    def estimated_seconds(self) -> float:
        """About how many CPU seconds the whole training takes."""
        return estimated_seconds(self.runs[0].config, len(self.runs))

    @property
    def remaining_seconds(self) -> float:
        """About how many CPU seconds the training takes from its checkpoint on."""
        return self.estimated_seconds * (1 - self.steps_done / self.steps)

    def split(self) -> Iterator["Block"]:
        """Yield a block for each run, which continues from this block's checkpoint."""
        for run in self.runs:
            yield Block([run], self._unfinished, self._checkpoint_seconds, self.checkpoint.path)

    def remove_files(self) -> None:
        """Remove progress report and checkpoint, once the runs are recorded."""
        self.report.path.unlink(missing_ok=True)
        self.checkpoint.path.unlink(missing_ok=True)


def _restore_block(sources: list[plugins.Source], state: bytes) -> Block:
    plugins.restore(sources)
    block = Block.__new__(Block)
    vars(block).update(pickle.loads(state))
    return block


def train_runs(
    runs: Sequence[PlannedRun], on_progress: OnProgress, checkpoint: BlockCheckpoint | None = None
) -> BlockResult:
    """Train runs together in the present process; an exception becomes the outcome of all of them.

    Args:
        runs: runs of one structure.
        on_progress: called with outer step, pain (R,) and accuracy (R,) after each outer step.
        checkpoint: where to continue from and to save to; None for neither.
    """
    start = time.process_time()
    try:
        results = train([run.config for run in runs], on_progress, checkpoint)
        outcomes = [Outcome(run, result, None) for run, result in zip(runs, results, strict=True)]
    except Exception:
        outcomes = [Outcome(run, None, traceback.format_exc()) for run in runs]
    return BlockResult(outcomes, time.process_time() - start)


def train_block(block: Block) -> BlockResult:
    """Train a block with its progress report and its checkpoint.

    A single run that fails after it was loaded from a checkpoint is trained again from its beginning, because the
    checkpoint may be the cause.
    """
    block.report(0)
    result = train_runs(block.runs, block.report, block.checkpoint)
    if result.has_failed and len(block.runs) == 1 and block.checkpoint.was_loaded:
        block.checkpoint.disable_loading()
        return train_block(block)
    return result
