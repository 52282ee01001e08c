"""What a folder holds, read back: every line, the plan and every file of arrays is checked.

runs.jsonl      one line per finished run; the last line of a key counts
plan.txt        the keys of all runs ever planned here: a run's index is its line
blocks/ID.npz   history, final weights of a block's runs, slot by slot; ID is the hash of their keys
sweep.yaml      one entry per invocation (flipflop.records.provenance)
unfinished/     what blocks in training note down (flipflop.records.checkpoints); gone when all are done
damaged.jsonl   lines of runs.jsonl that were no records, if there ever were any

What was torn, edited or put there by something else is noticed, named and counts as not there.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from flipflop.core.result import RESULTS_VERSION
from flipflop.progress import counted
from flipflop.records.files import checksum
from flipflop.records.record import Record, record_of

UNKNOWN = "-"  # in plan.txt: a run whose key was lost with a damaged plan


class Contents(NamedTuple):
    """What a folder holds."""

    records: list[Record]  # in the order of their index, the last of a key for each
    problems: list[str]  # what is there and no record, a sentence each
    homes: dict[str, Path]  # by key, the folder in which a record and its arrays are
    planned: int  # runs, done or not


def read(folder: Path) -> Contents:
    """The records of a folder, each line checked; its arrays are not (`damaged_blocks`)."""
    plan, problems = read_plan(folder)
    records: dict[str, Record] = {}
    for number, (_, found) in enumerate(examine_lines(folder, plan), 1):
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


def examine_lines(folder: Path, plan: Sequence[str] | None) -> Iterator[tuple[bytes, Record | str]]:
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


def read_plan(folder: Path) -> tuple[list[str] | None, list[str]]:
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
