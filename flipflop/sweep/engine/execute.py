"""A sweep at work: runs are cut into blocks, trained by workers and recorded as they end."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from rich.console import Console

from flipflop.progress import Bar
from flipflop.records.checkpoints import left_in, tidy
from flipflop.records.folder import Folder
from flipflop.records.planned import PlannedRun
from flipflop.records.record import Record
from flipflop.sweep.engine.blocks import Block
from flipflop.sweep.engine.local import Workers
from flipflop.sweep.engine.monitor import ProgressMonitor
from flipflop.sweep.engine.plan import cut_blocks


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
            ProgressMonitor(blocks, records, bar) as watch,
            closing(workers.run_blocks(blocks)) as ends,
        ):
            for block, done in ends:
                records += folder.add(done.outcomes, done.seconds)
                watch.ended(block)
                block.tidy()
    tidy(folder.unfinished, folder.finished)
    return records
