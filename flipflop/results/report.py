"""A folder of records as tables, whoever wrote it: printed, and as runs.csv and summary.csv."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from flipflop.config import ConfigError
from flipflop.results.table import show_run, show_sweep, write_tables
from flipflop.sweep.records import FINISHED, damaged_blocks, read_jobs


def main(arguments: Sequence[str] | None = None) -> None:
    """Report on the folder that the command line names.

    Raises:
        SystemExit: with exit code 2 if there is nothing to report on, 1 if the tables cannot be written.
    """
    parser = argparse.ArgumentParser(
        prog="python -m flipflop.report",
        description="Print the table of a sweep, or what a single run came to, and write runs.csv and summary.csv "
        "anew. It reads sweeps of flipflop and of Hydra's stock launchers.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="outputs/sweeps/NAME or outputs/runs/STAMP")
    try:
        report(parser.parse_args(arguments).folder, Console())
    except ConfigError as error:
        sys.exit(_say(str(error), code=2))
    except OSError as error:
        sys.exit(_say(f"{error.filename or 'a file'} cannot be used: {error.strerror or error}", code=1))


def report(folder: Path, console: Console) -> None:
    """Print what is in a folder and write its tables.

    Raises:
        ConfigError: it has no records.
        OSError: its tables cannot be written.
    """
    records, problems, homes = read_jobs(folder)
    for home in dict.fromkeys(homes.values()):
        problems += damaged_blocks(home, [record for record in records if homes[record.key] == home]).values()
    for problem in problems:
        console.print(f"note: {problem}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    if not records:
        raise ConfigError(f"{folder} has no records: give the folder of a run or a sweep, as in outputs/sweeps/NAME")
    write_tables(records, folder)
    if (folder / ".hydra").is_dir() and len(records) == 1 and records[0].status in FINISHED:
        show_run(records[0], folder, console)
    else:
        show_sweep(records, folder, console)


def _say(sentence: str, code: int) -> int:
    print("flipflop:", *sentence.split(), file=sys.stderr)
    return code
