"""The folder of a sweep, opened for writing by one process at a time."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from flipflop.config.rules import ConfigError
from flipflop.core.result import RESULTS_VERSION
from flipflop.records.arrays import arrays_of, block_name
from flipflop.records.files import append_atomically, checksum, write_atomically
from flipflop.records.planned import PlannedRun
from flipflop.records.record import FINISHED, Outcome, Record, finite, line_of
from flipflop.records.store import UNKNOWN, damaged_blocks, examine_lines, read, read_plan


class Folder:
    """A sweep's folder, open for writing by this process alone; a context manager that ends with the lock released.

    Attributes:
        path: the folder.
        unfinished: its folder for progress and checkpoints of blocks in training.
        problems: a sentence on each line or file that could not be used.
        finished: the keys of the runs that have a record and undamaged arrays.
    """

    def __init__(self, path: Path) -> None:
        """Open a folder, or make it, and move lines that are not records out of runs.jsonl.

        Raises:
            ConfigError: another process has the folder open.
            OSError: the folder cannot be written to.
        """
        from filelock import FileLock, Timeout

        self.path, self.unfinished = path, path / "unfinished"
        (path / "blocks").mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(path / ".lock", timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            raise ConfigError(
                f"{path} is in use by another process: wait until that one has ended, or choose another name="
            ) from None

        plan, _ = read_plan(path)
        self._plan_is_valid = plan is not None
        records, self.problems, _, _ = read(path)
        damaged = damaged_blocks(path, records)
        self.problems += damaged.values()
        self.finished = {r.key for r in records if r.status in FINISHED and r.block not in damaged}
        self._indices = {key: index for index, key in enumerate(plan or ()) if key != UNKNOWN}
        self._indices |= {record.key: record.index for record in records}
        self._clean_up(plan)

    def __enter__(self) -> "Folder":
        """Return the folder, which is open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the lock, so that another process can open the folder."""
        self._lock.release()

    def _clean_up(self, plan: Sequence[str] | None) -> None:
        """Move lines that are not records to damaged.jsonl, and remove files that dead processes left unfinished."""
        lines = list(examine_lines(self.path, plan))
        blocks = {f"{record.block}.npz" for _, record in lines if isinstance(record, Record)}
        unnamed = [path for path in (self.path / "blocks").iterdir() if path.name not in blocks and path.is_file()]
        for path in (*self.path.glob("*.part"), *unnamed):
            path.unlink()
        if damaged := [line for line, record in lines if not isinstance(record, Record)]:
            append_atomically(self.path / "damaged.jsonl", b"".join(line.rstrip(b"\n") + b"\n" for line in damaged))
            kept = [line for line, record in lines if isinstance(record, Record)]
            write_atomically(self.path / "runs.jsonl", b"".join(kept))

    def plan(self, runs: Sequence[PlannedRun]) -> None:
        """Give every run that is new in this folder an index, and write plan.txt.

        A new run gets the next free index. If plan.txt was lost, a run gets its position in `runs` unless a record has
        that index already, so that the same command gives the same indices again.

        Raises:
            OSError: plan.txt cannot be written.
        """
        taken = set(self._indices.values())
        new = [(position, run.key) for position, run in enumerate(runs) if run.key not in self._indices]
        for position, key in new:
            is_restored = not self._plan_is_valid and position not in taken
            self._indices[key] = position if is_restored else max(taken, default=-1) + 1
            taken.add(self._indices[key])
        if new or not self._plan_is_valid:
            keys = [UNKNOWN] * (max(taken, default=-1) + 1)
            for key, index in self._indices.items():
                keys[index] = key
            text = "\n".join(keys).encode()
            write_atomically(self.path / "plan.txt", text + f"\n# {checksum(text)}\n".encode())
            self._plan_is_valid = True

    def add(self, outcomes: Sequence[Outcome], seconds: float) -> list[Record]:
        """Record the runs of a block: write their arrays first, then append their lines to runs.jsonl.

        Args:
            outcomes: of all runs of the block, in its order.
            seconds: CPU seconds of the block, which are divided equally among its runs.

        Returns:
            The records, in the order of `outcomes`.

        Raises:
            OSError: a file cannot be written; the lines of earlier blocks are unchanged.
        """
        finished = [(outcome.run.key, outcome.result) for outcome in outcomes if outcome.result is not None]
        block = digest = None
        if finished:
            block = block_name([key for key, _ in finished])
            content = io.BytesIO()
            np.savez(content, **arrays_of([result for _, result in finished]))  # type: ignore[arg-type]
            write_atomically(self.path / "blocks" / f"{block}.npz", content.getvalue())
            digest = checksum(content.getvalue())

        slots = {key: slot for slot, (key, _) in enumerate(finished)}
        records = [self._record(outcome, block, slots, digest, seconds / len(outcomes)) for outcome in outcomes]
        append_atomically(self.path / "runs.jsonl", b"".join(map(line_of, records)))
        self.finished.update(slots)
        return records

    def amend(self, records: Sequence[Record]) -> None:
        """Append records that take the place of earlier ones of the same runs.

        Raises:
            OSError: they cannot be written; the lines before are unchanged.
        """
        if records:
            append_atomically(self.path / "runs.jsonl", b"".join(map(line_of, records)))

    def _record(
        self, outcome: Outcome, block: str | None, slots: Mapping[str, int], digest: str | None, seconds: float
    ) -> Record:
        run, result = outcome.run, outcome.result
        error = outcome.error
        if result is not None and result.diverged_at is not None:
            error = f"diverged by outer step {result.diverged_at}: a weight or loss is not finite or beyond 1e6"
        return Record(
            key=run.key,
            index=self._indices[run.key],
            label=run.label,
            overrides=list(run.overrides),
            config=run.settings,
            origins=run.origins,
            counts_in=run.counts_in,
            status=result.status if result is not None else "crashed" if outcome.crashed else "failed",
            metrics={} if result is None else finite(result.metrics.by_name()),
            error=error,
            block=block if run.key in slots else None,
            slot=slots.get(run.key),
            digest=digest if run.key in slots else None,
            seconds=round(seconds, 4),
            version=RESULTS_VERSION,
        )
