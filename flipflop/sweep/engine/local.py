"""Blocks on the cores of this machine, by joblib; what a process takes along when it dies is trained again."""

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
from flipflop.sweep.engine.processes import ProcessDied, begin, not_interrupted, separately


@dataclass(frozen=True)
class Workers:
    """How a sweep's runs are shared out (flipflop.sweep.plugins: LauncherSettings)."""

    n_jobs: int = -1
    block_size: int = 64
    checkpoint_seconds: float = 60
    noun: ClassVar[str] = "core"

    @property
    def number(self) -> int:
        """Of processes."""
        number: int = joblib.effective_n_jobs(self.n_jobs)
        return number

    def __enter__(self) -> Self:
        """Nothing has to be opened to use this machine's cores."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nor closed: processes end with what they train."""

    def run_blocks(self, blocks: Sequence["Block"]) -> Generator[tuple["Block", "BlockResult"]]:
        """Train blocks in any order, through exceptions and the deaths of any processes."""
        return _all_done(blocks, self)


def _all_done(blocks: Sequence[Block], workers: Workers) -> Generator[tuple[Block, BlockResult]]:
    """Train blocks in any order, through exceptions and the deaths of any processes.

    The runs of a block that fails are trained again, each by itself: one that cannot be trained spoils no other.
    joblib gives a pool up when one of its processes dies, and does not tell which block that one had. All blocks that
    had been begun are suspects: they wait until the others are done in new pools, and are then trained in a process
    each. The runs of one that dies again are trained one at a time: what dies alone has crashed.
    """
    remaining = {block.name: block for block in blocks}
    suspects: list[Block] = []

    def ended(block: Block, done: BlockResult) -> Iterator[tuple[Block, BlockResult]]:
        if done.has_failed and len(block.runs) > 1:
            remaining.update((single.name, single) for single in block.split())
        else:
            yield block, done

    while remaining:
        waiting = list(remaining.values())
        processes = min(workers.number, len(waiting))
        if workers.n_jobs == 1:
            block = remaining.pop(waiting[0].name)
            yield from ended(block, train_block(block))
        elif processes == 1:
            suspects.append(remaining.pop(waiting[0].name))
        else:
            try:
                with closing(_pool(waiting, processes)) as ends:
                    for name, done in ends:
                        yield from ended(remaining.pop(name), done)
            except BrokenProcessPool:
                begun = [block for block in waiting if block.name in remaining and block.report.path.exists()]
                suspects += [remaining.pop(block.name) for block in begun or list(remaining.values())[:1]]
        if not remaining and suspects:
            alone = yield from _quarantined(suspects, workers.number)
            remaining.update((block.name, block) for block in alone)
            suspects = []


def _quarantined(blocks: Sequence[Block], processes: int) -> Generator[tuple[Block, BlockResult], None, list[Block]]:
    """Train blocks in a process each, and those that die again run by run, one at a time.

    Returns the runs of blocks that have failed by an exception instead: there is no harm in them.
    """
    failed: list[Block] = []
    dead: list[Block] = []
    with closing(separately(train_block, blocks, processes)) as ends:
        for block, done in ends:
            if isinstance(done, ProcessDied):
                dead += block.split()
            elif done.has_failed and len(block.runs) > 1:
                failed += block.split()
            else:
                yield block, done
    with closing(separately(train_block, dead, 1)) as ends:
        for block, done in ends:
            if isinstance(done, ProcessDied):
                done = BlockResult([Outcome(block.runs[0], None, str(done), crashed=True)], 0.0)
            yield block, done
    return failed


def _pool(blocks: Sequence[Block], processes: int) -> Generator[tuple[str, BlockResult]]:
    for block in blocks:
        block.report.path.unlink(missing_ok=True)
    parallel = joblib.Parallel(
        n_jobs=processes,
        batch_size=1,
        return_as="generator_unordered",
        max_nbytes=None,  # arrays travel by pipe: files of theirs would outlive a killed parent
        initializer=begin,
        initargs=(os.getpid(),),
    )
    with not_interrupted():
        results = parallel(joblib.delayed(_named)(block) for block in blocks)
    try:
        for result in results:  # noqa: UP028 - `yield from` would close them before the warnings are off
            yield result
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # joblib tells how many tasks it gives up; whoever stops a sweep knows
            results.close()


def _named(block: Block) -> tuple[str, BlockResult]:
    return block.name, train_block(block)
