"""Titles of the figures of a run."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from flipflop.records.record import Record

Floats = NDArray[np.floating]


def run_title(record: Record) -> str:
    """Which run, for a title."""
    regime = record.config.get("regime.name", "")
    diverged = ", diverged" if record.status == "diverged" else ""
    return f"run {record.index}, seed {record.config.get('seed')}, {regime}{diverged}"


def add_title(figure: Figure, text: str) -> None:
    figure.suptitle(text, fontsize=10, parse_math=False)
