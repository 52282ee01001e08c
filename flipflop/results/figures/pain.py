"""The figure of pain over training: the median and the spread of each group."""

from collections.abc import Sequence
from math import ceil, sqrt
from statistics import mode
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from flipflop.plurals import counted
from flipflop.results.figures.panels import MOST_LINES, add_legend, lay_out, span_training, steps_label
from flipflop.results.figures.style import in_style
from flipflop.results.figures.titles import add_title, groups_shown
from flipflop.results.load import Group, Sweep

Floats = NDArray[np.float64]
MOST_BANDS = 3  # bands that can be distinguished in one plot where they overlap
PARTS = 200  # of a training, over each of which pain is averaged
DIVERGED = 1e6  # pain above it is left out, as that of a run that is diverging (outputs/README.md)


class Band(NamedTuple):
    """The quantiles of pain over a group's runs during training, (n,) each."""

    group: Group
    runs: int  # the number of runs with a history
    steps: Floats  # outer steps, the middles of the parts over which pain is averaged
    low: Floats  # 10% quantile over runs
    median: Floats
    high: Floats  # 90% quantile over runs


@in_style
def pain(sweep: Sweep, groups: Sequence[Group]) -> Figure | None:
    """Plot the controller's pain in training, median and 10-90% band over a group's runs; None without a history."""
    rows = sweep.series("pain")
    bands = [band for group in groups if (band := _band(group, rows)) is not None]
    if not bands:
        return None
    names = [f"{band.group.title} (n={band.runs})" for band in bands]
    most = MOST_BANDS if any(band.runs > 1 for band in bands) else MOST_LINES
    figure, places, entries = lay_out(names, most, 3.4, "training pain", "median", steps_label(groups))
    for band, place in zip(bands, places, strict=False):
        place.axes.plot(band.steps, band.median, color=place.color, linestyle=place.dash, linewidth=1.4)
        if band.runs > 1:
            place.axes.fill_between(band.steps, band.low, band.high, color=place.color, alpha=0.18, linewidth=0)

    shown = bands[: len(places)]
    if any(band.runs > 1 for band in shown):
        entries.append(Patch(color="0.5", alpha=0.3, linewidth=0, label="10-90% of runs"))
    _scale(places[0].axes, shown)
    end = span_training(places, [band.group for band in shown])
    warmups = {band.group.records[0].config.get("method.warmup_steps") for band in shown}
    if len(warmups) == 1 and 0 < (warmup := warmups.pop() or 0) <= end:
        for axes in dict.fromkeys(place.axes for place in places):
            axes.axvline(warmup, color="0.5", linewidth=0.8, linestyle=":")
        entries.append(Line2D([], [], color="0.5", linewidth=0.8, linestyle=":", label=f"warm-up ends at {warmup:,}"))
    add_legend(figure, entries)
    add_title(figure, _title(bands, len(shown), len(sweep.records)))
    return figure


def _scale(axes: Axes, bands: Sequence[Band]) -> None:
    """Use a logarithmic y-axis of at least a decade, or a linear one if all pain is 0; panels share it."""
    highest, lowest = max(band.high.max() for band in bands), min(band.low.min() for band in bands)
    if highest > 0:
        axes.set_yscale("log")
    if lowest > 0 and highest < 10 * lowest:  # in a smaller range noise would fill the plot
        middle = sqrt(lowest * highest)
        axes.set_ylim(middle / sqrt(10), middle * sqrt(10))


def _title(bands: Sequence[Band], shown: int, runs_of_sweep: int) -> str:
    """Return the title: what is plotted, and how many runs diverged, stopped early or have no history."""
    runs = sum(band.runs for band in bands)
    diverged = sum(record.status == "diverged" for band in bands for record in band.group.records)
    sentences = [
        f"Pain over training, median and 10-90% over runs, each averaged over at most {PARTS} parts of its steps: "
        f"{counted(runs, 'run')}, {groups_shown(shown, len(bands))}"
    ]
    if diverged:
        sentences.append(f"{counted(diverged, 'run')} diverged, drawn until then")
    if stopped := sum(bool(r.metrics.get("stopped_at")) for band in bands for r in band.group.records):
        sentences.append(f"{counted(stopped, 'run')} stopped early, drawn at their last pain from then on")
    if runs_of_sweep > runs:
        sentences.append(f"{counted(runs_of_sweep - runs, 'run')} without a readable history left out")
    return "; ".join(sentences)


def _band(group: Group, rows: dict[int, NDArray[np.generic]]) -> Band | None:
    """Return a group's quantiles over its runs, each run averaged over parts of its training first.

    None if no run has a history with a finite value.

    Args:
        group: of runs.
        rows: {index of a run: its pain at every history.every-th outer step}.
    """
    read = [record for record in group.records if record.index in rows and rows[record.index].size]
    if not read:
        return None
    every = mode(record.config["history.every"] for record in read)  # runs with another interval cannot be stacked
    read = [record for record in read if record.config["history.every"] == every]
    series = np.stack([rows[record.index] for record in read]).astype(float)
    for row, record in zip(series, read, strict=True):
        if stopped_at := record.metrics.get("stopped_at"):  # else only the unsolved would count later on
            last = stopped_at // every
            row[last:] = row[last - 1] if last else np.nan
    steps, means = _averaged(every * np.arange(1, series.shape[1] + 1.0), series)
    means = means[np.isfinite(means).any(1)]
    has_values = np.isfinite(means).any(0)  # later on all runs have diverged
    if not has_values.any():
        return None
    return Band(group, len(means), steps[has_values], *np.nanquantile(means[:, has_values], (0.1, 0.5, 0.9), axis=0))


def _averaged(steps: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Average steps and rows over at most PARTS parts of the columns, of one column each at least.

    Args:
        steps: (n,), outer steps.
        rows: (runs, n), pain at these steps.

    Returns:
        The mean steps, (parts,), and the mean pain, (runs, parts), NaN where a run's pain exceeds DIVERGED in absolute
        value or is NaN.
    """
    width = ceil(steps.size / PARTS)
    starts = np.arange(0, steps.size, width)
    sizes = np.diff([*starts, steps.size])
    valid = np.where(np.abs(rows) <= DIVERGED, rows, np.nan)
    return np.add.reduceat(steps, starts) / sizes, np.add.reduceat(valid, starts, axis=1) / sizes
