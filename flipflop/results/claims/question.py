"""A question and what came of it: the header of its file in sweeps/, and its runs in docs/results/ as one row each.

These rows are the sweep's runs.csv, committed: what took hours to compute must outlive the machine that did.
"""

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import yaml

from flipflop.statistics import boschloo, fisher, wilson

Row = dict[str, str]
ROOT = Path(__file__).resolve().parents[3]  # of a checkout


SWEEPS, TABLES = ROOT / "sweeps", ROOT / "docs" / "results"
MOST_BOSCHLOO = 60  # runs in two arms together: beyond, Boschloo's test takes seconds and Fisher's loses little
SOLID = 0.99  # mean accuracy of a latch that held: science asks whether it lasts, not whether it is mostly right


@dataclass(frozen=True)
class Arm:
    """Runs of one label: those that differ only by seed."""

    label: str
    rows: Sequence[Row]
    planned: int  # seeds in the sweep file

    @property
    def tried(self) -> list[Row]:
        """Its trials: runs with an outcome."""
        return [row for row in self.rows if row["status"] in ("ok", "diverged")]

    @property
    def trials(self) -> int:
        """How many."""
        return len(self.tried)

    @property
    def successes(self) -> int:
        """How many of them solve."""
        return self.count("success")

    def count(self, column: str) -> int:
        """How many trials have True in a column."""
        return sum(row[column] == "True" for row in self.tried)

    def solid(self, column: str) -> int:
        """How many trials have at least SOLID in a column of accuracies."""
        return sum(float(row[column] or 0) >= SOLID for row in self.tried)

    def median(self, column: str) -> float | None:
        """The median of a column, what is empty as later than all: None if it falls there."""
        values = [float(row[column]) if row[column] else math.inf for row in self.tried]
        middle = median(values) if values else math.inf
        return middle if math.isfinite(middle) else None

    @property
    def seconds(self) -> float:
        """CPU seconds."""
        return sum(float(row["seconds"]) for row in self.rows)


@dataclass(frozen=True)
class Question:
    """One file of sweeps/ and its answer's rows."""

    name: str
    asked: str
    page: str  # what the page says to it; empty if nothing
    arms: dict[str, Arm]  # by label, in the order of the file; those without a run are there

    @property
    def columns(self) -> list[str]:
        """Of its rows."""
        return list(next(row for arm in self.arms.values() for row in arm.rows))


def read(name: str, table: Path | None = None) -> Question | None:
    """A question by its file's name; None if its runs are not in docs/results/ yet."""
    path = table or TABLES / f"{name}.csv"
    if not path.is_file():
        return None
    text = (SWEEPS / f"{name}.yaml").read_text()
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    sweeper = yaml.safe_load(text)["hydra"]["sweeper"]
    grids = sweeper.get("grids") or [{"label": "all runs", "params": sweeper["params"]}]
    shared = sweeper.get("base") or {}
    arms = {}
    for grid in grids:
        own = [row for row in rows if row["label"] == grid["label"] or not row["label"]]
        params = {**shared, **(grid.get("params") or {})}
        planned = _seeds(str(params.get("seed", "0")))
        swept = [key for key, values in params.items() if key != "seed" and "," in str(values)]
        swept = [key for key in swept if not str(params[key]).startswith("[")]  # a list is one value
        for cells in dict.fromkeys(tuple(row[key] for key in swept) for row in own) or [()]:
            parts = [f"{key.rpartition('.')[2]} {cell}" for key, cell in zip(swept, cells, strict=False)]
            label = ", ".join([grid["label"], *parts])
            members = [row for row in own if tuple(row[key] for key in swept) == cells or not cells]
            arms[label] = Arm(label, members, planned)
    asked, page = (_said(text, start) for start in ("Question: ", "The page: "))
    return Question(name, asked, page, arms)


def _said(text: str, start: str) -> str:
    """A sentence of the header, which may go on over lines; empty if there is none."""
    found = re.search(rf"^# {start}(.*(?:\n# (?!The page: |Cost: |  ).*)*)", text, re.MULTILINE)
    return re.sub(r"\n# ", " ", found[1]) if found else ""


def _seeds(text: str) -> int:
    from flipflop.config.ranges import expand

    return len(expand("seed", text).split(","))


def p_value(one: tuple[int, int], other: tuple[int, int]) -> float:
    """The exact two-sided p of two rates (k, n): Boschloo's up to MOST_BOSCHLOO runs, Fisher's beyond."""
    test = boschloo if one[1] + other[1] <= MOST_BOSCHLOO else fisher
    return test(*one, *other)


def interval(successes: int, trials: int) -> str:
    """`.86 to .97`: the 95% Wilson interval."""
    if trials == 0:
        return "no trial"
    low, high = (f"{bound:.2f}" for bound in wilson(successes, trials))
    return f"{low} to {high}"
