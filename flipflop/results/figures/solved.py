"""Steps to solve as survival curves, and the same for both tests where there is a burn-in."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from flipflop.progress import counted
from flipflop.records.record import Record
from flipflop.results.figures.panels import (
    MOST_LINES,
    add_legend,
    add_title,
    groups_drawn,
    lay_out,
    legend_line,
    span_training,
    trials_of,
)
from flipflop.results.figures.style import BLUE, ORANGE, VERMILION, in_style
from flipflop.results.load import Group
from flipflop.results.paper import PAPER_STEPS, claim_of
from flipflop.statistics import kaplan_meier

Floats = NDArray[np.float64]


@in_style
def solved(groups: Sequence[Group]) -> Figure | None:
    """The share of a group's runs that have not solved the test yet, over outer steps; None without a trial.

    A run that never solved is censored at the end of its training. That holds for one that diverged, too: counted as
    lost from sight when it did, it would leave the share to those that went on, and ten runs of which five diverged
    and five solved would all look solved.
    """
    tried = [group for group in groups if trials_of(group.records)]
    if not tried:
        return None
    counts = [(sum(_times(trials_of(group.records))[1]), len(trials_of(group.records))) for group in tried]
    names = [f"{group.title} ({seen}/{trials} solved)" for group, (seen, trials) in zip(tried, counts, strict=True)]
    figure, places, looks = lay_out(
        names, MOST_LINES, 2.6, "share of runs\nnot yet solved", "runs not yet solved", steps_label(tried)
    )
    for group, place in zip(tried, places, strict=False):
        times, observed = _times(trials_of(group.records))
        curve = kaplan_meier(times, observed)
        steps, shares = [0.0, *curve.times], [1.0, *curve.unsolved]
        place.axes.step(steps, shares, where="post", color=place.color, linestyle=place.dash)
        censored = sorted({time for time, was_seen in zip(times, observed, strict=True) if not was_seen})
        heights = [shares[np.searchsorted(steps, time, side="right") - 1] for time in censored]
        place.axes.plot(censored, heights, "+", color=place.color, markersize=9, markeredgewidth=1.5)
    places[0].axes.set_ylim(-0.03, 1.03)  # panels share it
    span_training(places, tried[: len(places)])
    if any(seen < trials for seen, trials in counts):
        looks.append(Line2D([], [], color="0.3", marker="+", ls="", markersize=9, label="training ended unsolved"))
    add_legend(figure, looks)

    records = [record for group in tried for record in trials_of(group.records)]
    diverged = sum(record.status == "diverged" and record.metrics["steps_to_solve"] is None for record in records)
    told = f"Steps to solve: {counted(len(records), 'trial')}, {groups_drawn(len(places), len(tried))}"
    add_title(figure, told + (f"; {counted(diverged, 'run')} diverged, unsolved to the end" if diverged else ""))
    return figure


@in_style
def both_tests(groups: Sequence[Group]) -> Figure | None:
    """The share of a group's runs that have solved the test by an environment step: with its burn-in, and from reset.

    None if no run was tested in both ways, as are those on a stream that is never reset.
    """
    tested = [group for group in groups if any("success_from_reset" in r.metrics for r in trials_of(group.records))]
    if not tested:
        return None
    names = [f"{group.title} (n={len(trials_of(group.records))})" for group in tested]
    figure, places, _ = lay_out(names, 0, 2.6, "share of runs\nthat have solved", "", "million environment steps")
    looks: dict[str, Line2D | Patch] = {}
    for group, place in zip(tested, places, strict=False):
        trials = [record for record in trials_of(group.records) if "success_from_reset" in record.metrics]
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
            looks[name] = legend_line(color, dash, name)
        if claim := claim_of(group.records[0].config):
            place.axes.axhline(claim.successes / claim.trials, color=VERMILION, linestyle="--", linewidth=1)
            place.axes.axvline(PAPER_STEPS / 1e6, color=VERMILION, linestyle=":", linewidth=1)
            looks["rate"] = legend_line(VERMILION, "--", "the paper's rate")
            looks["steps"] = legend_line(VERMILION, ":", "its training steps, 10⁶")
    places[0].axes.set_ylim(-0.03, 1.03)  # panels share it
    add_legend(figure, list(looks.values()))
    stopped = sum(bool(r.metrics.get("stopped_at")) for group in tested for r in trials_of(group.records))
    told = f"; {counted(stopped, 'run')} stopped early, not tested after it" if stopped else ""
    add_title(figure, f"Solved by environment steps, in both tests: {groups_drawn(len(places), len(tested))}{told}")
    return figure


def steps_label(groups: Sequence[Group]) -> str:
    """What training is counted in."""
    steps = {group.records[0].counts_in for group in groups}
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
