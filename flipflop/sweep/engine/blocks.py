"""Blocks: runs that are trained together in one process, which notes how far it is."""

import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from flipflop.core.train import train
from flipflop.core.training.block import Floats, OnProgress
from flipflop.records.arrays import block_name
from flipflop.records.checkpoints import BlockCheckpoint
from flipflop.records.planned import PlannedRun
from flipflop.records.record import Outcome
from flipflop.sweep.engine.plan import cost

SECONDS_BETWEEN_REPORTS = 0.2


class BlockResult(NamedTuple):
    """A block that has ended."""

    outcomes: list[Outcome]
    seconds: float  # CPU time of its process

    @property
    def has_failed(self) -> bool:
        """Whether its runs have no result."""
        return self.outcomes[0].result is None


class Report:
    """How far a block has come, in a small file that the parent reads while a worker trains.

    A file works alike with every backend that shares a disk, needs no server process, and is left in a valid state
    by a worker that dies. It is also the sign that a worker has begun the block.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._due = 0.0

    def __call__(self, outer_step: int, _pain: Floats | None = None, _accuracy: Floats | None = None) -> None:
        """Note the number of outer steps done: `on_progress` of a block. A full disk is the parent's to report."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + SECONDS_BETWEEN_REPORTS
            try:
                self.path.parent.mkdir(exist_ok=True)
                self.path.write_text(f"{outer_step:012d}")
            except OSError:
                pass

    def read(self) -> int:
        """The outer steps noted last."""
        try:
            return int(self.path.read_text() or 0)
        except (FileNotFoundError, ValueError):
            return 0


class Block:
    """Runs to train in lock-step, and where they note how far they are."""

    def __init__(
        self,
        runs: Sequence[PlannedRun],
        unfinished: Path,
        seconds: float,
        source: Path | None = None,
        steps_done: int = 0,
    ) -> None:
        """Prepare a block.

        Args:
            runs: of one structure.
            unfinished: the folder for its report and checkpoint.
            seconds: between checkpoints.
            source: the checkpoint of an earlier block to go on from, and
            steps_done: the outer steps done in it.
        """
        keys = [run.key for run in runs]
        unfinished = unfinished.absolute()  # a worker of a cluster has another working directory
        self.runs, self._unfinished, self._seconds = runs, unfinished, seconds
        self.name, self.steps_done = block_name(keys), steps_done
        self.report = Report(unfinished / f"{self.name}.steps")
        self.checkpoint = BlockCheckpoint(
            unfinished / f"{self.name}.state", keys, seconds, source and source.absolute()
        )

    @property
    def steps(self) -> int:
        """Outer steps of its runs."""
        return self.runs[0].config.regime.steps

    @property
    def cost(self) -> float:
        """About how many CPU seconds it takes from its beginning."""
        return cost(self.runs[0].config, len(self.runs))

    @property
    def remaining(self) -> float:
        """The part of its cost that is not spent yet."""
        return self.cost * (1 - self.steps_done / self.steps)

    def split(self) -> Iterator["Block"]:
        """Each of its runs as a block of its own that goes on from this one's checkpoint."""
        for run in self.runs:
            yield Block([run], self._unfinished, self._seconds, self.checkpoint.path)

    def tidy(self) -> None:
        """Remove what it noted, now that its runs are on record."""
        self.report.path.unlink(missing_ok=True)
        self.checkpoint.path.unlink(missing_ok=True)


def train_runs(
    runs: Sequence[PlannedRun], on_progress: OnProgress, checkpoint: BlockCheckpoint | None = None
) -> BlockResult:
    """Train runs together, in whatever process this is; an exception fails them all."""
    start = time.process_time()
    try:
        results = train([run.config for run in runs], on_progress, checkpoint)
        outcomes = [Outcome(run, result, None) for run, result in zip(runs, results, strict=True)]
    except Exception:
        outcomes = [Outcome(run, None, traceback.format_exc()) for run in runs]
    return BlockResult(outcomes, time.process_time() - start)


def train_block(block: Block) -> BlockResult:
    """Train a block, noting down how far it is.

    A run that fails alone after a checkpoint is tried again from its beginning: the checkpoint may be the reason.
    """
    block.report(0)
    done = train_runs(block.runs, block.report, block.checkpoint)
    if done.has_failed and len(block.runs) == 1 and block.checkpoint.was_loaded:
        block.checkpoint.forget()
        return train_block(block)
    return done
