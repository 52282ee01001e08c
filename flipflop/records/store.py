"""Read a folder of records, checking every line, the plan and every file of arrays.

runs.jsonl      one line per finished run; if a key has several lines, the last one counts
plan.txt        the keys of all runs ever planned here; the index of a run is the number of its line, from 0
blocks/ID.npz   history and final weights of a block's runs, one row per slot; ID is the hash of the runs' keys
sweep.yaml      one entry per invocation (flipflop.records.provenance)
unfinished/     progress and checkpoints of blocks in training (flipflop.records.checkpoints); removed when all are done
damaged.jsonl   lines that were found in runs.jsonl and are not records, if there were any

A line or file that is torn, edited or foreign is reported in a sentence, and treated as if it were missing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from flipflop.core.result import RESULTS_VERSION
from flipflop.plurals import counted
from flipflop.records.files import checksum
from flipflop.records.record import Record, record_of

UNKNOWN = "-"  # stands in plan.txt for a run whose key was lost with a damaged plan


class Contents(NamedTuple):
    """The contents of a folder of records."""

    records: list[Record]  # by index; the last record of each key
    problems: list[str]  # a sentence on each line or file that cannot be used
    homes: dict[str, Path]  # {key: the folder that holds this run's record and arrays}
    planned: int  # number of runs, finished or not


def read(folder: Path) -> Contents:
    """Read the records of a folder and check each line; `damaged_blocks` checks the files of arrays."""
    plan, problems = read_plan(folder)
    records: dict[str, Record] = {}
    for number, (_, record) in enumerate(examine_lines(folder, plan), 1):
        if isinstance(record, Record):
            records[record.key] = record
        else:
            problems.append(f"{folder / 'runs.jsonl'} line {number} {record}")
    for version in sorted({record.version for record in records.values()} - {RESULTS_VERSION}):
        left_out = [key for key, record in records.items() if record.version == version]
        for key in left_out:
            del records[key]
        problems.append(
            f"{folder / 'runs.jsonl'} has {counted(len(left_out), 'record')} with results version {version}, left out "
            f"here: this flipflop makes version {RESULTS_VERSION}"
        )
    by_index = sorted(records.values(), key=lambda record: record.index)
    planned = len(plan) if plan is not None else 1 + max((record.index for record in by_index), default=-1)
    return Contents(by_index, problems, dict.fromkeys(records, folder), planned)


def examine_lines(folder: Path, plan: Sequence[str] | None) -> Iterator[tuple[bytes, Record | str]]:
    """Yield each line of runs.jsonl with its record, or with the reason why it is none, as the end of a sentence.

    Args:
        folder: the folder of runs.jsonl.
        plan: the keys in plan.txt, against which each record's index is checked; None to leave that out.
    """
    path = folder / "runs.jsonl"
    for line in path.read_bytes().splitlines(keepends=True) if path.is_file() else ():
        try:
            record = record_of(line)
        except ValueError as error:
            yield line, str(error)
            continue
        if plan is not None and plan[record.index : record.index + 1] != [record.key]:
            yield line, f"belongs to another sweep: plan.txt has no run {record.key} at index {record.index}"
        else:
            yield line, record


def read_plan(folder: Path) -> tuple[list[str] | None, list[str]]:
    """Return the keys in plan.txt, or None if it is missing or damaged, and a sentence on what is wrong with it."""
    path = folder / "plan.txt"
    if not path.is_file():
        is_lost = (folder / "runs.jsonl").is_file()
        return None, [f"{path} is missing: indices are taken from the records"] if is_lost else []
    keys, _, last_line = path.read_bytes().rstrip(b"\n").rpartition(b"\n")
    if last_line != f"# {checksum(keys)}".encode():
        return None, [f"{path} is not as it was written: indices are taken from the records"]
    return keys.decode().split(), []


def read_jobs(folder: Path) -> Contents:
    """Read the records of a sweep by any launcher; a stock launcher of Hydra leaves one numbered folder per job."""
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
    """Return the folders of a stock launcher's jobs, by job number; each has a record and Hydra's own .hydra/."""
    jobs = (path.parent for path in folder.glob("*/runs.jsonl") if (path.parent / ".hydra").is_dir())
    return sorted(jobs, key=lambda job: (int(job.name) if job.name.isdigit() else -1, job.name))


def damaged_blocks(folder: Path, records: Iterable[Record]) -> dict[str, str]:
    """Check the records' files of arrays; return {ID of a damaged block: a sentence on what is wrong}."""
    digests = {record.block: record.digest for record in records if record.block is not None}
    damaged: dict[str, str] = {}
    for block, digest in digests.items():
        path = folder / "blocks" / f"{block}.npz"
        if not path.is_file():
            damaged[block] = f"{path} is missing"
        elif checksum(path.read_bytes()) != digest:
            damaged[block] = f"{path} is not as it was written: its checksum is different"
    return damaged
