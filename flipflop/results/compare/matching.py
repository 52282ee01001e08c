"""Which groups of runs are alike but for what is compared."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from flipflop.config.rules import ConfigError
from flipflop.progress import counted
from flipflop.records.grouping import UNGROUPED_KEYS, deduplicate, grouped, identity
from flipflop.records.record import FINISHED
from flipflop.records.summary import Summary, summaries
from flipflop.results.compare.comparison import Comparison, Result
from flipflop.results.load import Group, Sweep

MOST_NAMED = 10  # groups without a partner that are named one by one
Settings = Mapping[str, str]  # {dotted key: value}, as text, without what never tells groups apart
Side = Sequence[tuple[Settings, Group]]  # groups that are compared with another side's, or with one another
Rest = frozenset[tuple[str, str]]  # what is equal in groups that are compared


def compare_sweeps(sweeps: Sequence[Sweep]) -> Result:
    """Compare the groups of every further sweep with those of the first that have the same config.

    Keys in which two sweeps have no value in common, as controller.hidden 16 in one and 8 in the other, or regime.steps
    3000 and 1000 in one and 500 in the other, are what is compared: they are named, and do not count in matching.

    Raises:
        ConfigError: no group has a partner.
    """
    names = [f"S{number}" for number in range(1, len(sweeps) + 1)]  # folders' names can be long, or alike
    folders = dict(zip(names, (str(sweep.folder) for sweep in sweeps), strict=True))
    sides = [_side(sweep.groups()) for sweep in sweeps]
    found: list[tuple[int, Comparison]] = []
    differing: list[str] = []
    hopeless: list[str] = []
    remarks: list[str] = []
    first, name = sides[0], names[0]
    for other_name, other in zip(names[1:], sides[1:], strict=True):
        sides_told = f"{folders[name]} and {folders[other_name]}"
        apart = _keys_apart(first, other)
        told = ", ".join(f"{key} {_listed(_values(first, key))} | {_listed(_values(other, key))}" for key in apart)
        if any(len({_rest(settings, apart) for settings, _ in side}) < len(side) for side in (first, other)):
            # Without these keys several groups of a side are one: with which to compare, only --by can say.
            hopeless.append(
                f"{sides_told} differ in {told}, and some groups of one in nothing else: compare --by one of these"
            )
            continue
        partners = {_rest(settings, apart): group for settings, group in other}
        matched = {_rest(settings, apart) for settings, _ in first} & set(partners)
        if not matched:
            nearest = _nearest(first, other, apart)
            hopeless.append(f"{sides_told} have no group with the same config{nearest}: compare --by a key")
            continue
        for place, (settings, group) in enumerate(first):
            if (rest := _rest(settings, apart)) in matched:
                cells = {**partners[rest].name, **group.name}
                pair = Comparison(cells, name, other_name, _summary(group), _summary(partners[rest]))
                found.append((place, pair))
        if told:
            differing.append(f"{name} | {other_name} differ in {told}")
        remarks += _unmatched(name, first, other_name, other, apart, matched)
        remarks += _unmatched(other_name, other, name, first, apart, matched)
    if not found:
        raise ConfigError("; ".join(hopeless))
    in_order = [pair for _, pair in sorted(found, key=lambda item: item[0])]
    return Result("sweep", folders, in_order, differing, [*hopeless, *remarks, *_runs_that_do_not_count(names, sweeps)])


def _runs_that_do_not_count(names: Sequence[str], sweeps: Sequence[Sweep]) -> list[str]:
    remarks = []
    known: dict[str, str] = {}  # which sweep had a run first
    for name, sweep in zip(names, sweeps, strict=True):
        failed = sum(record.status not in FINISHED for record in sweep.records)
        if failed:
            remarks.append(f"{counted(failed, 'run')} of {name} failed or crashed: no trials")
        if sweep.missing:
            remarks.append(f"{sweep.missing:,} of the {counted(sweep.planned, 'planned run')} of {name} are not done")
        finished = {identity(record): record for record in sweep.records if record.status in FINISHED}
        again = Counter(known[run] for run in finished if run in known)
        remarks += [
            f"{name} has {counted(count, 'run')} of {earlier} again: the same numbers, and no evidence"
            for earlier, count in again.items()
        ]
        known |= {run: name for run in finished if run not in known}
    return remarks


def compare_by(sweeps: Sequence[Sweep], key: str) -> Result:
    """Compare groups that differ in one key, all else equal, with those that have its first value.

    The sweeps are taken together, and a run that is in several counts once. A key can be a group's choice, as regime;
    what always comes with a choice, as regime.episodes_per_step, goes along with it.

    Raises:
        ConfigError: the runs do not differ in this key, or nothing else is equal.
    """
    pooled = deduplicate(record for sweep in sweeps for record in sweep.records)
    side = _side([Group(name, members) for name, members in grouped(pooled)])
    axes = _axes(side)
    key = key.removesuffix(".name") if key.removesuffix(".name") in axes else key
    if key not in axes:
        raise ConfigError(f"--by {key} is not allowed: {_why_not(key, side, axes)}; {_choices(axes)}")

    values = _values(side, key)
    buckets: dict[Rest, dict[str, Group]] = {}
    names: dict[Rest, dict[str, str]] = {}
    for settings, group in side:
        rest = _rest(settings, axes[key])
        buckets.setdefault(rest, {})[_value(settings, key)] = group
        names[rest] = {axis: _value(settings, axis) for axis in axes if axis != key}
    comparisons = []
    alone = []
    for rest, members in buckets.items():
        if values[0] not in members or len(members) == 1:
            alone += [f"nothing to compare with: {group.title}" for group in members.values()]
            continue
        reference = _summary(members[values[0]])
        comparisons += [
            Comparison(names[rest], values[0], value, reference, _summary(members[value]))
            for value in values[1:]
            if value in members
        ]
    if not comparisons:
        raise ConfigError(f"--by {key} finds no groups that are equal but for it: {_choices(axes)}")

    of_value = {_value(settings, key): settings for settings, _ in side}
    differing = [f"by {key}: {values[0]} | {_listed(values[1:])}"] + [
        f"with it {along}: {' | '.join(_value(of_value[value], along) for value in values)}"
        for along in axes[key]
        if along not in (key, f"{key}.name")
    ]
    failed = sum(record.status not in FINISHED for record in pooled)
    remarks = [f"{counted(failed, 'run')} failed or crashed: no trials"] if failed else []
    return Result(key, {}, comparisons, differing, [*alone[:MOST_NAMED], *more(len(alone)), *remarks])


def _why_not(key: str, side: Side, axes: Mapping[str, Sequence[str]]) -> str:
    for axis, along in axes.items():
        if key in along:
            return f"it goes along with {axis}"
    if key in UNGROUPED_KEYS:
        return "it does not tell groups apart"
    is_known = any(key in settings or f"{key}.name" in settings for settings, _ in side)
    return "all runs have the same" if is_known else "no run has such a key"


def choices(sweep: Sweep) -> tuple[list[str], str]:
    """The keys that --by can compare within a sweep, and the same as words."""
    axes = _axes(_side(sweep.groups()))
    return list(axes), _choices(axes)


def _choices(axes: Iterable[str]) -> str:
    listed = ", ".join(axes)
    return f"the runs differ in {listed}" if listed else "the runs differ only by seed"


def _side(members: Iterable[Group]) -> Side:
    return [
        ({key: _text(value) for key, value in group.records[0].config.items() if key not in UNGROUPED_KEYS}, group)
        for group in members
    ]


def _text(value: object) -> str:
    return "null" if value is None else str(value)


def _value(settings: Settings, key: str) -> str:
    """Of a key, or the name of a group's choice; a key of another version of flipflop may not be there."""
    return settings.get(key, settings.get(f"{key}.name", "(none)"))


def _values(side: Side, key: str) -> list[str]:
    return list(dict.fromkeys(_value(settings, key) for settings, _ in side))


def _listed(values: Sequence[str]) -> str:
    return ", ".join(values) if len(values) <= 6 else f"{', '.join(values[:3])} ... {values[-1]}"


def _rest(settings: Settings, keys: Sequence[str]) -> Rest:
    return frozenset((key, value) for key, value in settings.items() if key not in keys)


def _summary(group: Group) -> Summary:
    (summary,) = summaries(group.records)
    return summary


def _keys_apart(first: Side, other: Side) -> list[str]:
    """The keys in which two sides have no value in common."""
    keys = dict.fromkeys(key for settings, _ in (*first, *other) for key in settings)
    return [key for key in keys if set(_values(first, key)).isdisjoint(_values(other, key))]


def _axes(side: Side) -> dict[str, list[str]]:
    """What groups differ in, each with the keys that go along: those of a group's choice that always come with it."""
    keys = dict.fromkeys(key for settings, _ in side for key in settings)
    varying = [key for key in keys if len(_values(side, key)) > 1]
    axes: dict[str, list[str]] = {}
    for key in varying:
        choice, _, _ = key.rpartition(".")
        chosen = f"{choice}.name"
        pairs = {(_value(settings, chosen), _value(settings, key)) for settings, _ in side}
        comes_with_it = chosen in varying and len(pairs) == len(_values(side, chosen))
        axes.setdefault(choice if comes_with_it else key, []).append(key)
    return axes


def _unmatched(
    name: str, side: Side, other_name: str, other: Side, apart: Sequence[str], matched: Collection[Rest]
) -> list[str]:
    """A line for each group of a sweep that the other has not, with what its nearest there differs in."""
    alone = [(settings, group) for settings, group in side if _rest(settings, apart) not in matched]
    lines = [
        f"only in {name}, not in {other_name}: {group.title}{_nearest([(settings, group)], other, apart)}"
        for settings, group in alone[:MOST_NAMED]
    ]
    return lines + more(len(alone))


def _nearest(first: Side, other: Side, apart: Sequence[str]) -> str:
    """What the nearest pair differs in, as the end of a sentence; nothing where that is too much to be near."""
    least: list[str] | None = None
    for settings, _ in first[:MOST_NAMED]:
        for others, _ in other:
            keys = [key for key in {**settings, **others} if _value(settings, key) != _value(others, key)]
            keys = [key for key in keys if key not in apart]
            if keys and (least is None or len(keys) < len(least)):
                least = [f"{key} {_value(settings, key)} | {_value(others, key)}" for key in keys]
    return f" (the nearest differ in {', '.join(least)})" if least and len(least) <= 3 else ""


def more(number: int) -> list[str]:
    """How many lines are not shown of so many, if any, as a line."""
    return [f"and {number - MOST_NAMED} more"] if number > MOST_NAMED else []
