"""The command that compares sweeps: python -m flipflop.compare."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from flipflop.cli.exits import exit_on_error
from flipflop.config.rules import ConfigError
from flipflop.records.files import write_atomically
from flipflop.results.compare.matching import choices, compare_by, compare_sweeps
from flipflop.results.compare.tables import frame, show
from flipflop.results.load import load


def compare(folders: Sequence[Path], by: str | None, csv: Path | None, console: Console) -> None:
    """Print how groups of runs differ between sweeps, or between the values of one key.

    Args:
        folders: the folders of the sweeps; the first one is compared with each of the others.
        by: the key by whose values the groups are compared, in all sweeps together; None to compare the sweeps.
        csv: the file to write the same numbers to, or None.
        console: where to print.

    Raises:
        ConfigError: a folder has no records, groups cannot be told apart by the key, or nothing can be compared.
        OSError: the CSV file cannot be written.
    """
    sweeps = [load(folder) for folder in folders]
    for sweep in sweeps:
        for problem in sweep.problems:
            console.print(f"note: {problem}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    if by is None and len(sweeps) == 1:
        keys, sentence = choices(sweeps[0])
        advice = "give --by and one of these keys, or a second sweep" if keys else "give a second sweep"
        raise ConfigError(f"one sweep has nothing to be compared with: {sentence}; {advice}")
    result = compare_sweeps(sweeps) if by is None else compare_by(sweeps, by)
    show(result, console)
    if csv is not None:
        write_atomically(csv, frame(result).to_csv(index=False).encode())


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare the sweeps that the command line names.

    Raises:
        SystemExit: WRONG_INPUT if they cannot be compared, FAILURE if the CSV file cannot be written.
    """
    parser = argparse.ArgumentParser(
        prog="python -m flipflop.compare",
        description="Compare the groups of runs of each sweep with those of the first sweep that have the same config, "
        "apart from the keys in which the sweeps differ as a whole. Or, with --by, compare groups that differ in one "
        "key alone with those that have its first value. Prints success rates with 95%% intervals, exact p values, "
        "median steps and pain.",
    )
    parser.add_argument(
        "folders", type=Path, metavar="DIR", nargs="+", help="outputs/sweeps/NAME or outputs/runs/STAMP"
    )
    parser.add_argument("--by", metavar="KEY", help="a key in which runs differ, such as controller.hidden or regime")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="a file to write the same numbers to, unrounded")
    options = parser.parse_args(arguments)
    with exit_on_error():
        compare(options.folders, options.by, options.csv, Console())
