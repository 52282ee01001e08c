"""What runs leave in a folder, written by one process and never changed: lines that are data, arrays without pickle.

runs.jsonl      one line per finished run; the last line of a key counts
plan.txt        the keys of all runs ever planned here: a run's index is its line
blocks/ID.npz   history, final weights of a block's runs, slot by slot; ID is the hash of their keys
sweep.yaml      one entry per invocation
"""

import hashlib
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipflop.config import flat
from flipflop.core.train import RESULTS_VERSION, RunResult
from flipflop.sweep.plan import PlannedRun

Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Record:
    """One finished run, as its line in runs.jsonl."""

    key: str
    index: int
    label: str | None
    overrides: list[str]
    config: dict[str, Any]  # {dotted key: value}
    status: str  # ok, diverged, failed (an exception) or crashed (its process died)
    metrics: dict[str, Any]  # flipflop.core.train.Metrics by name; empty unless ok or diverged
    error: str | None
    block: str | None  # which file of blocks/ holds its arrays, and
    slot: int | None  # which row of them
    seconds: float  # CPU seconds of its block, shared equally
    version: int  # of the results


class Outcome(NamedTuple):
    """How one run of a block ended: with a result, or with the traceback of what stopped it."""

    run: PlannedRun
    result: RunResult | None
    error: str | None


def arrays_of(results: Sequence[RunResult]) -> Arrays:
    """A block's arrays, stacked over its runs: history (R, steps) and the weights of both nets (R, ...)."""
    arrays: Arrays = {}
    for name in vars(results[0].history):
        arrays[name] = np.stack([getattr(result.history, name) for result in results])
    for net in ("controller", "world_model"):
        for name in getattr(results[0], net)._fields:
            arrays[f"{net}.{name}"] = np.stack([getattr(getattr(result, net), name) for result in results])
    return arrays


def read(folder: Path) -> list[Record]:
    """The records of a folder in the order of their index, the last line of a key for each.

    A torn last line, left by a process that was killed while it wrote, is ignored.
    """
    records: dict[str, Record] = {}
    path = folder / "runs.jsonl"
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                record = Record(**json.loads(line))
                records[record.key] = record
    return sorted(records.values(), key=lambda record: record.index)


class Folder:
    """A sweep's folder, open for writing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "blocks").mkdir(parents=True, exist_ok=True)
        for name in ("plan.txt", "runs.jsonl"):
            _cut_torn_line(path / name)
        self._indices: dict[str, int] = {}
        plan = path / "plan.txt"
        if plan.is_file():
            self._indices = {key: index for index, key in enumerate(plan.read_text().split())}

    def plan(self, runs: Iterable[PlannedRun]) -> None:
        """Give every run that is new here its index."""
        new = [run.key for run in runs if run.key not in self._indices]
        with (self.path / "plan.txt").open("a") as file:
            for key in new:
                self._indices[key] = len(self._indices)
                file.write(f"{key}\n")

    def add(self, outcomes: Sequence[Outcome], seconds: float) -> list[Record]:
        """Write down the runs of a block: first their arrays, then their lines."""
        finished = [(outcome.run.key, outcome.result) for outcome in outcomes if outcome.result is not None]
        block = hashlib.sha256("".join(key for key, _ in finished).encode()).hexdigest()[:16] if finished else None
        if finished:
            _write_arrays(self.path / "blocks" / f"{block}.npz", arrays_of([result for _, result in finished]))

        slots = {key: slot for slot, (key, _) in enumerate(finished)}
        records = [self._record(outcome, block, slots, seconds / len(outcomes)) for outcome in outcomes]
        with (self.path / "runs.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(asdict(record), allow_nan=False)}\n" for record in records)
            file.flush()
            os.fsync(file.fileno())
        return records

    def _record(self, outcome: Outcome, block: str | None, slots: Mapping[str, int], seconds: float) -> Record:
        run, result = outcome.run, outcome.result
        error = outcome.error
        if result is not None and result.diverged_at is not None:
            error = f"diverged by outer step {result.diverged_at}: a weight or loss is not finite or beyond 1e6"
        return Record(
            key=run.key,
            index=self._indices[run.key],
            label=run.label,
            overrides=list(run.overrides),
            config=flat(run.config),
            status="failed" if result is None else result.status,
            metrics={} if result is None else _finite(asdict(result.metrics)),
            error=error,
            block=block if run.key in slots else None,
            slot=slots.get(run.key),
            seconds=round(seconds, 4),
            version=RESULTS_VERSION,
        )


def _cut_torn_line(path: Path) -> None:
    """Drop what a killed process left of its last line, so that the next line is not joined to it."""
    if path.is_file():
        written = path.read_bytes()
        whole = written.rfind(b"\n") + 1
        if whole < len(written):
            os.truncate(path, whole)


def _finite(metrics: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: what is not a number is nothing."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in metrics.items()
    }


def _write_arrays(path: Path, arrays: Arrays) -> None:
    """Write a file whole or not at all."""
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
