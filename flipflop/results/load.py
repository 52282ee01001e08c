"""Reading of finished runs as records, pandas tables and numpy arrays, from which figures and reports are made."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flipflop.config.rules import ConfigError
from flipflop.plurals import counted
from flipflop.records.arrays import Arrays, load_arrays, load_block
from flipflop.records.configs import unmet_needs
from flipflop.records.grouping import grouped
from flipflop.records.record import FINISHED, Record
from flipflop.records.store import damaged_blocks, read_jobs
from flipflop.results.tables import rows_of


@dataclass(frozen=True)
class Group:
    """Runs that differ only by seed."""

    name: dict[str, str]  # {column: cell}, the label and swept keys; empty if the sweep is over seeds alone
    records: list[Record]

    @property
    def title(self) -> str:
        """The name as one line of text: `regime=parallel, controller.hidden=8`."""
        return ", ".join(cell if key == "label" else f"{key}={cell}" for key, cell in self.name.items()) or "all runs"

    @property
    def trials(self) -> list[Record]:
        """The runs with a result; a diverged run is a trial without success, a failed one is no trial."""
        return [record for record in self.records if record.status in FINISHED]


@dataclass(frozen=True)
class Sweep:
    """The runs of a folder: of a sweep by any launcher, or a single run as a sweep of one."""

    folder: Path
    records: list[Record]
    problems: list[str]  # a sentence for each part of the folder that cannot be read as a record
    homes: dict[str, Path]  # {key of a run: folder of its record and arrays}
    planned: int  # number of runs of the sweep, finished or not

    @property
    def missing(self) -> int:
        """The number of planned runs without a record."""
        return self.planned - len(self.records)

    @property
    def is_single(self) -> bool:
        """True for the folder of a single run, in which Hydra makes a folder `.hydra`."""
        return len(self.records) == 1 and (self.folder / ".hydra").is_dir()

    def all_problems(self) -> list[str]:
        """Return the sweep's problems, and a sentence for each file of arrays that is damaged."""
        damaged: list[str] = []
        for home in dict.fromkeys(self.homes.values()):
            records = [record for record in self.records if self.homes[record.key] == home]
            damaged += damaged_blocks(home, records).values()
        return self.problems + damaged

    def parts_not_here(self) -> list[str]:
        """Return a sentence for each part that runs need to be replayed, and that is not here as it was."""
        needing = Counter(
            need
            for record in self.records
            if record.status in FINISHED and record.origins
            for need in unmet_needs(record, with_metrics=False)
        )
        return [f"{counted(number, 'run')} cannot be replayed without {need}" for need, number in needing.items()]

    def arrays(self, record: Record) -> Arrays:
        """Return a run's history and weights, by the names that outputs/README.md lists.

        Raises:
            ConfigError: the run has no arrays, or their file is damaged.
        """
        return load_arrays(self.homes[record.key], record)

    def series(self, name: str) -> dict[int, NDArray[np.generic]]:
        """Return one array of every run that has it, as {index of the run: array}.

        Each block's file is read and verified once, whereas `arrays` reads it once per run. Left out are runs without
        arrays, runs of damaged blocks, and runs of an earlier version of flipflop that did not store this array.

        Args:
            name: of the array, as in outputs/README.md.
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
        """Return the runs in groups that differ only by seed."""
        return [Group(name, members) for name, members in grouped(self.records)]

    def run(self, index: int) -> Record:
        """Return the run with this index.

        Raises:
            ConfigError: no run has this index.
        """
        for record in self.records:
            if record.index == index:
                return record
        raise ConfigError(f"{self.folder} has no run {index}: its runs.csv lists them")


def load(folder: str | Path) -> Sweep:
    """Read the folder of a run or of a sweep.

    Raises:
        ConfigError: the folder has no records.
    """
    records, problems, homes, planned = read_jobs(Path(folder))
    if not records and planned:
        raise ConfigError(f"{folder} has no records yet: none of its {counted(planned, 'run')} is done")
    if not records:
        raise ConfigError(f"{folder} has no records: give the folder of a run or a sweep, as in outputs/sweeps/NAME")
    return Sweep(Path(folder), records, problems, homes, planned)


def to_dataframe(records: Sequence[Record]) -> pd.DataFrame:
    """Return a table of one row per run, indexed by the run's index, with the columns of runs.csv.

    These are key, label, status, the swept keys, seed, the metrics and seconds.
    """
    return pd.DataFrame(rows_of(records)).set_index("index")
