"""Pain over training: the median and spread of each group."""

from collections.abc import Sequence
from math import ceil, sqrt
from statistics import mode
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from flipflop.progress import counted
from flipflop.results.figures.panels import MOST_LINES, add_legend, add_title, groups_drawn, lay_out, span_training
from flipflop.results.figures.solved import steps_label
from flipflop.results.figures.style import in_style
from flipflop.results.load import Group, Sweep

Floats = NDArray[np.float64]
MOST_BANDS = 3  # in one plot: more that overlap are mud
PARTS = 200  # of a training, over each of which pain is averaged
DIVERGED = 1e6  # pain beyond it is that of a run that is diverging: outputs/README.md


class Band(NamedTuple):
    """Pain over training in a group."""

    group: Group
    runs: int  # in it
    steps: Floats  # outer steps, the middles of the parts over which pain is averaged
    low: Floats  # 10% quantile over runs
    median: Floats
    high: Floats  # 90% quantile over runs


@in_style
def pain(sweep: Sweep, groups: Sequence[Group]) -> Figure | None:
    """The controller's pain in training, median and 10-90% band over a group's runs; None if no run has left any."""
    rows = sweep.series("pain")
    bands = [band for group in groups if (band := _band(group, rows)) is not None]
    if not bands:
        return None
    names = [f"{band.group.title} (n={band.runs})" for band in bands]
    most = MOST_BANDS if any(band.runs > 1 for band in bands) else MOST_LINES
    figure, places, looks = lay_out(names, most, 3.4, "training pain", "median", steps_label(groups))
    for band, place in zip(bands, places, strict=False):
        place.axes.plot(band.steps, band.median, color=place.color, linestyle=place.dash, linewidth=1.4)
        if band.runs > 1:
            place.axes.fill_between(band.steps, band.low, band.high, color=place.color, alpha=0.18, linewidth=0)

    drawn = bands[: len(places)]
    if any(band.runs > 1 for band in drawn):
        looks.append(Patch(color="0.5", alpha=0.3, linewidth=0, label="10-90% of runs"))
    highest, lowest = max(band.high.max() for band in drawn), min(band.low.min() for band in drawn)
    if highest > 0:
        places[0].axes.set_yscale("log")  # panels share it
    if lowest > 0 and highest < 10 * lowest:  # noise would fill the plot: a decade at least
        middle = sqrt(lowest * highest)
        places[0].axes.set_ylim(middle / sqrt(10), middle * sqrt(10))
    end = span_training(places, [band.group for band in drawn])
    warmups = {band.group.records[0].config.get("method.warmup_steps") for band in drawn}
    if len(warmups) == 1 and 0 < (warmup := warmups.pop() or 0) <= end:
        for axes in dict.fromkeys(place.axes for place in places):
            axes.axvline(warmup, color="0.5", linewidth=0.8, linestyle=":")
        looks.append(Line2D([], [], color="0.5", linewidth=0.8, linestyle=":", label=f"warm-up ends at {warmup:,}"))
    add_legend(figure, looks)

    runs = sum(band.runs for band in bands)
    diverged = sum(record.status == "diverged" for band in bands for record in band.group.records)
    told = [
        f"Pain over training, median and 10-90% over runs, each averaged over at most {PARTS} parts of its steps: "
        f"{counted(runs, 'run')}, {groups_drawn(len(drawn), len(bands))}"
    ]
    if diverged:
        told.append(f"{counted(diverged, 'run')} diverged, drawn until then")
    if stopped := sum(bool(r.metrics.get("stopped_at")) for band in bands for r in band.group.records):
        told.append(f"{counted(stopped, 'run')} stopped early, drawn at their last pain from then on")
    if len(sweep.records) > runs:
        told.append(f"{counted(len(sweep.records) - runs, 'run')} without a readable history left out")
    add_title(figure, "; ".join(told))
    return figure


def _band(group: Group, rows: dict[int, NDArray[np.generic]]) -> Band | None:
    """A group's quantiles over the runs that have a history, each run averaged first; None if none has."""
    read = [record for record in group.records if record.index in rows and rows[record.index].size]
    if not read:
        return None
    every = mode(record.config["history.every"] for record in read)  # of others the parts would lie elsewhere
    read = [record for record in read if record.config["history.every"] == every]
    series = np.stack([rows[record.index] for record in read]).astype(float)
    for row, record in zip(series, read, strict=True):
        if stopped_at := record.metrics.get("stopped_at"):  # else those that solve would leave the others' pain behind
            last = stopped_at // every
            row[last:] = row[last - 1] if last else np.nan
    steps, means = _averaged(every * np.arange(1, series.shape[1] + 1.0), series)
    means = means[np.isfinite(means).any(1)]
    seen = np.isfinite(means).any(0)  # later on all have diverged
    if not seen.any():
        return None
    return Band(group, len(means), steps[seen], *np.nanquantile(means[:, seen], (0.1, 0.5, 0.9), axis=0))


def _averaged(steps: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Means of every 1/200 of the columns, one column at least; NaN where a run has diverged or is about to."""
    width = ceil(steps.size / PARTS)
    starts = np.arange(0, steps.size, width)
    sizes = np.diff([*starts, steps.size])
    sound = np.where(np.abs(rows) <= DIVERGED, rows, np.nan)
    return np.add.reduceat(steps, starts) / sizes, np.add.reduceat(sound, starts, axis=1) / sizes
