"""What runs have left, as tables of pandas and arrays of numpy: where every figure, comparison and report begins."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flipflop.config.rules import ConfigError
from flipflop.progress import counted
from flipflop.records.arrays import Arrays, load_arrays, load_block
from flipflop.records.grouping import grouped
from flipflop.records.record import Record
from flipflop.records.store import damaged_blocks, read_jobs
from flipflop.results.tables import rows_of


@dataclass(frozen=True)
class Group:
    """Runs that differ only by seed."""

    name: dict[str, str]  # {column: cell}: label and swept keys; empty where nothing else was swept
    records: list[Record]

    @property
    def title(self) -> str:
        """Its name in one line: `regime=parallel, controller.hidden=8`."""
        return ", ".join(cell if key == "label" else f"{key}={cell}" for key, cell in self.name.items()) or "all runs"


@dataclass(frozen=True)
class Sweep:
    """A folder of runs: a sweep of any launcher, or a single run as a sweep of one."""

    folder: Path
    records: list[Record]
    problems: list[str]  # what is in the folder and no record, a sentence each
    homes: dict[str, Path]  # by key, the folder in which a run's record and arrays are
    planned: int  # runs, done or not

    @property
    def missing(self) -> int:
        """How many of the planned runs have no record."""
        return self.planned - len(self.records)

    @property
    def is_single(self) -> bool:
        """Whether this is the folder of a single run, with Hydra's own beside its record."""
        return len(self.records) == 1 and (self.folder / ".hydra").is_dir()

    def all_problems(self) -> list[str]:
        """Its problems, and a sentence on each file of arrays that is not as it was written."""
        damaged: list[str] = []
        for home in dict.fromkeys(self.homes.values()):
            records = [record for record in self.records if self.homes[record.key] == home]
            damaged += damaged_blocks(home, records).values()
        return self.problems + damaged

    def arrays(self, record: Record) -> Arrays:
        """A run's history and weights, by the names in outputs/README.md.

        Raises:
            ConfigError: it has none, or they are damaged.
        """
        return load_arrays(self.homes[record.key], record)

    def series(self, name: str) -> dict[int, NDArray[np.generic]]:
        """One array of every run that has it, by the run's index.

        Each block's file is read and checked once, where `arrays` reads it for every run. Runs without arrays and runs
        of damaged blocks are left out, and those of an earlier version that did not keep it.
        """
        blocks: dict[tuple[Path, str, str | None], list[Record]] = {}
        for record in self.records:
            if record.block is not None:
                blocks.setdefault((self.homes[record.key], record.block, record.digest), []).append(record)
        series: dict[int, NDArray[np.generic]] = {}
        for (home, _, _), members in blocks.items():
            with suppress(ConfigError):
                for rows in load_block(home, members[0], [name]).values():
                    series.update((record.index, rows[record.slot]) for record in members)
        return series

    def groups(self) -> list[Group]:
        """Its runs, those that differ only by seed together."""
        return [Group(name, members) for name, members in grouped(self.records)]

    def run(self, index: int) -> Record:
        """The run with an index.

        Raises:
            ConfigError: there is none.
        """
        for record in self.records:
            if record.index == index:
                return record
        raise ConfigError(f"{self.folder} has no run {index}: its runs.csv lists them")


def load(folder: str | Path) -> Sweep:
    """Read a run's or a sweep's folder.

    Raises:
        ConfigError: it has no records.
    """
    records, problems, homes, planned = read_jobs(Path(folder))
    if not records and planned:
        raise ConfigError(f"{folder} has no records yet: none of its {counted(planned, 'run')} is done")
    if not records:
        raise ConfigError(f"{folder} has no records: give the folder of a run or a sweep, as in outputs/sweeps/NAME")
    return Sweep(Path(folder), records, problems, homes, planned)


def frame(records: Sequence[Record]) -> pd.DataFrame:
    """One row per run, the columns of runs.csv: index, key, label, status, swept keys, seed, metrics, seconds."""
    return pd.DataFrame(rows_of(records)).set_index("index")
