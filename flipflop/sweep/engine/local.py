"""Train blocks on the cores of this machine, by joblib, and train again what was lost when a process died."""

import os
import warnings
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from typing import ClassVar, Self

import joblib

from flipflop.records.record import Outcome
from flipflop.sweep.engine.blocks import Block, BlockResult, train_block
from flipflop.sweep.engine.processes import ProcessDied, initialise_worker, interrupts_blocked, run_in_processes


@dataclass(frozen=True)
class Workers:
    """The processes that train a sweep's blocks; a context manager.

    Attributes:
        n_jobs: the number of processes; -1 for one per core.
        block_size: the largest number of runs in a block.
        checkpoint_seconds: the interval between two checkpoints of a block.
        noun: the name of one worker in messages.
    """

    n_jobs: int = -1
    block_size: int = 64
    checkpoint_seconds: float = 60
    noun: ClassVar[str] = "core"

    @property
    def count(self) -> int:
        """The number of blocks that can be trained at the same time."""
        count: int = joblib.effective_n_jobs(self.n_jobs)
        return count

    def __enter__(self) -> Self:
        """Return the workers; this machine's cores need no connection."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: the processes have ended with the blocks that they trained."""

    def run_blocks(self, blocks: Sequence["Block"]) -> Generator[tuple["Block", "BlockResult"]]:
        """Train blocks in any order, and yield each with its result when it ends.

        Exceptions and processes that die become outcomes of the runs that caused them. So a block that was split is
        yielded as blocks of one run.
        """
        return _run_all(blocks, self)


def _run_all(blocks: Sequence[Block], workers: Workers) -> Generator[tuple[Block, BlockResult]]:
    """Train blocks in any order until every run has an outcome.

    The runs of a block that fails by an exception are trained again, one per block, so that the run that cannot be
    trained does not fail the others.

    When a process dies, joblib gives up the whole pool and does not say which block that process had. Every block that
    had started is then a suspect. Suspects wait until the other blocks have ended in new pools, and are then trained in
    isolation (`_train_isolated`).
    """
    remaining = {block.name: block for block in blocks}
    suspects: list[Block] = []

    def accept(block: Block, result: BlockResult) -> Iterator[tuple[Block, BlockResult]]:
        """Yield a result, or put the runs of a failed block back as blocks of one run."""
        if result.has_failed and len(block.runs) > 1:
            remaining.update((single.name, single) for single in block.split())
        else:
            yield block, result

    while remaining:
        waiting = list(remaining.values())
        processes = min(workers.count, len(waiting))
        if workers.n_jobs == 1:
            block = remaining.pop(waiting[0].name)
            yield from accept(block, train_block(block))
        elif processes == 1:
            suspects.append(remaining.pop(waiting[0].name))  # a single block gets its process there
        else:
            try:
                with closing(_run_in_pool(waiting, processes)) as results:
                    for name, result in results:
                        yield from accept(remaining.pop(name), result)
            except BrokenProcessPool:
                started = [block for block in waiting if block.name in remaining and block.report.path.exists()]
                suspects += [remaining.pop(block.name) for block in started or list(remaining.values())[:1]]
        if not remaining and suspects:
            singles = yield from _train_isolated(suspects, workers.count)
            remaining.update((block.name, block) for block in singles)
            suspects = []


def _train_isolated(blocks: Sequence[Block], processes: int) -> Generator[tuple[Block, BlockResult], None, list[Block]]:
    """Train each block in its own process.

    If that process dies, its runs are trained in one process each, one after the other. A run whose process then dies
    has crashed.

    Returns:
        Blocks of one run that are still to train: the runs of blocks that failed by an exception, which are harmless
        to other processes.
    """
    failed: list[Block] = []
    dead: list[Block] = []
    with closing(run_in_processes(train_block, blocks, processes)) as results:
        for block, result in results:
            if isinstance(result, ProcessDied):
                dead += block.split()
            elif result.has_failed and len(block.runs) > 1:
                failed += block.split()
            else:
                yield block, result
    with closing(run_in_processes(train_block, dead, 1)) as results:
        for block, result in results:
            if isinstance(result, ProcessDied):
                result = BlockResult([Outcome(block.runs[0], None, str(result), crashed=True)], 0.0)
            yield block, result
    return failed


def _run_in_pool(blocks: Sequence[Block], processes: int) -> Generator[tuple[str, BlockResult]]:
    """Train blocks in a pool of processes, and yield each block's name with its result when it ends."""
    for block in blocks:
        block.report.path.unlink(missing_ok=True)
    parallel = joblib.Parallel(
        n_jobs=processes,
        batch_size=1,
        return_as="generator_unordered",
        max_nbytes=None,  # send arrays by pipe: joblib's files of arrays would outlive a killed parent
        initializer=initialise_worker,
        initargs=(os.getpid(),),
    )
    results = None
    try:
        with interrupts_blocked():  # one that comes meanwhile is raised where this ends, when there are tasks to cancel
            results = parallel(joblib.delayed(_train_named)(block) for block in blocks)
        for result in results:  # noqa: UP028 - `yield from` would close them before the warnings are off
            yield result
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # joblib warns of the tasks it cancels, which is what was asked for
            if results is not None:
                results.close()


def _train_named(block: Block) -> tuple[str, BlockResult]:
    return block.name, train_block(block)
