"""Sweeps side by side: groups of runs that are alike but for what is compared, and what chance leaves of it."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flipflop.config import ConfigError
from flipflop.results.load import Group, Sweep, load
from flipflop.results.statistics import (
    Interval,
    boschloo,
    critical_successes,
    detectable_difference,
    newcombe,
    wilson,
)
from flipflop.results.table import UNSWEPT, grouped, groups, rate, scientific, short
from flipflop.results.table import Group as Summary
from flipflop.sweep.files import write_whole
from flipflop.sweep.progress import counted
from flipflop.sweep.records import FINISHED, Record

LEVEL, POWER = 0.05, 0.8  # p below LEVEL counts as told from chance; POWER is how often a true difference should be
MOST_NAMED = 10  # groups without a partner that are named one by one

Settings = Mapping[str, str]  # {dotted key: value}, as text, without what never tells groups apart


@dataclass(frozen=True)
class Comparison:
    """Two groups of runs, alike but for what is compared."""

    name: dict[str, str]  # {column: cell}: what tells this pair from the others
    reference: str  # what the first group is of: a sweep's name, or a value of the key
    other: str  # and the second
    first: Summary
    second: Summary

    @property
    def has_trials(self) -> bool:
        """Whether both groups have runs with an outcome; without, nothing can be said of success."""
        return self.first.runs > 0 and self.second.runs > 0

    @property
    def difference(self) -> float | None:
        """The second's success rate less the first's."""
        if not self.has_trials:
            return None
        return self.second.successes / self.second.runs - self.first.successes / self.first.runs

    @property
    def interval(self) -> Interval | None:
        """Newcombe's 95% interval of the difference."""
        if not self.has_trials:
            return None
        return newcombe(self.second.successes, self.second.runs, self.first.successes, self.first.runs)

    @property
    def p(self) -> float | None:
        """Boschloo's, two-sided, of the rates being one."""
        if not self.has_trials:
            return None
        return boschloo(self.first.successes, self.first.runs, self.second.successes, self.second.runs)

    @property
    def steps_ratio(self) -> float | None:
        """The second's median outer steps to the first success over the first's."""
        return _ratio(self.first.median_steps, self.second.median_steps)

    @property
    def pain_ratio(self) -> float | None:
        """The second's median pain over the first's."""
        return _ratio(self.first.median_pain, self.second.median_pain)


@dataclass(frozen=True)
class Result:
    """All that a comparison comes to."""

    compared: str  # what the columns are of: "sweep", or a key
    comparisons: list[Comparison]
    differing: list[str]  # what differs between the sides as a whole, a line each
    remarks: list[str]  # groups without a partner and whatever else limits what is said, a line each


def _ratio(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None or first == 0 else second / first


def compare_sweeps(sweeps: Sequence[Sweep]) -> Result:
    """Compare the groups of every further sweep with those of the first that have the same config.

    Keys in which two sweeps have no value in common, as controller.hidden 16 in one and 8 in the other, or regime.steps
    3000 and 1000 in one and 500 in the other, are what is compared: they are named, and do not count in matching.

    Raises:
        ConfigError: no group has a partner.
    """
    names = _sweep_names(sweeps)
    comparisons: list[Comparison] = []
    differing: list[str] = []
    remarks: list[str] = []
    reasons: list[str] = []
    places: list[int] = []
    first = _by_settings(sweeps[0].groups())
    for name, sweep in zip(names[1:], sweeps[1:], strict=True):
        other = _by_settings(sweep.groups())
        apart = _keys_apart(first, other)
        partners = {_without(settings, apart): group for settings, group in other}
        is_clear = all(len({_without(s, apart) for s, _ in side}) == len(side) for side in (first, other))
        if not is_clear:  # they stand for several groups of a side: which one to compare with, --by has to say
            listed = ", ".join(_told(key, first, other) for key in apart)
            reasons.append(f"{names[0]} and {name} differ in {listed}: compare by one of these keys, with --by KEY")
            continue

        matched: set[tuple[tuple[str, str], ...]] = set()
        for place, (settings, group) in enumerate(first):
            if (partner := partners.get(_without(settings, apart))) is not None:
                matched.add(_without(settings, apart))
                places.append(place)
                merged = {**partner.name, **group.name}
                comparisons.append(Comparison(merged, names[0], name, _summary(group), _summary(partner)))

        line = ", ".join(_told(key, first, other) for key in apart)
        if line:
            differing.append(f"{names[0]} | {name} differ: {line}")
        alone = [[(s, group) for s, group in side if _without(s, apart) not in matched] for side in (first, other)]
        remarks += _alone(names[0], alone[0], name, alone[1], apart)
        remarks += _alone(name, alone[1], names[0], alone[0], apart)
        if not matched:
            reasons.append(f"no group of {names[0]} has the config of one of {name}" + _nearest(first, other, apart))
        shared = {r.key for r in sweeps[0].records} & {r.key for r in sweep.records}
        if shared:
            remarks.append(f"{counted(len(shared), 'run')} of {name} are in {names[0]} too, and no news of it")
    if not comparisons:
        raise ConfigError("; ".join(reasons))
    in_order = [comparison for _, comparison in sorted(zip(places, comparisons, strict=True), key=lambda pair: pair[0])]
    return Result("sweep", in_order, differing, [*reasons, *remarks])


def compare_by(sweeps: Sequence[Sweep], key: str) -> Result:
    """Compare groups that differ in one key, all else equal, with those that have its first value.

    The sweeps are taken together, and a run that is in several counts once. A key can be a group's choice, as regime;
    what always comes with a choice, as regime.episodes_per_step, goes along with it.

    Raises:
        ConfigError: the runs do not differ in this key, or nothing else is equal.
    """
    pooled: dict[str, Record] = {}
    for record in (record for sweep in sweeps for record in sweep.records):
        if record.key not in pooled or pooled[record.key].status not in FINISHED:
            pooled[record.key] = record
    sides = _by_settings([Group(name, members) for name, members in grouped(list(pooled.values()))])
    axes = _axes(sides)
    key = key.removesuffix(".name") if key.removesuffix(".name") in axes else key
    if key not in axes:
        settings = {name for own, _ in sides for name in own}
        choice = next((axis for axis, along in axes.items() if key in along), None)
        if choice is not None:
            why = f"it goes along with {choice}"
        elif key in settings or f"{key}.name" in settings:
            why = "all runs have the same"
        else:
            why = "no run has such a key" if key not in UNSWEPT else "it does not tell groups apart"
        raise ConfigError(f"--by {key} is not allowed: {why}; {_choices(axes)}")

    goes_along = axes[key]
    buckets: dict[tuple[tuple[str, str], ...], dict[str, tuple[Settings, Group]]] = {}
    for settings, group in sides:
        buckets.setdefault(_without(settings, goes_along), {})[_value(settings, key)] = (settings, group)
    values = list(dict.fromkeys(_value(settings, key) for settings, _ in sides))
    comparisons = []
    alone = []
    for members in buckets.values():
        if values[0] not in members or len(members) == 1:
            alone += [f"without a partner: {group.title}" for _, group in members.values()]
            continue
        settings, reference = members[values[0]]
        name = {axis: _value(settings, axis) for axis in axes if axis != key}
        for value in values[1:]:
            if value in members:
                other = members[value][1]
                comparisons.append(Comparison(name, values[0], value, _summary(reference), _summary(other)))
    if not comparisons:
        raise ConfigError(f"--by {key} finds no groups that are equal but for it: {_choices(axes)}")
    of_value = {_value(settings, key): settings for settings, _ in reversed(sides)}
    along = [name for name in goes_along if name not in (key, f"{key}.name")]
    told = [f"{name} {' | '.join(of_value[value][name] for value in values)}" for name in along]
    return Result(
        key, comparisons, [f"with {key} {' | '.join(values)} go: {', '.join(told)}"] if told else [], _few(alone)
    )


def _choices(axes: Iterable[str]) -> str:
    listed = ", ".join(axes)
    return f"the runs differ in {listed}" if listed else "the runs differ only by seed"


def _by_settings(members: Iterable[Group]) -> list[tuple[Settings, Group]]:
    return [
        ({key: _text(value) for key, value in group.records[0].config.items() if key not in UNSWEPT}, group)
        for group in members
    ]


def _text(value: object) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _value(settings: Settings, key: str) -> str:
    """Of a key, or the name of a group's choice; a key of another version of flipflop may not be there."""
    return settings.get(key, settings.get(f"{key}.name", "(none)"))


def _without(settings: Settings, keys: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """What is matched: all settings but these."""
    return tuple(sorted((key, value) for key, value in settings.items() if key not in set(keys)))


def _summary(group: Group) -> Summary:
    (summary,) = groups(group.records)
    return summary


def _values(side: Iterable[tuple[Settings, Group]], key: str) -> list[str]:
    return list(dict.fromkeys(_value(settings, key) for settings, _ in side))


def _keys_apart(first: Sequence[tuple[Settings, Group]], other: Sequence[tuple[Settings, Group]]) -> list[str]:
    """The keys in which two sides have no value in common."""
    keys = dict.fromkeys(key for settings, _ in (*first, *other) for key in settings)
    return [key for key in keys if set(_values(first, key)).isdisjoint(_values(other, key))]


def _axes(sides: Sequence[tuple[Settings, Group]]) -> dict[str, list[str]]:
    """What groups differ in, each with the keys that go along: those of a group's choice that always come with it."""
    keys = dict.fromkeys(key for settings, _ in sides for key in settings)
    varying = [key for key in keys if len(_values(sides, key)) > 1]
    axes: dict[str, list[str]] = {}
    for key in varying:
        section = key.rpartition(".")[0]
        choice = f"{section}.name"
        if choice in varying and len({(s.get(choice), s.get(key)) for s, _ in sides}) == len(_values(sides, choice)):
            axes.setdefault(section, []).append(key)
        else:
            axes[key] = [key]
    return axes


def _told(key: str, first: Sequence[tuple[Settings, Group]], other: Sequence[tuple[Settings, Group]]) -> str:
    return f"{key} {', '.join(_values(first, key))} | {', '.join(_values(other, key))}"


def _alone(
    name: str,
    alone: Sequence[tuple[Settings, Group]],
    other_name: str,
    others: Sequence[tuple[Settings, Group]],
    apart: Sequence[str],
) -> list[str]:
    """A line for each group of a sweep that the other has not, with what its nearest there differs in."""
    lines = []
    for settings, group in alone[:MOST_NAMED]:
        nearest = _nearest([(settings, group)], others, apart)
        lines.append(f"only in {name}, not in {other_name}: {group.title}{nearest}")
    return lines + [f"only in {name}, not in {other_name}: {len(alone) - MOST_NAMED} more"] * (len(alone) > MOST_NAMED)


def _nearest(
    first: Sequence[tuple[Settings, Group]], other: Sequence[tuple[Settings, Group]], apart: Sequence[str]
) -> str:
    """What the nearest pair differs in, as the end of a sentence; nothing where that is too much to be near."""
    least: list[str] | None = None
    for settings, _ in first[:MOST_NAMED]:
        for others, _ in other:
            keys = [key for key in {**settings, **others} if _value(settings, key) != _value(others, key)]
            keys = [key for key in keys if key not in apart]
            if keys and (least is None or len(keys) < len(least)):
                least = [f"{key} {_value(settings, key)} | {_value(others, key)}" for key in keys]
    return f" (the nearest differ in {', '.join(least)})" if least and len(least) <= 3 else ""


def _few(lines: list[str]) -> list[str]:
    return lines[:MOST_NAMED] + [f"and {len(lines) - MOST_NAMED} more"] * (len(lines) > MOST_NAMED)


def _sweep_names(sweeps: Sequence[Sweep]) -> list[str]:
    """The folders' own names where these tell them apart."""
    names = [sweep.folder.resolve().name for sweep in sweeps]
    count = Counter(names)
    return [name if count[name] == 1 else str(sweep.folder) for name, sweep in zip(names, sweeps, strict=True)]


def frame(result: Result) -> pd.DataFrame:
    """A comparison as one row per pair of groups, unrounded: what --csv writes."""
    rows = []
    for pair in result.comparisons:
        low, high = pair.interval or (None, None)
        row: dict[str, object] = {**pair.name, "reference": pair.reference, "other": pair.other}
        for side, group in (("reference", pair.first), ("other", pair.second)):
            bounds = wilson(group.successes, group.runs)
            row |= {
                f"{side}_successes": group.successes,
                f"{side}_runs": group.runs,
                f"{side}_low": bounds.low,
                f"{side}_high": bounds.high,
                f"{side}_median_steps_to_solve": group.median_steps,
                f"{side}_median_pain": group.median_pain,
                f"{side}_diverged": group.diverged,
                f"{side}_failed": group.failed,
            }
        row |= {
            "difference": pair.difference,
            "difference_low": low,
            "difference_high": high,
            "boschloo_p": pair.p,
            "detectable_difference": detectable_difference(pair.first.runs, pair.second.runs, LEVEL, POWER),
            "steps_ratio": pair.steps_ratio,
            "pain_ratio": pair.pain_ratio,
        }
        rows.append(row)
    return pd.DataFrame(rows)


def success_table(result: Result) -> Table:
    """Rates, their differences and p, for a terminal of 80 columns."""
    table, named = _start(result)
    reference, other = _heads(result)
    table.add_column(f"{reference}\n95% CI", no_wrap=True)
    table.add_column(f"{other}\n95% CI", no_wrap=True)
    table.add_column("difference\n95% CI", no_wrap=True)
    table.add_column("Boschloo's\np", justify="right", no_wrap=True)
    for pair in result.comparisons:
        table.add_row(
            *named(pair),
            rate(pair.first.successes, pair.first.runs),
            rate(pair.second.successes, pair.second.runs),
            _difference(pair),
            _p(pair.p),
        )
    return table


def course_table(result: Result) -> Table:
    """Median steps and pain, and their ratios, for a terminal of 80 columns."""
    table, named = _start(result)
    reference, other = _heads(result)
    for what in ("steps", "pain"):
        for head in (f"{what}\n{reference}", f"\n{other}", "\nratio"):
            table.add_column(head, justify="right", no_wrap=True)
    for pair in result.comparisons:
        table.add_row(
            *named(pair),
            short(pair.first.median_steps),
            short(pair.second.median_steps),
            _times(pair.steps_ratio),
            scientific(pair.first.median_pain),
            scientific(pair.second.median_pain),
            _times(pair.pain_ratio),
        )
    return table


def show(result: Result, console: Console) -> None:
    """Print a comparison."""
    for line in result.differing:
        console.print(line, markup=False, highlight=False)
    console.print(success_table(result))
    console.print("p: Boschloo's exact test, two-sided; rates: Wilson; differences: Newcombe", style="dim")
    console.print()
    console.print(course_table(result))
    console.print("medians; steps: outer, to the first success; pain: mean over the final evaluation", style="dim")
    for line in (*_limits(result.comparisons), *result.remarks):
        console.print(line, markup=False, highlight=False)


def _limits(comparisons: Sequence[Comparison]) -> list[str]:
    """What so many runs could not have shown, wherever nothing was shown; and what many comparisons show by chance."""
    lines = []
    pairs = [pair for pair in comparisons if pair.has_trials]
    open_sizes = [(pair.first.runs, pair.second.runs) for pair in pairs if pair.p is not None and pair.p >= LEVEL]
    for one, other in list(dict.fromkeys(open_sizes))[:MOST_NAMED]:
        critical, least = critical_successes(one, other, LEVEL), detectable_difference(one, other, LEVEL, POWER)
        if critical is None or least is None:
            lines.append(f"{one} against {other} runs are too few to tell any difference from chance")
        else:
            lines.append(
                f"{one} against {other} runs tell {one}/{one} from {critical}/{other}, not from "
                f"{critical + 1}/{other}; a true difference below {100 * least:.0f} points is missed more than once in 5"
            )
    if len(pairs) * LEVEL >= 0.5:
        lines.append(f"of {len(pairs)} comparisons up to {len(pairs) * LEVEL:.1f} have p < .05 by chance alone")
    return lines


def _start(result: Result) -> tuple[Table, Callable[[Comparison], list[str]]]:
    """A table with the columns that name a pair, and what stands in them."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    keys = list(dict.fromkeys(key for pair in result.comparisons for key in pair.name))
    for key in keys:
        table.add_column(_head(key, keys), overflow="fold")
    has_several = len({pair.other for pair in result.comparisons}) > 1
    if has_several:
        table.add_column(_head(result.compared, keys), overflow="fold")

    def named(pair: Comparison) -> list[str]:
        return [escape(cell) for cell in [pair.name.get(key, "") for key in keys] + [pair.other] * has_several]

    return table, named


def _head(key: str, keys: Sequence[str]) -> str:
    """A key's last part, unless another key ends alike: controller.hidden and world_model.hidden."""
    last = key.rpartition(".")[2]
    is_clear = not any(other != key and other.rpartition(".")[2] == last for other in keys)
    return escape((last if is_clear else key.replace(".", ".\n")).replace("_", "_\n"))


def _heads(result: Result) -> tuple[str, str]:
    """What stands above the numbers of the reference, and of the others."""
    others = list(dict.fromkeys(pair.other for pair in result.comparisons))
    of = "" if result.compared == "sweep" else f"{result.compared.rpartition('.')[2]}="
    other = f"{of}{others[0]}" if len(others) == 1 else "other"
    return escape(f"{of}{result.comparisons[0].reference}"), escape(other)


def _difference(pair: Comparison) -> str:
    """`-.40 -.67 to -.06`: a difference with its Newcombe interval."""
    if pair.difference is None or pair.interval is None:
        return "-"
    return f"{_signed(pair.difference)} {_signed(pair.interval.low)} to {_signed(pair.interval.high)}"


def _signed(number: float) -> str:
    text = f"{number:+.2f}"
    return ".00" if text in ("+0.00", "-0.00") else text[0] + text[1:].removeprefix("0").replace("1.00", "1.0")


def _p(p: float | None) -> str:
    if p is None:
        return "-"
    return "<.001" if p < 0.0005 else "1.0" if p >= 0.9995 else f"{p:.3f}".removeprefix("0")


def _times(ratio: float | None) -> str:
    """A ratio short enough for a column."""
    return f"{ratio:.2f}" if ratio is not None and 0.1 <= ratio < 100 else scientific(ratio)


def compare(folders: Sequence[Path], by: str | None, csv: Path | None, console: Console) -> None:
    """Print what differs between sweeps, or within one by a key, and write it as CSV if asked.

    Raises:
        ConfigError: a folder without records, a key that does not tell, or nothing that can be compared.
        OSError: the CSV file cannot be written.
    """
    sweeps = [load(folder) for folder in folders]
    for sweep in sweeps:
        for problem in sweep.problems:
            console.print(f"note: {problem}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    if by is None and len(sweeps) == 1:
        axes = _axes(_by_settings(sweeps[0].groups()))
        how = "give --by and one of these keys, or a second sweep" if axes else "give a second sweep"
        raise ConfigError(f"one sweep has nothing to be compared with: {_choices(axes)}; {how}")
    result = compare_sweeps(sweeps) if by is None else compare_by(sweeps, by)
    show(result, console)
    if csv is not None:
        write_whole(csv, frame(result).to_csv(index=False).encode())


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare the sweeps that the command line names.

    Raises:
        SystemExit: with exit code 2 if they cannot be compared, 1 if the CSV file cannot be written.
    """
    parser = argparse.ArgumentParser(
        prog="python -m flipflop.compare",
        description="Compare sweeps: groups of runs with the same config, but for the keys in which the sweeps differ "
        "as a whole, with those of the first sweep. Or, with --by, groups that differ in one key, all else equal, with "
        "those that have its first value. Rates with 95%% intervals, exact p, median steps and pain.",
    )
    parser.add_argument(
        "folders", type=Path, metavar="DIR", nargs="+", help="outputs/sweeps/NAME or outputs/runs/STAMP"
    )
    parser.add_argument("--by", metavar="KEY", help="a key in which runs differ, as controller.hidden or regime")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the same numbers there, unrounded")
    given = parser.parse_args(arguments)
    try:
        compare(given.folders, given.by, given.csv, Console())
    except ConfigError as error:
        sys.exit(_say(str(error), code=2))
    except OSError as error:
        sys.exit(_say(f"{error.filename or 'a file'} cannot be used: {error.strerror or error}", code=1))


def _say(sentence: str, code: int) -> int:
    print("flipflop:", *sentence.split(), file=sys.stderr)
    return code
