"""How far the blocks of a sweep are, read from what they note and shown in one bar."""

import threading
from collections.abc import Sequence

from flipflop.progress import Bar
from flipflop.records.record import FINISHED, Record
from flipflop.sweep.engine.blocks import SECONDS_BETWEEN_REPORTS, Block


class ProgressMonitor:
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
            if all(block.runs[0].counts_in == "environment step" for block in blocks)
            else {}
        )
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "ProgressMonitor":
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
