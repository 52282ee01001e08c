"""What runs leave in a folder, written by one process at a time: lines that are data, arrays without pickle.

runs.jsonl      one line per finished run; the last line of a key counts
plan.txt        the keys of all runs ever planned here: a run's index is its line
blocks/ID.npz   history, final weights of a block's runs, slot by slot; ID is the hash of their keys
sweep.yaml      one entry per invocation (flipflop.sweep.provenance)
unfinished/     what blocks in training note down (flipflop.sweep.checkpoints); gone when all are done
damaged.jsonl   lines of runs.jsonl that were no records, if there ever were any

Every line, the plan and every file of arrays carry a checksum: what was torn, edited or put there by something else is
noticed, named and counts as not there.
"""

import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flipflop.config import ConfigError
from flipflop.core.evaluate import ByLag
from flipflop.core.nets import ReadOut, Weights
from flipflop.core.result import RESULTS_VERSION, RunResult
from flipflop.sweep.files import append_whole, checksum, write_whole
from flipflop.sweep.plan import PlannedRun, key_of
from flipflop.sweep.progress import counted

Arrays = dict[str, NDArray[np.generic]]

FINISHED = ("ok", "diverged")  # with a result: a diverged run was a trial, and not a success
UNKNOWN = "-"  # in plan.txt: a run whose key was lost with a damaged plan


@dataclass(frozen=True)
class Record:
    """One finished run, as its line in runs.jsonl."""

    key: str
    index: int
    label: str | None
    overrides: list[str]
    config: dict[str, Any]  # {dotted key: value}
    status: str  # ok, diverged, failed (an exception) or crashed (its process died)
    metrics: dict[str, Any]  # flipflop.core.result.Metrics by name; empty unless ok or diverged
    error: str | None
    block: str | None  # which file of blocks/ holds its arrays,
    slot: int | None  # which row of them,
    digest: str | None  # and the checksum of that file
    seconds: float  # CPU seconds of its block, shared equally
    version: int  # of the results

    @property
    def settings(self) -> dict[str, Any]:
        """The config as {dotted key: value}."""
        return self.config


class Outcome(NamedTuple):
    """How one run of a block ended: with a result, or with what stopped it."""

    run: PlannedRun
    result: RunResult | None
    error: str | None  # a traceback, or how its process died
    crashed: bool = False


class Contents(NamedTuple):
    """What a folder holds."""

    records: list[Record]  # in the order of their index, the last of a key for each
    problems: list[str]  # what is there and no record, a sentence each
    homes: dict[str, Path]  # by key, the folder in which a record and its arrays are
    planned: int  # runs, done or not


def line_of(record: Record) -> bytes:
    """A record as a line of runs.jsonl."""
    text = json.dumps(vars(record), allow_nan=False)
    return f'{text[:-1]}, "checksum": "{checksum(text.encode())}"}}\n'.encode()


def record_of(line: bytes) -> Record:
    """The record in a line of runs.jsonl.

    Raises:
        ValueError: it is not one, and why, as the end of a sentence.
    """
    if not line.endswith(b"\n"):
        raise ValueError("is torn: its end is missing")
    try:
        given = json.loads(line)
        found = given.pop("checksum")
        names = {field.name for field in fields(Record)}
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        raise ValueError("is not a record of flipflop") from None
    if found != checksum(json.dumps(given).encode()):
        raise ValueError("was changed after it was written: its checksum is another")
    if given.keys() != names:
        raise ValueError("is a record of another version of flipflop")
    record = Record(**given)
    if record.key != key_of(record.config, record.version):
        raise ValueError("has a key that is not its config's")
    return record


def read(folder: Path) -> Contents:
    """The records of a folder, each line checked; its arrays are not (`damaged_blocks`)."""
    plan, problems = _read_plan(folder)
    records: dict[str, Record] = {}
    for number, (_, found) in enumerate(_examine(folder, plan), 1):
        if isinstance(found, Record):
            records[found.key] = found
        else:
            problems.append(f"{folder / 'runs.jsonl'} line {number} {found}")
    others = {record.version for record in records.values()} - {RESULTS_VERSION}
    for version in sorted(others):
        old = [key for key, record in records.items() if record.version == version]
        problems.append(
            f"{counted(len(old), 'record')} in {folder / 'runs.jsonl'} of version {version} of the results left out: "
            f"this flipflop makes version {RESULTS_VERSION}"
        )
        for key in old:
            del records[key]
    by_index = sorted(records.values(), key=lambda record: record.index)
    planned = len(plan) if plan is not None else 1 + max((record.index for record in by_index), default=-1)
    return Contents(by_index, problems, dict.fromkeys(records, folder), planned)


def _examine(folder: Path, plan: Sequence[str] | None) -> Iterator[tuple[bytes, Record | str]]:
    """Each line of runs.jsonl and the record in it, or why there is none."""
    path = folder / "runs.jsonl"
    for line in path.read_bytes().splitlines(keepends=True) if path.is_file() else ():
        try:
            record = record_of(line)
        except ValueError as error:
            yield line, str(error)
            continue
        if plan is not None and plan[record.index : record.index + 1] != [record.key]:
            yield line, f"belongs elsewhere: plan.txt has no run {record.key} at index {record.index}"
        else:
            yield line, record


def _read_plan(folder: Path) -> tuple[list[str] | None, list[str]]:
    """The keys in plan.txt, None if it is not there or not sound, and what is wrong with it."""
    path = folder / "plan.txt"
    if not path.is_file():
        is_missing = (folder / "runs.jsonl").is_file()
        return None, [f"{path} is missing: indices are taken from the records"] if is_missing else []
    keys, _, mark = path.read_bytes().rstrip(b"\n").rpartition(b"\n")
    if mark != f"# {checksum(keys)}".encode():
        return None, [f"{path} is not as it was written: indices are taken from the records"]
    return keys.decode().split(), []


def read_jobs(folder: Path) -> Contents:
    """The records of a sweep by any launcher: a stock one leaves a folder per job, numbered in their order."""
    if (folder / "runs.jsonl").is_file() or (folder / "plan.txt").is_file():
        return read(folder)
    contents = [read(job) for job in jobs_in(folder)]
    records = [record for content in contents for record in content.records]
    return Contents(
        [replace(record, index=index) for index, record in enumerate(records)],
        [problem for content in contents for problem in content.problems],
        {key: home for content in contents for key, home in content.homes.items()},
        sum(content.planned for content in contents),
    )


def jobs_in(folder: Path) -> list[Path]:
    """The folders of a stock launcher's jobs, in their order: each has a record and Hydra's own .hydra/."""
    jobs = (path.parent for path in folder.glob("*/runs.jsonl") if (path.parent / ".hydra").is_dir())
    return sorted(jobs, key=lambda job: (int(job.name) if job.name.isdigit() else -1, job.name))


def damaged_blocks(folder: Path, records: Iterable[Record]) -> dict[str, str]:
    """The blocks whose file of arrays is not as its records say, and what is wrong with each, as a sentence."""
    digests = {record.block: record.digest for record in records if record.block is not None}
    damaged: dict[str, str] = {}
    for block, digest in digests.items():
        path = folder / "blocks" / f"{block}.npz"
        if not path.is_file():
            damaged[block] = f"{path} is missing"
        elif checksum(path.read_bytes()) != digest:
            damaged[block] = f"{path} is not as it was written: its checksum is another"
    return damaged


def load_arrays(home: Path, record: Record) -> Arrays:
    """A run's own arrays, its rows of its block's file.

    Raises:
        ConfigError: it has none, or they are not as they were written.
    """
    return {name: rows[record.slot] for name, rows in load_block(home, record).items()}


def load_block(home: Path, record: Record, names: Sequence[str] | None = None) -> Arrays:
    """The arrays of all runs of a run's block, one row per slot; of `names`, those it has, alone if given.

    Raises:
        ConfigError: the run has none, or they are not as they were written.
    """
    if record.block is None:
        raise ConfigError(f"run {record.index} is {record.status}: it has left no history and no weights")
    for problem in damaged_blocks(home, [record]).values():
        raise ConfigError(problem)
    with np.load(home / "blocks" / f"{record.block}.npz", allow_pickle=False) as block:
        return {name: block[name] for name in block.files if names is None or name in names}


def arrays_of(results: Sequence[RunResult]) -> Arrays:
    """A block's arrays, stacked over its runs: history (R, kept steps), counts by lag, weights, snapshots (R, ...)."""
    arrays: Arrays = {}
    for name in vars(results[0].history):
        arrays[name] = np.stack([getattr(result.history, name) for result in results])
    for name in ByLag._fields:
        arrays[f"by_lag.{name}"] = np.stack([getattr(result.by_lag, name) for result in results])
    for net in ("controller", "world_model"):
        for name in Weights._fields:
            arrays[f"{net}.{name}"] = np.stack([getattr(getattr(result, net), name) for result in results])
            if results[0].snapshots is not None:
                kept = [getattr(getattr(result.snapshots, net), name) for result in results]
                arrays[f"snapshots.{net}.{name}"] = np.stack(kept)
    if results[0].controller_sigma is not None:
        for name in ReadOut._fields:
            arrays[f"controller_sigma.{name}"] = np.stack([getattr(r.controller_sigma, name) for r in results])
    return arrays


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

        plan, _ = _read_plan(path)
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
        lines = list(_examine(self.path, plan))
        named = {f"{found.block}.npz" for _, found in lines if isinstance(found, Record)}
        litter = [path for path in (self.path / "blocks").iterdir() if path.name not in named and path.is_file()]
        for path in (*self.path.glob("*.part"), *litter):
            path.unlink()
        if foreign := [line for line, found in lines if not isinstance(found, Record)]:
            append_whole(self.path / "damaged.jsonl", b"".join(line.rstrip(b"\n") + b"\n" for line in foreign))
            kept = [line for line, found in lines if isinstance(found, Record)]
            write_whole(self.path / "runs.jsonl", b"".join(kept))

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
            write_whole(self.path / "plan.txt", text + f"\n# {checksum(text)}\n".encode())
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
            write_whole(self.path / "blocks" / f"{block}.npz", content.getvalue())
            digest = checksum(content.getvalue())

        slots = {key: slot for slot, (key, _) in enumerate(finished)}
        records = [self._record(outcome, block, slots, digest, seconds / len(outcomes)) for outcome in outcomes]
        append_whole(self.path / "runs.jsonl", b"".join(map(line_of, records)))
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
            status=result.status if result is not None else "crashed" if outcome.crashed else "failed",
            metrics={} if result is None else finite(result.metrics.by_name()),
            error=error,
            block=block if run.key in slots else None,
            slot=slots.get(run.key),
            digest=digest if run.key in slots else None,
            seconds=round(seconds, 4),
            version=RESULTS_VERSION,
        )


def block_name(keys: Sequence[str]) -> str:
    """What files of a block of these runs are called."""
    return checksum("".join(keys).encode())


def finite(metrics: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: what is not a number is nothing."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in metrics.items()
    }
