"""The command that compares sweeps: python -m flipflop.compare."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from flipflop.cli.exits import ending
from flipflop.config.rules import ConfigError
from flipflop.records.files import write_atomically
from flipflop.results.compare.matching import choices, compare_by, compare_sweeps
from flipflop.results.compare.tables import frame, show
from flipflop.results.load import load


def compare(folders: Sequence[Path], by: str | None, csv: Path | None, console: Console) -> None:
    """Print what differs between sweeps, or within one by a key, and write it as CSV if asked.

    Raises:
        ConfigError: a folder without records, a key that does not tell, or nothing that can be compared.
        OSError: the CSV file cannot be written.
    """
    sweeps = [load(folder) for folder in folders]
    for sweep in sweeps:
        for problem in sweep.problems:
            console.print(f"note: {problem}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    if by is None and len(sweeps) == 1:
        keys, told = choices(sweeps[0])
        how = "give --by and one of these keys, or a second sweep" if keys else "give a second sweep"
        raise ConfigError(f"one sweep has nothing to be compared with: {told}; {how}")
    result = compare_sweeps(sweeps) if by is None else compare_by(sweeps, by)
    show(result, console)
    if csv is not None:
        write_atomically(csv, frame(result).to_csv(index=False).encode())


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare the sweeps that the command line names.

    Raises:
        SystemExit: with exit code 2 if they cannot be compared, 1 if the CSV file cannot be written.
    """
    parser = argparse.ArgumentParser(
        prog="python -m flipflop.compare",
        description="Compare sweeps: groups of runs with the same config, but for the keys in which the sweeps differ "
        "as a whole, with those of the first sweep. Or, with --by, groups that differ in one key, all else equal, with "
        "those that have its first value. Rates with 95%% intervals, exact p, median steps and pain.",
    )
    parser.add_argument(
        "folders", type=Path, metavar="DIR", nargs="+", help="outputs/sweeps/NAME or outputs/runs/STAMP"
    )
    parser.add_argument("--by", metavar="KEY", help="a key in which runs differ, as controller.hidden or regime")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the same numbers there, unrounded")
    given = parser.parse_args(arguments)
    with ending():
        compare(given.folders, given.by, given.csv, Console())
