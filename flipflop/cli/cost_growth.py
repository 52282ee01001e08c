"""The command that computes the data-movement cost of every method at several sizes and lengths, for RESULTS.md.

python -m flipflop.cli.cost_growth outputs/sweeps/data_movement docs/results/cost.csv
"""

import argparse
import csv
import io
from collections.abc import Sequence
from pathlib import Path

from flipflop.cli.exits import exit_on_error
from flipflop.cost.growth import measured
from flipflop.records.files import write_atomically
from flipflop.results.load import load
from flipflop.sweep.hydra.configs import configs


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the CSV that the command line names.

    Raises:
        SystemExit: WRONG_INPUT if the folder has no records, FAILURE if the file cannot be written.
    """
    parser = argparse.ArgumentParser(
        prog="python -m flipflop.cli.cost_growth",
        description="Write what an outer step and a solution cost in data movement, for every method at several sizes "
        "and lengths.",
    )
    parser.add_argument("sweep", type=Path, metavar="DIR", help="the folder of the sweep sweeps/data_movement.yaml")
    parser.add_argument("csv", type=Path, metavar="FILE", help="the file to write")
    options = parser.parse_args(arguments)
    with exit_on_error():
        rows = list(measured(configs, load(options.sweep).records))
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_atomically(options.csv, text.getvalue().encode())


if __name__ == "__main__":
    main()
