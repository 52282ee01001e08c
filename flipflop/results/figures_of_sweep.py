"""A sweep as pictures: success beside the paper's claims, training, steps to solve, how long is remembered, a map."""

import textwrap
from collections.abc import Sequence
from math import ceil, sqrt
from statistics import mode
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from flipflop.config import is_on_stream, step_of
from flipflop.core.evaluate import ByLag
from flipflop.results.load import Group, Sweep
from flipflop.results.paper import PAPER_STEPS, claim_of
from flipflop.results.statistics import kaplan_meier, wilson
from flipflop.results.style import BLUE, DASHES, ORANGE, SERIES, VERMILION, grid, in_style, new_figure
from flipflop.results.table import swept_keys
from flipflop.sweep.progress import counted
from flipflop.sweep.records import FINISHED, Record

Floats = NDArray[np.float64]

MOST_ROWS = 40  # of the figure of success
MOST_LINES = len(SERIES)  # in one plot; more groups get one each
MOST_BANDS = 3  # in one plot: more that overlap are mud
MOST_PANELS = 15
PARTS = 200  # of a training, over each of which pain is averaged
DIVERGED = 1e6  # pain beyond it is that of a run that is diverging: outputs/README.md
MOST_CELLS_WITH_TEXT = 20  # along the horizontal axis of a map


def draw(sweep: Sweep) -> dict[str, Figure]:
    """A sweep's figures by name, those that it has the data for: success, pain, solved, both_tests, lag, ..."""
    groups = sweep.groups()
    figures = {
        "success": success(groups),
        "pain": pain(sweep, groups),
        "solved": solved(groups),
        "both_tests": both_tests(groups),
        "lag": lag(sweep, groups),
        "lengths": lengths(groups),
        "heat": heat(sweep, groups),
    }
    return {name: figure for name, figure in figures.items() if figure is not None}


@in_style
def success(groups: Sequence[Group]) -> Figure:
    """Each group's success rate with its 95% Wilson interval, and under it what the paper claims for its regime."""
    drawn = groups[:MOST_ROWS]
    names = [_wrapped(group.title, 44) for group in drawn]
    heights = [max(0.44, 0.16 * (name.count("\n") + 1) + 0.1) for name in names]
    middles = [sum(heights[:row]) + height / 2 for row, height in enumerate(heights)]  # in inches from the top

    figure = new_figure(8, sum(heights) + 1.6)
    axes = figure.subplots()
    for group, middle in zip(drawn, middles, strict=True):
        trials = _trials(group.records)
        successes = sum(record.metrics["success"] for record in trials)
        claim = claim_of(group.records[0].config)
        shift = 0.09 if claim else 0.0
        if trials:
            _interval(axes, successes, len(trials), middle - shift, BLUE, "o", "-")
        else:
            axes.text(0.5, middle - shift, "no trial", ha="center", va="center", color="0.3")
            axes.text(1.03, middle - shift, "0/0", va="center", color=BLUE, fontsize=8)
        if claim:
            _interval(axes, claim.successes, claim.trials, middle + shift, VERMILION, "D", "--")
    for edge in np.cumsum(heights)[:-1]:
        axes.axhline(edge, color="0.9", linewidth=0.6)
    axes.set_yticks(middles, names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(sum(heights), 0)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xticks(np.linspace(0, 1, 6), [f"{tick:.0%}" for tick in np.linspace(0, 1, 6)])
    axes.set_xlabel("success rate (share of trials), with 95% Wilson interval")
    axes.grid(axis="x", color="0.9", linewidth=0.6)

    looks = [Line2D([], [], color=BLUE, marker="o", label="this sweep")]
    compared = [group.records[0].config for group in drawn if claim_of(group.records[0].config)]
    if compared:
        same = dict.fromkeys("version" if is_on_stream(settings) else "regime" for settings in compared)
        label = f"the paper's claim, same {' or '.join(same)}"
        looks.append(Line2D([], [], color=VERMILION, marker="D", markersize=5, ls="--", label=label))
    _legend(figure, looks)
    runs = sum(len(group.records) for group in groups)
    trials_of_all = sum(len(_trials(group.records)) for group in groups)
    failed = f"; {runs - trials_of_all:,} failed, no trials" if runs > trials_of_all else ""
    _title(figure, f"Success rate: {counted(trials_of_all, 'trial')}, {_of(len(drawn), len(groups))}{failed}")
    return figure


def _interval(axes: Axes, successes: int, trials: int, y: float, color: str, marker: str, dash: str) -> None:
    """A rate as a marker in its interval, and as numbers at the right."""
    low, high = wilson(successes, trials)
    axes.plot([low, high], [y, y], dash, color=color, linewidth=1.5)
    axes.plot([successes / trials], [y], marker, color=color, markersize=5 if marker == "D" else 6, clip_on=False)
    axes.text(1.03, y, f"{successes}/{trials}", va="center", color=color, fontsize=8)


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
    figure, places, looks = _places(names, most, 3.4, "training pain", "median", _steps(groups))
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
    end = _span(places, [band.group for band in drawn])
    warmups = {band.group.records[0].config.get("method.warmup_steps") for band in drawn}
    if len(warmups) == 1 and 0 < (warmup := warmups.pop() or 0) <= end:
        for axes in dict.fromkeys(place.axes for place in places):
            axes.axvline(warmup, color="0.5", linewidth=0.8, linestyle=":")
        looks.append(Line2D([], [], color="0.5", linewidth=0.8, linestyle=":", label=f"warm-up ends at {warmup:,}"))
    _legend(figure, looks)

    runs = sum(band.runs for band in bands)
    diverged = sum(record.status == "diverged" for band in bands for record in band.group.records)
    told = [
        f"Pain over training, median and 10-90% over runs, each averaged over at most {PARTS} parts of its steps: "
        f"{counted(runs, 'run')}, {_of(len(drawn), len(bands))}"
    ]
    if diverged:
        told.append(f"{counted(diverged, 'run')} diverged, drawn until then")
    if stopped := sum(bool(r.metrics.get("stopped_at")) for band in bands for r in band.group.records):
        told.append(f"{counted(stopped, 'run')} stopped early, drawn at their last pain from then on")
    if len(sweep.records) > runs:
        told.append(f"{counted(len(sweep.records) - runs, 'run')} without a readable history left out")
    _title(figure, "; ".join(told))
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


@in_style
def solved(groups: Sequence[Group]) -> Figure | None:
    """The share of a group's runs that have not solved the test yet, over outer steps; None without a trial.

    A run that never solved is censored at the end of its training. That holds for one that diverged, too: counted as
    lost from sight when it did, it would leave the share to those that went on, and ten runs of which five diverged
    and five solved would all look solved.
    """
    tried = [group for group in groups if _trials(group.records)]
    if not tried:
        return None
    counts = [(sum(_times(_trials(group.records))[1]), len(_trials(group.records))) for group in tried]
    names = [f"{group.title} ({seen}/{trials} solved)" for group, (seen, trials) in zip(tried, counts, strict=True)]
    figure, places, looks = _places(
        names, MOST_LINES, 2.6, "share of runs\nnot yet solved", "runs not yet solved", _steps(tried)
    )
    for group, place in zip(tried, places, strict=False):
        times, observed = _times(_trials(group.records))
        curve = kaplan_meier(times, observed)
        steps, shares = [0.0, *curve.times], [1.0, *curve.unsolved]
        place.axes.step(steps, shares, where="post", color=place.color, linestyle=place.dash)
        censored = sorted({time for time, was_seen in zip(times, observed, strict=True) if not was_seen})
        heights = [shares[np.searchsorted(steps, time, side="right") - 1] for time in censored]
        place.axes.plot(censored, heights, "+", color=place.color, markersize=9, markeredgewidth=1.5)
    places[0].axes.set_ylim(-0.03, 1.03)  # panels share it
    _span(places, tried[: len(places)])
    if any(seen < trials for seen, trials in counts):
        looks.append(Line2D([], [], color="0.3", marker="+", ls="", markersize=9, label="training ended unsolved"))
    _legend(figure, looks)

    records = [record for group in tried for record in _trials(group.records)]
    diverged = sum(record.status == "diverged" and record.metrics["steps_to_solve"] is None for record in records)
    told = f"Steps to solve: {counted(len(records), 'trial')}, {_of(len(places), len(tried))}"
    _title(figure, told + (f"; {counted(diverged, 'run')} diverged, unsolved to the end" if diverged else ""))
    return figure


@in_style
def both_tests(groups: Sequence[Group]) -> Figure | None:
    """The share of a group's runs that have solved the test by an environment step: with its burn-in, and from reset.

    None if no run was tested in both ways, as are those on a stream that is never reset.
    """
    tested = [group for group in groups if any("success_from_reset" in r.metrics for r in _trials(group.records))]
    if not tested:
        return None
    names = [f"{group.title} (n={len(_trials(group.records))})" for group in tested]
    figure, places, _ = _places(names, 0, 2.6, "share of runs\nthat have solved", "", "million environment steps")
    looks: dict[str, Line2D | Patch] = {}
    for group, place in zip(tested, places, strict=False):
        trials = [record for record in _trials(group.records) if "success_from_reset" in record.metrics]
        per_step = _environment_steps_per_step(trials[0])
        for metric, color, dash, name in (
            ("steps_to_solve", BLUE, "-", "after the burn-in"),
            ("steps_to_solve_from_reset", ORANGE, "-.", "from reset"),
        ):
            times, observed = _times(trials, metric)
            at = sorted(per_step * time / 1e6 for time, seen in zip(times, observed, strict=True) if seen)
            end = per_step * max(record.config["regime.steps"] for record in trials) / 1e6
            shares = np.arange(len(at) + 1) / len(trials)
            place.axes.step([0, *at, end], [*shares, shares[-1]], where="post", color=color, linestyle=dash)
            looks[name] = _line(color, dash, name)
        if claim := claim_of(group.records[0].config):
            place.axes.axhline(claim.successes / claim.trials, color=VERMILION, linestyle="--", linewidth=1)
            place.axes.axvline(PAPER_STEPS / 1e6, color=VERMILION, linestyle=":", linewidth=1)
            looks["rate"] = _line(VERMILION, "--", "the paper's rate")
            looks["steps"] = _line(VERMILION, ":", "its training steps, 10⁶")
    places[0].axes.set_ylim(-0.03, 1.03)  # panels share it
    _legend(figure, list(looks.values()))
    stopped = sum(bool(r.metrics.get("stopped_at")) for group in tested for r in _trials(group.records))
    told = f"; {counted(stopped, 'run')} stopped early, not tested after it" if stopped else ""
    _title(figure, f"Solved by environment steps, in both tests: {_of(len(places), len(tested))}{told}")
    return figure


def _steps(groups: Sequence[Group]) -> str:
    """What training is counted in."""
    steps = {step_of(group.records[0].config) for group in groups}
    return steps.pop() if len(steps) == 1 else "outer step (of the 1990 algorithm: environment step)"


def _environment_steps_per_step(record: Record) -> float:
    """How many environment steps one outer step of a run is."""
    metrics = record.metrics
    if metrics["steps_to_solve"]:
        return float(metrics["environment_steps_to_solve"] / metrics["steps_to_solve"])
    return float(metrics["environment_steps"] / record.config["regime.steps"])


def _times(trials: Sequence[Record], metric: str = "steps_to_solve") -> tuple[list[int], list[bool]]:
    """Per trial, the outer step at which it solved the test or its training was to end, and whether it solved it."""
    solved_at = [record.metrics[metric] for record in trials]
    ends = [record.config["regime.steps"] for record in trials]
    times = [end if time is None else time for time, end in zip(solved_at, ends, strict=True)]
    return times, [time is not None for time in solved_at]


@in_style
def lag(sweep: Sweep, groups: Sequence[Group]) -> Figure | None:
    """Accuracy over the time steps since the last A or B, a group's runs pooled; None if no run has counted any."""
    correct, steps = (sweep.series(f"by_lag.{name}") for name in ByLag._fields)
    curves: list[Curve] = []
    for group in groups:
        members = [record.index for record in group.records if record.index in steps]
        if members and (asked := np.sum([steps[index] for index in members], axis=0)).any():
            at = np.flatnonzero(asked)
            right = np.sum([correct[index] for index in members], axis=0)
            curves.append((group, at.tolist(), (right[at] / asked[at]).tolist()))
    if not curves:
        return None
    figure, axes = _accuracies(curves, "time steps since the last A or B", "runs pooled", "in the longest test, by lag")
    most = max(max(bins) for _, bins, _ in curves)
    every = ceil((most + 1) / (8 if len(curves) <= MOST_LINES else 4))
    axes.set_xticks(range(0, most + 1, every), [_lags(number) for number in range(0, most + 1, every)])
    return figure


def _lags(number: int) -> str:
    """The lags of a bin (flipflop.core.evaluate.ByLag)."""
    first, last = (0, 0) if number == 0 else (2 ** (number - 1), 2**number - 1)
    return str(first) if first == last else f"{first}-{last}"


@in_style
def lengths(groups: Sequence[Group]) -> Figure | None:
    """Mean accuracy in the final evaluation over its length; None if no run was evaluated at a second one."""
    curves: list[Curve] = []
    for group in groups:
        config, trials = group.records[0].config, _trials(group.records)
        names = {length: f"mean_accuracy_at_{length}" for length in config.get("eval.lengths", [])}
        names[config["eval.episode_length"]] = "mean_accuracy"
        told = {
            length: [trial.metrics[name] for trial in trials if trial.metrics.get(name) is not None]
            for length, name in sorted(names.items())
        }
        means = {length: float(np.mean(accuracies)) for length, accuracies in told.items() if accuracies}
        if len(means) > 1:
            curves.append((group, list(means), list(means.values())))
    if not curves:
        return None
    figure, axes = _accuracies(curves, "time steps of a test episode", "mean of runs", "over the length of the test")
    axes.set_xscale("log")
    return figure


Curve = tuple[Group, list[int], list[float]]  # a group's accuracies over something


def _accuracies(curves: Sequence[Curve], x_label: str, what: str, told: str) -> tuple[Figure, Axes]:
    """Curves of accuracy by group, and the axes whose scales all panels share."""
    names = [group.title for group, _, _ in curves]
    figure, places, looks = _places(names, MOST_LINES, 2.6, "accuracy", what, x_label)
    for (_, at, accuracy), place in zip(curves, places, strict=False):
        place.axes.plot(at, accuracy, color=place.color, linestyle=place.dash, marker="o", markersize=3)
    lowest = min(0.9, *(min(accuracy) for _, _, accuracy in curves))  # a narrower range would blow up trifles
    room = 0.04 * (1 - lowest)
    places[0].axes.set_ylim(lowest - room, 1 + room)
    _legend(figure, looks)
    _title(figure, f"Accuracy {told}: {_of(len(places), len(curves))}")
    return figure, places[0].axes


@in_style
def heat(sweep: Sweep, groups: Sequence[Group]) -> Figure | None:
    """The success rate over two numeric knobs; None unless exactly two were swept, and both are numeric."""
    records = sweep.records
    keys = swept_keys(records)
    if len(keys) != 2 or not all(_is_number(record.config.get(key, "")) for record in records for key in keys):
        return None
    x_values, y_values = (_sorted({record.config[key] for record in records}) for key in keys)
    cells = {(group.records[0].config[keys[0]], group.records[0].config[keys[1]]): group for group in groups}
    if min(len(x_values), len(y_values)) < 2 or len(cells) < len(groups):
        return None  # one knob in two spellings, or groups that differ by more than these two

    with_text = len(x_values) <= MOST_CELLS_WITH_TEXT
    width, height = (0.62, 0.42) if with_text else (0.2, 0.2)
    figure = new_figure(min(max(5.0, width * len(x_values) + 2.4), 30), min(max(3.0, height * len(y_values) + 1.5), 30))
    axes = figure.subplots()
    rates = np.full((len(y_values), len(x_values)), np.nan)
    for row, y in enumerate(y_values):
        for column, x in enumerate(x_values):
            trials = _trials(cells[x, y].records) if (x, y) in cells else []
            successes = sum(record.metrics["success"] for record in trials)
            if trials:
                rates[row, column] = successes / len(trials)
            else:
                corner = (column - 0.5, row - 0.5)
                axes.add_patch(Rectangle(corner, 1, 1, facecolor="white", edgecolor="0.7", hatch="////", linewidth=0))
            if with_text and (x, y) in cells:
                # The lower half of cividis is dark; where a cell is hatched, text needs ground to stand on.
                color = "white" if rates[row, column] < 0.5 else "black"
                ground = None if trials else {"facecolor": "white", "edgecolor": "none", "pad": 1}
                text = f"{successes}/{len(trials)}"
                axes.text(column, row, text, ha="center", va="center", color=color, fontsize=8, bbox=ground)
    image = axes.imshow(rates, cmap=colormaps["cividis"], vmin=0, vmax=1, origin="lower", aspect="auto")
    figure.colorbar(image, pad=0.02, label="success rate (share of trials)")
    x_every, y_every = (ceil(len(values) / 140) for values in (x_values, y_values))  # 30 inches hold 140 labels
    x_labels, y_labels = ([_number(value) for value in values] for values in (x_values, y_values))
    is_tight = not with_text or max(map(len, x_labels)) > 7
    axes.set_xticks(range(0, len(x_values), x_every), x_labels[::x_every], rotation=90 if is_tight else 0)
    axes.set_yticks(range(0, len(y_values), y_every), y_labels[::y_every])
    axes.set_xlabel(_plain(keys[0]))
    axes.set_ylabel(_plain(keys[1]))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    trials_of_all = _trials(records)
    empty = int(np.isnan(rates).sum())
    hatched = f"; hatched: {counted(empty, 'cell')} without a trial" if empty else ""
    _title(figure, f"Success over {' and '.join(keys)}: {counted(len(trials_of_all), 'trial')}{hatched}")
    return figure


def _is_number(value: Any) -> bool:
    """A number or null, as knobs have it that can be switched off."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _sorted(values: set[float | None]) -> list[float | None]:
    """In numeric order, null last."""
    return sorted(values, key=lambda value: (value is None, value or 0.0))


def _number(value: float | None) -> str:
    return "null" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _trials(records: Sequence[Record]) -> list[Record]:
    """Runs with an outcome: a diverged one was a trial without success, a failed one was none."""
    return [record for record in records if record.status in FINISHED]


class Place(NamedTuple):
    """Where and how a group is drawn."""

    axes: Axes
    color: str
    dash: Any


def _places(
    names: Sequence[str], most: int, height: float, y_label: str, alone: str, x_label: str
) -> tuple[Figure, list[Place], list[Line2D | Patch]]:
    """One plot for all groups if they are few, else one for each of the first; and the legend's entries for lines.

    Args:
        names: of the groups.
        most: groups in one plot.
        height: of the one plot in inches, without title and legend.
        y_label: short enough for the small ones.
        alone: what a line is, to be said in the legend if it need not tell groups apart.
        x_label: what the plots are over.
    """
    if len(names) <= most:
        looks = [_line(color, dash, name) for color, dash, name in zip(SERIES, DASHES, names, strict=False)]
        lines = sum(str(look.get_label()).count("\n") + 1 for look in looks)
        figure = new_figure(8, height + 1.2 + 0.18 * lines)
        axes = figure.subplots()
        grid(axes)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        return figure, [Place(axes, *look) for look in zip(SERIES, DASHES, strict=True)][: len(names)], [*looks]

    drawn = [_wrapped(name, 38) for name in names[:MOST_PANELS]]
    columns = min(len(drawn), 2 if len(drawn) == 4 else 3)
    rows = ceil(len(drawn) / columns)
    lines = max(name.count("\n") + 1 for name in drawn)
    figure = new_figure(9, (1.6 + 0.15 * lines) * rows + 1.2)
    panels = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    for axes in panels[len(drawn) :]:
        axes.set_visible(False)
    for axes in panels[len(drawn) - columns : len(drawn)]:
        axes.tick_params(labelbottom=True)  # of the last row, or over a place that stays empty
        axes.set_xlabel(x_label)
    for axes in panels[::columns]:
        axes.set_ylabel(y_label)
    for axes, name in zip(panels, drawn, strict=False):
        grid(axes)
        axes.set_title(name, fontsize=8)
    return figure, [Place(axes, BLUE, "-") for axes in panels[: len(drawn)]], [_line(BLUE, "-", alone)]


def _span(places: Sequence[Place], drawn: Sequence[Group]) -> int:
    """Show all of the longest training; returns its outer steps."""
    end = max(int(group.records[0].config["regime.steps"]) for group in drawn)
    places[0].axes.set_xlim(-0.02 * end, 1.02 * end)  # panels share it
    return end


def _line(color: str, dash: Any, name: str) -> Line2D:
    return Line2D([], [], color=color, linestyle=dash, label=_wrapped(name, 90))


def _legend(figure: Figure, looks: Sequence[Line2D | Patch]) -> None:
    """A legend under the plots, in as many columns as its longest entry leaves room for."""
    longest = max(len(line) for look in looks for line in str(look.get_label()).split("\n"))
    columns = max(1, min(len(looks), 100 // (longest + 8)))
    figure.legend(handles=looks, loc="outside lower center", ncols=columns, fontsize=8, handlelength=3.5)


def _title(figure: Figure, text: str) -> None:
    """A title over the figure, in lines of about the same length."""
    most = int(11.5 * figure.get_figwidth())
    lines = _wrapped(text, most).count("\n")
    width = next(width for width in range(1, most + 1) if _wrapped(text, width).count("\n") <= lines)
    figure.suptitle(_wrapped(text, width), fontsize=10)


def _of(drawn: int, number: int) -> str:
    return counted(number, "group") if drawn == number else f"the first {drawn} of {number:,} groups"


def _wrapped(text: str, width: int) -> str:
    """Text from a record in lines of so many characters; a number like 1e-3 is not cut at its sign."""
    return "\n".join(map(_plain, textwrap.wrap(text, width, break_on_hyphens=False)))


def _plain(text: str) -> str:
    """Text that matplotlib shows as it is: `$` begins no formula, and what no font has is a question mark."""
    return "".join(sign if sign.isprintable() else "?" for sign in text).replace("$", r"\$")
