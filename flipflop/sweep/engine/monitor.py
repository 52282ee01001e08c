"""Show the progress of a sweep: read the blocks' progress reports and update one bar."""

import threading
from collections.abc import Sequence

from flipflop.progress import Bar
from flipflop.records.record import FINISHED, Record
from flipflop.sweep.engine.blocks import SECONDS_BETWEEN_REPORTS, Block


class ProgressMonitor:
    """A thread that updates the bar while the main thread waits for workers; a context manager that ends the thread."""

    def __init__(self, blocks: Sequence[Block], records: Sequence[Record], bar: Bar) -> None:
        """Prepare to watch a sweep.

        Args:
            blocks: all blocks to train.
            records: the records written so far; the list grows while the sweep is running.
            bar: the progress bar to update.
        """
        self._records, self._bar = records, bar
        self._runs = sum(len(block.runs) for block in blocks)
        total = sum(block.estimated_seconds for block in blocks)
        self._shares = {block.name: block.estimated_seconds / total for block in blocks}  # of the sweep's work
        self._fractions = {block.name: block.steps_done / block.steps for block in blocks}  # of each block, 0 to 1
        self._training = {block.name: block for block in blocks}
        self._all_ended = threading.Event()
        # On a stream an outer step is an environment step; the number of these is shown too.
        self._environment_steps = (
            {block.name: block.steps * len(block.runs) for block in blocks}
            if all(block.runs[0].counts_in == "environment step" for block in blocks)
            else {}
        )
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "ProgressMonitor":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._all_ended.set()
        self._thread.join()

    def block_ended(self, block: Block) -> None:
        """Count a block as done; one that was split off another is not known here and ignored."""
        if self._training.pop(block.name, None):
            self._fractions[block.name] = 1.0

    def _watch(self) -> None:
        """Read the reports and update the bar until all blocks have ended."""
        while not self._all_ended.wait(SECONDS_BETWEEN_REPORTS):
            for name, block in list(self._training.items()):
                self._fractions[name] = max(self._fractions[name], block.report.read() / block.steps)
            self._bar.show(sum(self._fractions[name] * share for name, share in self._shares.items()), self._text)

    def _text(self) -> str:
        failed = sum(record.status not in FINISHED for record in self._records)
        text = f"{len(self._records):,} of {self._runs:,} runs done, {failed} failed"
        if not self._environment_steps:
            return text
        done = sum(self._fractions[name] * steps for name, steps in self._environment_steps.items())
        return f"{text}, {_millions(done)} of {_millions(sum(self._environment_steps.values()))} environment steps"


def _millions(number: float) -> str:
    """Format a number in millions: `2.3 M`."""
    return f"{number / 1e6:,.1f} M"
