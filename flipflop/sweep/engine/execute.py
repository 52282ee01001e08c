"""Execute a sweep: cut its runs into blocks, let workers train them, and record each block when it ends."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from rich.console import Console

from flipflop.progress import Bar
from flipflop.records.checkpoints import remove_obsolete_files, unfinished_blocks
from flipflop.records.folder import Folder
from flipflop.records.planned import PlannedRun
from flipflop.records.record import Record
from flipflop.sweep.engine.blocks import Block
from flipflop.sweep.engine.local import Workers
from flipflop.sweep.engine.monitor import ProgressMonitor
from flipflop.sweep.engine.plan import cut_blocks


def prepare_blocks(runs: Sequence[PlannedRun], unfinished: Path, workers: Workers) -> tuple[list[Block], list[str]]:
    """Cut runs into blocks; runs of an interrupted block stay together and continue from its checkpoint.

    Args:
        runs: the runs to train.
        unfinished: the sweep's folder for progress and checkpoints.
        workers: who will train the blocks.

    Returns:
        The blocks, longest first, and a sentence on each checkpoint that cannot be used.
    """
    not_in_a_block = {run.key: run for run in runs}
    blocks: list[Block] = []
    interrupted, problems = unfinished_blocks(unfinished)
    for path, keys, steps_done in interrupted:
        resumed = [not_in_a_block.pop(key) for key in keys if key in not_in_a_block]
        blocks += [
            Block(resumed[i : i + workers.block_size], unfinished, workers.checkpoint_seconds, path, steps_done)
            for i in range(0, len(resumed), workers.block_size)
        ]
    for members in cut_blocks(list(not_in_a_block.values()), workers.count, workers.block_size):
        blocks.append(Block(members, unfinished, workers.checkpoint_seconds))
    return sorted(blocks, key=lambda block: -block.remaining_seconds), problems


def execute(blocks: Sequence[Block], folder: Folder, workers: Workers, console: Console) -> list[Record]:
    """Train blocks and record each when it ends; return the records in that order.

    Raises:
        OSError: a record cannot be written, or the workers cannot go on; earlier blocks are recorded.
    """
    records: list[Record] = []
    if blocks:
        with (
            Bar(console, "sweep") as bar,
            ProgressMonitor(blocks, records, bar) as monitor,
            closing(workers.run_blocks(blocks)) as results,
        ):
            for block, result in results:
                records += folder.add(result.outcomes, result.seconds)
                monitor.block_ended(block)
                block.remove_files()
    remove_obsolete_files(folder.unfinished, folder.finished)
    return records
