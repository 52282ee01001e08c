"""The figures of steps to solve: as survival curves, and for both tests of runs on a stream."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from flipflop.plurals import counted
from flipflop.records.record import Record
from flipflop.results.figures.panels import (
    MOST_LINES,
    Place,
    add_legend,
    lay_out,
    legend_line,
    span_training,
    steps_label,
)
from flipflop.results.figures.style import BLUE, ORANGE, VERMILION, in_style
from flipflop.results.figures.titles import add_title, groups_shown
from flipflop.results.load import Group
from flipflop.results.paper import PAPER_STEPS, claim_of
from flipflop.statistics import kaplan_meier

Floats = NDArray[np.float64]


@in_style
def solved(groups: Sequence[Group]) -> Figure | None:
    """Plot the share of a group's runs that have not solved the test yet, over outer steps; None without a trial.

    A run that never solved is censored at the end of its training, even if it diverged earlier. If it were censored
    when it diverged, the curve would describe the remaining runs only: of ten runs of which five diverge and then five
    solve, all would seem solved.
    """
    tried = [group for group in groups if group.trials]
    if not tried:
        return None
    counts = [(sum(_times(group.trials)[1]), len(group.trials)) for group in tried]
    names = [
        f"{group.title} ({successes}/{trials} solved)" for group, (successes, trials) in zip(tried, counts, strict=True)
    ]
    figure, places, entries = lay_out(
        names, MOST_LINES, 2.6, "share of runs\nnot yet solved", "runs not yet solved", steps_label(tried)
    )
    for group, place in zip(tried, places, strict=False):
        _plot_survival(place, group.trials)
    places[0].axes.set_ylim(-0.03, 1.03)  # panels share it
    span_training(places, tried[: len(places)])
    if any(successes < trials for successes, trials in counts):
        entries.append(Line2D([], [], color="0.3", marker="+", ls="", markersize=9, label="training ended unsolved"))
    add_legend(figure, entries)

    records = [record for group in tried for record in group.trials]
    diverged = sum(record.status == "diverged" and record.metrics["steps_to_solve"] is None for record in records)
    unsolved = f"; {counted(diverged, 'run')} diverged, unsolved to the end" if diverged else ""
    shown = groups_shown(len(places), len(tried))
    add_title(figure, f"Steps to solve: {counted(len(records), 'trial')}, {shown}{unsolved}")
    return figure


def _plot_survival(place: Place, trials: Sequence[Record]) -> None:
    """Plot the Kaplan-Meier curve of a group's trials, with a tick at each time at which runs are censored."""
    times, observed = _times(trials)
    curve = kaplan_meier(times, observed)
    steps, shares = [0.0, *curve.times], [1.0, *curve.unsolved]
    place.axes.step(steps, shares, where="post", color=place.color, linestyle=place.dash)
    censored = sorted({time for time, is_solved in zip(times, observed, strict=True) if not is_solved})
    heights = [shares[np.searchsorted(steps, time, side="right") - 1] for time in censored]
    place.axes.plot(censored, heights, "+", color=place.color, markersize=9, markeredgewidth=1.5)


@in_style
def both_tests(groups: Sequence[Group]) -> Figure | None:
    """Plot the share of a group's runs that have solved the test over environment steps: after a burn-in, from reset.

    None if no run was tested in both ways; runs on a stream that is never reset are.
    """
    tested = [group for group in groups if any("success_from_reset" in record.metrics for record in group.trials)]
    if not tested:
        return None
    names = [f"{group.title} (n={len(group.trials)})" for group in tested]
    figure, places, _ = lay_out(names, 0, 2.6, "share of runs\nthat have solved", "", "million environment steps")
    entries: dict[str, Line2D | Patch] = {}
    for group, place in zip(tested, places, strict=False):
        trials = [record for record in group.trials if "success_from_reset" in record.metrics]
        per_step = _environment_steps_per_step(trials[0])
        for metric, color, dash, name in (
            ("steps_to_solve", BLUE, "-", "after the burn-in"),
            ("steps_to_solve_from_reset", ORANGE, "-.", "from reset"),
        ):
            times, observed = _times(trials, metric)
            solved_at = sorted(
                per_step * time / 1e6 for time, is_solved in zip(times, observed, strict=True) if is_solved
            )
            end = per_step * max(record.config["regime.steps"] for record in trials) / 1e6
            shares = np.arange(len(solved_at) + 1) / len(trials)
            place.axes.step([0, *solved_at, end], [*shares, shares[-1]], where="post", color=color, linestyle=dash)
            entries[name] = legend_line(color, dash, name)
        if claim := claim_of(group.records[0].config):
            place.axes.axhline(claim.successes / claim.trials, color=VERMILION, linestyle="--", linewidth=1)
            place.axes.axvline(PAPER_STEPS / 1e6, color=VERMILION, linestyle=":", linewidth=1)
            entries["rate"] = legend_line(VERMILION, "--", "the paper's rate")
            entries["steps"] = legend_line(VERMILION, ":", "its training steps, 10⁶")
    places[0].axes.set_ylim(-0.03, 1.03)  # panels share it
    add_legend(figure, list(entries.values()))
    stopped = sum(bool(record.metrics.get("stopped_at")) for group in tested for record in group.trials)
    untested = f"; {counted(stopped, 'run')} stopped early, not tested after it" if stopped else ""
    add_title(figure, f"Solved by environment steps, in both tests: {groups_shown(len(places), len(tested))}{untested}")
    return figure


def _environment_steps_per_step(record: Record) -> float:
    """Return how many environment steps one outer step of a run has."""
    metrics = record.metrics
    if metrics["steps_to_solve"]:
        return float(metrics["environment_steps_to_solve"] / metrics["steps_to_solve"])
    return float(metrics["environment_steps"] / record.config["regime.steps"])


def _times(trials: Sequence[Record], metric: str = "steps_to_solve") -> tuple[list[int], list[bool]]:
    """Return for each trial the outer step at which it solved the test, or its last one, and whether it solved it."""
    solved_at = [record.metrics[metric] for record in trials]
    ends = [record.config["regime.steps"] for record in trials]
    times = [end if time is None else time for time, end in zip(solved_at, ends, strict=True)]
    return times, [time is not None for time in solved_at]
