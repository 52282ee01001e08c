"""A question and its runs: the header of a file in sweeps/, and its table in docs/results/ with one row per run.

The table is the runs.csv of the sweep. It is committed because the sweeps take long to compute.
"""

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from flipflop.statistics import boschloo, fisher, wilson

Row = dict[str, str]
ROOT = Path(__file__).resolve().parents[3]  # of a checkout
SWEEPS, TABLES = ROOT / "sweeps", ROOT / "docs" / "results"
MOST_BOSCHLOO = 60  # runs of two arms together; for more, Boschloo's test takes seconds and Fisher's is nearly as sharp
SOLID = 0.99  # mean accuracy above which a latch is called solid: correct at nearly every time step


@dataclass(frozen=True)
class Arm:
    """The runs of one label, which differ only by seed."""

    label: str
    rows: Sequence[Row]
    planned: int  # number of seeds in the sweep file

    @property
    def tried(self) -> list[Row]:
        """Return the rows of its trials: runs with a result."""
        return [row for row in self.rows if row["status"] in ("ok", "diverged")]

    @property
    def trials(self) -> int:
        """Return the number of trials."""
        return len(self.tried)

    @property
    def successes(self) -> int:
        """Return the number of trials with success."""
        return self.count("success")

    def count(self, column: str) -> int:
        """Return the number of trials with True in a column."""
        return sum(row[column] == "True" for row in self.tried)

    def solid(self, column: str) -> int:
        """Return the number of trials with at least SOLID in a column of accuracies."""
        return sum(float(row[column] or 0) >= SOLID for row in self.tried)

    def median(self, column: str) -> float | None:
        """Return the median of a column, where an empty cell counts as larger than all; None if it is such a cell."""
        values = [float(row[column]) if row[column] else math.inf for row in self.tried]
        middle = median(values) if values else math.inf
        return middle if math.isfinite(middle) else None

    @property
    def seconds(self) -> float:
        """Return the CPU seconds of all its runs."""
        return sum(float(row["seconds"]) for row in self.rows)


@dataclass(frozen=True)
class Question:
    """One file of sweeps/ with the rows of its runs."""

    name: str  # of the file
    asked: str  # the question in its header
    page: str  # what the page says about it; empty if nothing
    arms: dict[str, Arm]  # by label, in the order of the file, including those without runs

    @property
    def columns(self) -> list[str]:
        """Return the columns of its table."""
        return list(next(row for arm in self.arms.values() for row in arm.rows))


def read(name: str, table: Path | None = None) -> Question | None:
    """Return the question of a file in sweeps/, by name; None if docs/results/ does not have its runs yet.

    Args:
        name: of the file, without its suffix.
        table: the file with its runs; None: that in docs/results/.
    """
    path = table or TABLES / f"{name}.csv"
    if not path.is_file():
        return None
    text = (SWEEPS / f"{name}.yaml").read_text()
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    sweeper = yaml.safe_load(text)["hydra"]["sweeper"]
    grids = sweeper.get("grids") or [{"label": "all runs", "params": sweeper["params"]}]
    shared = sweeper.get("base") or {}
    arms: dict[str, Arm] = {}
    for grid in grids:
        grid_rows = [row for row in rows if row["label"] == grid["label"] or not row["label"]]
        arms |= _arms_of_grid(grid["label"], {**shared, **(grid.get("params") or {})}, grid_rows)
    asked, page = (_sentence(text, start) for start in ("Question: ", "The page: "))
    return Question(name, asked, page, arms)


def _arms_of_grid(label: str, params: dict[str, Any], rows: Sequence[Row]) -> dict[str, Arm]:
    """Return the arms of one grid by label: one for each combination of swept values other than the seed."""
    planned = _seeds(str(params.get("seed", "0")))
    swept = [key for key, values in params.items() if key != "seed" and "," in str(values)]
    swept = [key for key in swept if not str(params[key]).startswith("[")]  # a list is one value
    arms = {}
    for cells in dict.fromkeys(tuple(row[key] for key in swept) for row in rows) or [()]:
        values = [f"{key.rpartition('.')[2]} {cell}" for key, cell in zip(swept, cells, strict=False)]
        arm = ", ".join([label, *values])
        members = [row for row in rows if tuple(row[key] for key in swept) == cells or not cells]
        arms[arm] = Arm(arm, members, planned)
    return arms


def _sentence(text: str, start: str) -> str:
    """Return a sentence of the header, which may continue over lines; empty if there is none."""
    match = re.search(rf"^# {start}(.*(?:\n# (?!The page: |Cost: |  ).*)*)", text, re.MULTILINE)
    return re.sub(r"\n# ", " ", match[1]) if match else ""


def _seeds(text: str) -> int:
    """Return the number of seeds in an axis."""
    from flipflop.config.ranges import expand

    return len(expand("seed", text).split(","))


def p_value(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Return the exact two-sided p-value of two rates (successes, trials).

    The test is Boschloo's up to MOST_BOSCHLOO trials together and Fisher's for more.
    """
    test = boschloo if first[1] + second[1] <= MOST_BOSCHLOO else fisher
    return test(*first, *second)


def interval(successes: int, trials: int) -> str:
    """Return the 95% Wilson interval of a success rate as text, `0.86 to 0.97`."""
    if trials == 0:
        return "no trial"
    low, high = (f"{bound:.2f}" for bound in wilson(successes, trials))
    return f"{low} to {high}"
