"""Blocks at work: joblib runs them on all cores, their progress comes back while they train."""

import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import joblib
from rich.console import Console

from flipflop.core.train import Floats, OnProgress, train
from flipflop.sweep.plan import PlannedRun, cost, cut_blocks
from flipflop.sweep.progress import Bar, counted
from flipflop.sweep.records import Folder, Outcome, Record

Block = Sequence[PlannedRun]

SECONDS_BETWEEN_REPORTS = 0.2


class Done(NamedTuple):
    """A block that has ended."""

    block: int  # which of the blocks
    outcomes: list[Outcome]
    seconds: float  # CPU time of this process


class Report:
    """How far a block has come, in a small file that the parent reads while a worker trains.

    A file works alike with every backend that shares a disk, needs no server process, and is left in a valid state
    by a worker that dies.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._due = 0.0

    def __call__(self, outer_step: int, _pain: Floats, _accuracy: Floats) -> None:
        """Note the number of outer steps done: `on_progress` of a block."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + SECONDS_BETWEEN_REPORTS
            self.path.write_text(f"{outer_step:012d}")

    def read(self) -> int:
        """The outer steps noted last."""
        try:
            return int(self.path.read_text() or 0)
        except FileNotFoundError:
            return 0


def train_block(number: int, block: Block, on_progress: OnProgress) -> Done:
    """Train a block, in whatever process this is.

    If that fails its runs are trained one by one, so that one that cannot be trained spoils no other.
    """
    start = time.process_time()
    try:
        results = train([run.config for run in block], on_progress)
        outcomes = [Outcome(run, result, None) for run, result in zip(block, results, strict=True)]
    except Exception:
        if len(block) > 1:
            outcomes = [train_block(number, [run], on_progress).outcomes[0] for run in block]
        else:
            outcomes = [Outcome(block[0], None, traceback.format_exc())]
    return Done(number, outcomes, time.process_time() - start)


def execute(runs: Sequence[PlannedRun], folder: Folder, n_jobs: int, block_size: int, console: Console) -> list[Record]:
    """Train runs in blocks on `n_jobs` processes (-1: one per core), recording each block as it ends.

    Returns the records of these runs, in the order in which they ended.
    """
    workers = joblib.effective_n_jobs(n_jobs)
    blocks = cut_blocks(runs, workers, block_size)
    console.print(
        f"{counted(len(runs), 'run')} in {counted(len(blocks), 'block')} on {counted(workers, 'core')}", highlight=False
    )
    records: list[Record] = []
    with tempfile.TemporaryDirectory(prefix="flipflop-") as scratch, Bar(console, "sweep") as bar:
        reports = [Report(Path(scratch, str(number))) for number in range(len(blocks))]
        jobs = [
            joblib.delayed(train_block)(number, block, report)
            for number, (block, report) in enumerate(zip(blocks, reports, strict=True))
        ]
        with _Watch(blocks, reports, records, bar):
            parallel = joblib.Parallel(n_jobs=min(workers, len(jobs)), batch_size=1, return_as="generator_unordered")
            for done in parallel(jobs):
                records += folder.add(done.outcomes, done.seconds)
    return records


class _Watch:
    """Looks at the blocks' reports from a thread of its own, as the main one waits for joblib."""

    def __init__(self, blocks: Sequence[Block], reports: Sequence[Report], records: Sequence[Record], bar: Bar) -> None:
        self._reports, self._records, self._bar = reports, records, bar
        self._runs = sum(map(len, blocks))
        costs = [cost(block[0].config, len(block)) for block in blocks]
        self._per_step = [c / block[0].config.regime.steps / sum(costs) for c, block in zip(costs, blocks, strict=True)]
        self._steps_done = [0] * len(blocks)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(SECONDS_BETWEEN_REPORTS):
            self._steps_done = [max(had, r.read()) for had, r in zip(self._steps_done, self._reports, strict=True)]
            fraction = sum(steps * share for steps, share in zip(self._steps_done, self._per_step, strict=True))
            self._bar.show(fraction, self._text)

    def _text(self) -> str:
        failed = sum(record.status not in ("ok", "diverged") for record in self._records)
        return f"{len(self._records)} of {self._runs} runs done, {failed} failed"
