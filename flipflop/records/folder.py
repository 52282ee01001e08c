"""The folder of a sweep, open for writing by one process at a time."""

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
    """A sweep's folder, open for writing by this process alone; a context manager."""

    def __init__(self, path: Path) -> None:
        """Open or make a folder, and set aside what is in it and no record.

        Raises:
            ConfigError: another process has it open.
            OSError: it cannot be written.
        """
        from filelock import FileLock, Timeout

        self.path, self.unfinished = path, path / "unfinished"
        (path / "blocks").mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(path / ".lock", timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            raise ConfigError(
                f"{path} is in use by another process: wait until that has ended, or choose another name="
            ) from None

        plan, _ = read_plan(path)
        self._plan_is_sound = plan is not None
        records, self.problems, _, _ = read(path)
        damaged = damaged_blocks(path, records)
        self.problems += damaged.values()
        self.finished = {r.key for r in records if r.status in FINISHED and r.block not in damaged}
        self._indices = {key: index for index, key in enumerate(plan or ()) if key != UNKNOWN}
        self._indices |= {record.key: record.index for record in records}
        self._set_aside(plan)

    def __enter__(self) -> "Folder":
        """It is open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let other processes write."""
        self._lock.release()

    def _set_aside(self, plan: Sequence[str] | None) -> None:
        """Move what is no record out of runs.jsonl, and remove what processes that died were about to write."""
        lines = list(examine_lines(self.path, plan))
        named = {f"{found.block}.npz" for _, found in lines if isinstance(found, Record)}
        litter = [path for path in (self.path / "blocks").iterdir() if path.name not in named and path.is_file()]
        for path in (*self.path.glob("*.part"), *litter):
            path.unlink()
        if foreign := [line for line, found in lines if not isinstance(found, Record)]:
            append_atomically(self.path / "damaged.jsonl", b"".join(line.rstrip(b"\n") + b"\n" for line in foreign))
            kept = [line for line, found in lines if isinstance(found, Record)]
            write_atomically(self.path / "runs.jsonl", b"".join(kept))

    def plan(self, runs: Sequence[PlannedRun]) -> None:
        """Give every run that is new here its index.

        That is the next one; where the plan was lost, the run's place among `runs` if no record has it, so that the
        same command gives the same indices.
        """
        taken = set(self._indices.values())
        new = [(place, run.key) for place, run in enumerate(runs) if run.key not in self._indices]
        for place, key in new:
            is_free = not self._plan_is_sound and place not in taken
            self._indices[key] = place if is_free else max(taken, default=-1) + 1
            taken.add(self._indices[key])
        if new or not self._plan_is_sound:
            keys = [UNKNOWN] * (max(taken, default=-1) + 1)
            for key, index in self._indices.items():
                keys[index] = key
            text = "\n".join(keys).encode()
            write_atomically(self.path / "plan.txt", text + f"\n# {checksum(text)}\n".encode())
            self._plan_is_sound = True

    def add(self, outcomes: Sequence[Outcome], seconds: float) -> list[Record]:
        """Write down the runs of a block: first their arrays, then their lines.

        Raises:
            OSError: they cannot be written; the lines of earlier blocks are untouched.
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
