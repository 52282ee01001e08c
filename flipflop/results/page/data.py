"""The data from which the page's script shows a picked run."""

import json
import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flipflop.records.record import Record
from flipflop.results.load import Sweep

CURVE = 200  # the most points of a run's pain curve
ALL_CURVES = 400_000  # the most points of all curves, so that a browser can open the page of 10,000 runs


def differing_settings(records: Sequence[Record]) -> list[str]:
    """Return the keys of the settings in which records differ, including the seed."""
    keys = dict.fromkeys(key for record in records for key in record.config)
    return [key for key in keys if len({json.dumps(record.config.get(key)) for record in records}) > 1]


def setting_text(value: object) -> str:
    """Return a setting's value as text."""
    return value if isinstance(value, str) else json.dumps(value)


def data_of(sweep: Sweep) -> dict[str, Any]:
    """Return the data of all runs: metrics, the settings in which runs differ, and pain curves.

    The names of metrics and settings are given once; a run has its values in the same order.
    """
    metrics = list(dict.fromkeys(name for record in sweep.records for name in record.metrics))
    differing = differing_settings(sweep.records)
    pains = sweep.series("pain")
    points = min(CURVE, max(20, ALL_CURVES // len(sweep.records)))
    runs: dict[int, dict[str, Any]] = {}
    for record in sweep.records:
        run: dict[str, Any] = {
            "status": record.status,
            "settings": [setting_text(record.config.get(key)) for key in differing],
        }
        if record.metrics:
            run["metrics"] = [_rounded(record.metrics.get(name), 6) for name in metrics]
        if record.error:
            run["error"] = last_line(record.error)
        pain = pains.get(record.index, np.empty(0))
        if pain.size:
            run["curve"] = {"every": record.config["history.every"], "kept": pain.size, "pain": _thinned(pain, points)}
        runs[record.index] = run
    return {
        "metrics": [name.replace("_", " ") for name in metrics],
        "settings": differing,
        "command": f"python -m flipflop.report {shlex.quote(str(sweep.folder))} --run",
        "runs": runs,
    }


def _thinned(values: NDArray[np.generic], most: int) -> list[float | None]:
    """Return at most `most` means over parts of the values of equal length, rounded to 3 digits.

    A mean that is not finite becomes None. page.js computes the same parts.
    """
    points = min(most, len(values))
    bounds = np.arange(points + 1) * len(values) // points
    with np.errstate(over="ignore", invalid="ignore"):
        means = np.add.reduceat(values.astype(float), bounds[:-1]) / np.diff(bounds)
    return [_rounded(mean, 3) for mean in means.tolist()]


def _rounded(value: Any, digits: int) -> Any:
    """Return a float rounded to significant digits, or None if it is not finite; return anything else unchanged."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.{digits}g}") if np.isfinite(value) else None


def last_line(error: str) -> str:
    """Return the last line of an error, of which a traceback's is the message; at most 300 characters."""
    lines = error.strip().splitlines()
    return lines[-1][-300:] if lines else ""
