"""The command that prices every method at several sizes and lengths, for RESULTS.md.

python -m flipflop.cli.cost_growth outputs/sweeps/data_movement docs/results/cost.csv
"""

import argparse
import csv
import io
from collections.abc import Sequence
from pathlib import Path

from flipflop.cli.exits import ending
from flipflop.cost.growth import measured
from flipflop.records.files import write_atomically
from flipflop.results.load import load
from flipflop.sweep.hydra.configs import configs


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the CSV that the command line names.

    Raises:
        SystemExit: with exit code 2 without records, 1 if it cannot be written.
    """
    parser = argparse.ArgumentParser(
        prog="python -m flipflop.cli.cost_growth",
        description="Price an outer step of every method at several sizes and lengths, and what a solution costs.",
    )
    parser.add_argument("sweep", type=Path, metavar="DIR", help="runs of sweeps/data_movement.yaml")
    parser.add_argument("csv", type=Path, metavar="FILE", help="where to write the numbers")
    given = parser.parse_args(arguments)
    with ending():
        rows = list(measured(configs, load(given.sweep).records))
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_atomically(given.csv, text.getvalue().encode())


if __name__ == "__main__":
    main()


if __name__ == "__main__":
    main()
