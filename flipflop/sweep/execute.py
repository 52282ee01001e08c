"""Blocks at work: joblib runs them on all cores, and what a process takes along when it dies is trained again."""

import os
import threading
import time
import traceback
import warnings
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import joblib
from rich.console import Console

from flipflop.config import is_on_stream
from flipflop.core.block import Floats, OnProgress
from flipflop.core.train import train
from flipflop.sweep.checkpoints import BlockCheckpoint, left_in, tidy
from flipflop.sweep.plan import PlannedRun, cost, cut_blocks
from flipflop.sweep.processes import ProcessDied, begin, not_interrupted, separately
from flipflop.sweep.progress import Bar
from flipflop.sweep.records import FINISHED, Folder, Outcome, Record, block_name

SECONDS_BETWEEN_REPORTS = 0.2


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

    def ends(self, blocks: Sequence["Block"]) -> Generator[tuple["Block", "Done"]]:
        """Train blocks in any order, through exceptions and the deaths of any processes."""
        return _all_done(blocks, self)


class Done(NamedTuple):
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

    def singly(self) -> Iterator["Block"]:
        """Each of its runs as a block of its own that goes on from this one's checkpoint."""
        for run in self.runs:
            yield Block([run], self._unfinished, self._seconds, self.checkpoint.path)

    def tidy(self) -> None:
        """Remove what it noted, now that its runs are on record."""
        self.report.path.unlink(missing_ok=True)
        self.checkpoint.path.unlink(missing_ok=True)


def train_runs(runs: Sequence[PlannedRun], on_progress: OnProgress, checkpoint: BlockCheckpoint | None = None) -> Done:
    """Train runs together, in whatever process this is; an exception fails them all."""
    start = time.process_time()
    try:
        results = train([run.config for run in runs], on_progress, checkpoint)
        outcomes = [Outcome(run, result, None) for run, result in zip(runs, results, strict=True)]
    except Exception:
        outcomes = [Outcome(run, None, traceback.format_exc()) for run in runs]
    return Done(outcomes, time.process_time() - start)


def train_block(block: Block) -> Done:
    """Train a block, noting down how far it is.

    A run that fails alone after a checkpoint is tried again from its beginning: the checkpoint may be the reason.
    """
    block.report(0)
    done = train_runs(block.runs, block.report, block.checkpoint)
    if done.has_failed and len(block.runs) == 1 and block.checkpoint.was_loaded:
        block.checkpoint.forget()
        return train_block(block)
    return done


def prepare(runs: Sequence[PlannedRun], unfinished: Path, workers: Workers) -> tuple[list[Block], list[str]]:
    """Cut runs into blocks: those that an interrupted sweep has left in the middle go on as they were.

    Also returns a sentence on each checkpoint that cannot be used.
    """
    open_runs = {run.key: run for run in runs}
    blocks: list[Block] = []
    left, problems = left_in(unfinished)
    for path, keys, steps_done in left:
        if again := [open_runs.pop(key) for key in keys if key in open_runs]:
            blocks += [
                Block(again[i : i + workers.block_size], unfinished, workers.checkpoint_seconds, path, steps_done)
                for i in range(0, len(again), workers.block_size)
            ]
    for cut in cut_blocks(list(open_runs.values()), workers.number, workers.block_size):
        blocks.append(Block(cut, unfinished, workers.checkpoint_seconds))
    return sorted(blocks, key=lambda block: -block.remaining), problems


def execute(blocks: Sequence[Block], folder: Folder, workers: Workers, console: Console) -> list[Record]:
    """Train blocks, recording each as it ends; returns the records in that order.

    Raises:
        OSError: a record cannot be written; those of earlier blocks are.
    """
    records: list[Record] = []
    if blocks:
        with (
            Bar(console, "sweep") as bar,
            Watch(blocks, records, bar) as watch,
            closing(workers.ends(blocks)) as ends,
        ):
            for block, done in ends:
                records += folder.add(done.outcomes, done.seconds)
                watch.ended(block)
                block.tidy()
    tidy(folder.unfinished, folder.finished)
    return records


def _all_done(blocks: Sequence[Block], workers: Workers) -> Generator[tuple[Block, Done]]:
    """Train blocks in any order, through exceptions and the deaths of any processes.

    The runs of a block that fails are trained again, each by itself: one that cannot be trained spoils no other.
    joblib gives a pool up when one of its processes dies, and does not tell which block that one had. All blocks that
    had been begun are suspects: they wait until the others are done in new pools, and are then trained in a process
    each. The runs of one that dies again are trained one at a time: what dies alone has crashed.
    """
    remaining = {block.name: block for block in blocks}
    suspects: list[Block] = []

    def ended(block: Block, done: Done) -> Iterator[tuple[Block, Done]]:
        if done.has_failed and len(block.runs) > 1:
            remaining.update((single.name, single) for single in block.singly())
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


def _quarantined(blocks: Sequence[Block], processes: int) -> Generator[tuple[Block, Done], None, list[Block]]:
    """Train blocks in a process each, and those that die again run by run, one at a time.

    Returns the runs of blocks that have failed by an exception instead: there is no harm in them.
    """
    failed: list[Block] = []
    dead: list[Block] = []
    with closing(separately(train_block, blocks, processes)) as ends:
        for block, done in ends:
            if isinstance(done, ProcessDied):
                dead += block.singly()
            elif done.has_failed and len(block.runs) > 1:
                failed += block.singly()
            else:
                yield block, done
    with closing(separately(train_block, dead, 1)) as ends:
        for block, done in ends:
            if isinstance(done, ProcessDied):
                done = Done([Outcome(block.runs[0], None, str(done), crashed=True)], 0.0)
            yield block, done
    return failed


def _pool(blocks: Sequence[Block], processes: int) -> Generator[tuple[str, Done]]:
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


def _named(block: Block) -> tuple[str, Done]:
    return block.name, train_block(block)


class Watch:
    """Looks at the blocks' reports from a thread of its own, as the main one waits for joblib."""

    def __init__(self, blocks: Sequence[Block], records: Sequence[Record], bar: Bar) -> None:
        self._records, self._bar = records, bar
        self._runs = sum(len(block.runs) for block in blocks)
        whole = sum(block.cost for block in blocks)
        self._shares = {block.name: block.cost / whole for block in blocks}  # of the work
        self._done = {block.name: block.steps_done / block.steps for block in blocks}  # as parts of a block
        self._training = {block.name: block for block in blocks}
        self._all_ended = threading.Event()
        self._environment_steps = (
            {block.name: block.steps * len(block.runs) for block in blocks}
            if all(is_on_stream(block.runs[0].settings) for block in blocks)
            else {}
        )
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._all_ended.set()
        self._thread.join()

    def ended(self, block: Block) -> None:
        """A block is done: there is no more to read of it. It may be a part of one that was begun as a whole."""
        if self._training.pop(block.name, None):
            self._done[block.name] = 1.0

    def _look(self) -> None:
        while not self._all_ended.wait(SECONDS_BETWEEN_REPORTS):
            for name, block in list(self._training.items()):
                self._done[name] = max(self._done[name], block.report.read() / block.steps)
            self._bar.show(sum(self._done[name] * share for name, share in self._shares.items()), self._text)

    def _text(self) -> str:
        failed = sum(record.status not in FINISHED for record in self._records)
        told = f"{len(self._records):,} of {self._runs:,} runs done, {failed} failed"
        if not self._environment_steps:
            return told
        done = sum(self._done[name] * steps for name, steps in self._environment_steps.items())
        return f"{told}, {_millions(done)} of {_millions(sum(self._environment_steps.values()))} environment steps"


def _millions(number: float) -> str:
    """`2.3 M`."""
    return f"{number / 1e6:,.1f} M"
