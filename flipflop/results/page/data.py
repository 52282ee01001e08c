"""The data that the page's script shows of a picked run."""

import json
import shlex
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flipflop.records.record import Record
from flipflop.results.load import Sweep
from flipflop.results.page.html import last_line

CURVE = 200  # points of a run's pain curve, at most,
ALL_CURVES = 400_000  # and of all runs', so that a page of 10,000 runs still opens


def differing_settings(records: Sequence[Record]) -> list[str]:
    """The settings in which records differ, the seed too."""
    keys = dict.fromkeys(key for record in records for key in record.config)
    return [key for key in keys if len({json.dumps(record.config.get(key)) for record in records}) > 1]


def setting_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def data_of(sweep: Sweep) -> dict[str, Any]:
    """What a picked run shows: its metrics, the settings in which runs differ, its pain curve."""
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
    """Means of even stretches, to 3 digits; None where one is no number. page.js knows the stretches."""
    points = min(most, len(values))
    bounds = np.arange(points + 1) * len(values) // points
    with np.errstate(over="ignore", invalid="ignore"):
        means = np.add.reduceat(values.astype(float), bounds[:-1]) / np.diff(bounds)
    return [_rounded(mean, 3) for mean in means.tolist()]


def _rounded(value: Any, digits: int) -> Any:
    """A number to so many digits, None for one that JSON has not; anything else as it is."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.{digits}g}") if np.isfinite(value) else None
