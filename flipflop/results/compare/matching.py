"""The matching of groups of runs: it pairs those whose configs are equal except for what is compared."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from flipflop.config.rules import ConfigError
from flipflop.parts import PLACES
from flipflop.plurals import counted
from flipflop.records.grouping import UNGROUPED_KEYS, deduplicate, grouped, identity
from flipflop.records.record import FINISHED, Record
from flipflop.records.summary import Summary, summaries
from flipflop.results.compare.comparison import Comparison, Result
from flipflop.results.load import Group, Sweep

MOST_NAMED = 10  # lines of one kind, as of groups without a partner, that are printed
Settings = Mapping[str, str]  # {dotted key: value as text}, without the keys by which groups are never distinguished
Side = Sequence[tuple[Settings, Group]]  # the groups of one side of a comparison, each with its settings
Rest = frozenset[tuple[str, str]]  # {(key, value)}, the settings that must be equal for groups to be compared


def compare_sweeps(sweeps: Sequence[Sweep]) -> Result:
    """Compare the groups of each further sweep with the groups of the first sweep that have the same config.

    If two sweeps have no value of a key in common, then this key is what is compared: it is named in the result and
    ignored in matching. Examples are controller.hidden 16 in one sweep and 8 in the other, or regime.steps 3000 and
    1000 in one and 500 in the other.

    Raises:
        ConfigError: no group has a partner.
    """
    names = [f"S{number}" for number in range(1, len(sweeps) + 1)]  # short and distinct, as folders may not be
    folders = dict(zip(names, (str(sweep.folder) for sweep in sweeps), strict=True))
    sides = [_side(sweep.groups()) for sweep in sweeps]
    found: list[tuple[int, Comparison]] = []  # with the place of the first sweep's group
    differing: list[str] = []
    unmatchable: list[str] = []
    remarks: list[str] = []
    first, name = sides[0], names[0]
    for other_name, other in zip(names[1:], sides[1:], strict=True):
        apart = _keys_apart(first, other)
        matched = {_rest(settings, apart) for settings, _ in first} & {_rest(settings, apart) for settings, _ in other}
        if reason := _why_unmatchable(first, other, apart, matched):
            unmatchable.append(f"{folders[name]} and {folders[other_name]} {reason}")
            continue
        partners = {_rest(settings, apart): group for settings, group in other}
        for place, (settings, group) in enumerate(first):
            if (rest := _rest(settings, apart)) in matched:
                cells = {**partners[rest].name, **group.name}
                pair = Comparison(cells, name, other_name, _summary(group), _summary(partners[rest]))
                found.append((place, pair))
        if apart:
            differing.append(f"{name} | {other_name} differ in {_differences(first, other, apart)}")
        remarks += _unmatched(name, first, other_name, other, apart, matched)
        remarks += _unmatched(other_name, other, name, first, apart, matched)
    if not found:
        raise ConfigError("; ".join(unmatchable))
    in_order = [pair for _, pair in sorted(found, key=lambda item: item[0])]
    remarks = [*unmatchable, *remarks, *_runs_that_do_not_count(names, sweeps)]
    return Result("sweep", folders, in_order, differing, remarks)


def _why_unmatchable(first: Side, other: Side, apart: Sequence[str], matched: Collection[Rest]) -> str | None:
    """Return why two sides cannot be matched without the keys `apart`, as the end of a sentence; None if they can."""
    if any(len({_rest(settings, apart) for settings, _ in side}) < len(side) for side in (first, other)):
        # Groups of a side that differ in these keys alone would be candidates for the same partner.
        differences = _differences(first, other, apart)
        return f"differ in {differences}, and some groups of one in nothing else: compare --by one of these"
    if not matched:
        return f"have no group with the same config{_nearest(first, other, apart)}: compare --by a key"
    return None


def _differences(first: Side, other: Side, keys: Sequence[str]) -> str:
    """Return the values of these keys on both sides: `controller.hidden 16 | 8`."""
    return ", ".join(f"{key} {_listed(_values(first, key))} | {_listed(_values(other, key))}" for key in keys)


def _runs_that_do_not_count(names: Sequence[str], sweeps: Sequence[Sweep]) -> list[str]:
    """Return a line for each sweep's failed, missing and repeated runs."""
    remarks = []
    known: dict[str, str] = {}  # {identity of a run: name of the first sweep that has it}
    for name, sweep in zip(names, sweeps, strict=True):
        failed = sum(record.status not in FINISHED for record in sweep.records)
        if failed:
            remarks.append(f"{counted(failed, 'run')} of {name} failed or crashed: no trials")
        if sweep.missing:
            remarks.append(f"{sweep.missing:,} of the {counted(sweep.planned, 'planned run')} of {name} are not done")
        finished = {identity(record): record for record in sweep.records if record.status in FINISHED}
        repeated = Counter(known[run] for run in finished if run in known)
        remarks += [
            f"{name} has {counted(count, 'run')} of {earlier} again: the same numbers, and no evidence"
            for earlier, count in repeated.items()
        ]
        known |= {run: name for run in finished if run not in known}
    return remarks


def compare_by(sweeps: Sequence[Sweep], key: str) -> Result:
    """Compare groups that differ in one key with the group that has the key's first value and is otherwise equal.

    The runs of all sweeps are pooled, and a run that is in several of them counts once. If the key is a config group,
    as regime, then the keys that are set by its choice, as regime.episodes_per_step, may differ as well.

    Raises:
        ConfigError: the runs do not differ in this key, or no two groups are otherwise equal.
    """
    pooled = deduplicate(record for sweep in sweeps for record in sweep.records)
    side = _side([Group(name, members) for name, members in grouped(pooled)])
    axes = _axes(side)
    key = key.replace("/", ".")  # a choice is written as in an override, controller/cell, or as a key
    key = key.removesuffix(".name") if key.removesuffix(".name") in axes else key
    if key not in axes:
        raise ConfigError(f"--by {key} is not allowed: {_why_not(key, side, axes)}; {_choices(axes)}")

    comparisons, alone = _pairs_by(key, side, axes)
    if not comparisons:
        raise ConfigError(f"--by {key} finds no groups that are equal but for it: {_choices(axes)}")

    values = _values(side, key)
    of_value = {_value(settings, key): settings for settings, _ in side}
    differing = [f"by {key}: {values[0]} | {_listed(values[1:])}"] + [
        f"with it {along}: {' | '.join(_value(of_value[value], along) for value in values)}"
        for along in axes[key]
        if along not in (key, f"{key}.name")
    ]
    failed = sum(record.status not in FINISHED for record in pooled)
    remarks = [f"{counted(failed, 'run')} failed or crashed: no trials"] if failed else []
    return Result(key, {}, comparisons, differing, [*alone[:MOST_NAMED], *more(len(alone)), *remarks])


def _pairs_by(key: str, side: Side, axes: Mapping[str, Sequence[str]]) -> tuple[list[Comparison], list[str]]:
    """Return the pairs of groups that differ in a key alone, and a line for each group without a partner."""
    values = _values(side, key)
    buckets: dict[Rest, dict[str, Group]] = {}  # {what is equal: {value of the key: group}}
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
    return comparisons, alone


def _why_not(key: str, side: Side, axes: Mapping[str, Sequence[str]]) -> str:
    """Return why groups cannot be compared by a key, as the end of a sentence."""
    for axis, along in axes.items():
        if key in along:
            return f"it goes along with {axis}"
    if key in UNGROUPED_KEYS:
        return "it does not tell groups apart"
    is_known = any(key in settings or f"{key}.name" in settings for settings, _ in side)
    return "all runs have the same" if is_known else "no run has such a key"


def choices(sweep: Sweep) -> tuple[list[str], str]:
    """Return the keys by which the groups of a sweep can be compared, as a list and as the end of a sentence."""
    axes = _axes(_side(sweep.groups()))
    return list(axes), _choices(axes)


def _choices(axes: Iterable[str]) -> str:
    """Return the keys in which runs differ as the end of a sentence."""
    listed = ", ".join(axes)
    return f"the runs differ in {listed}" if listed else "the runs differ only by seed"


def _side(members: Iterable[Group]) -> Side:
    """Return groups with their settings as text."""
    return [(_settings_of(group.records[0]), group) for group in members]


def _settings_of(record: Record) -> Settings:
    """Return what tells a group from others, as text: its settings, and where its outside parts come from."""
    settings = {key: _text(value) for key, value in record.config.items() if key not in UNGROUPED_KEYS}
    return settings | {f"{place}.from": origin for place, origin in record.origins.items() if place in PLACES}


def _text(value: object) -> str:
    return "null" if value is None else str(value)


def _value(settings: Settings, key: str) -> str:
    """Return the value of a key, or the name of a group's choice; a record of another version may lack the key."""
    return settings.get(key, settings.get(f"{key}.name", "(none)"))


def _values(side: Side, key: str) -> list[str]:
    """Return the values of a key on a side, each once, in the order of the groups."""
    return list(dict.fromkeys(_value(settings, key) for settings, _ in side))


def _listed(values: Sequence[str]) -> str:
    """Return the values in one line; of more than six, the first three and the last."""
    return ", ".join(values) if len(values) <= 6 else f"{', '.join(values[:3])} ... {values[-1]}"


def _rest(settings: Settings, keys: Sequence[str]) -> Rest:
    """Return the settings without these keys."""
    return frozenset((key, value) for key, value in settings.items() if key not in keys)


def _summary(group: Group) -> Summary:
    (summary,) = summaries(group.records)
    return summary


def _keys_apart(first: Side, other: Side) -> list[str]:
    """Return the keys of which two sides have no value in common."""
    keys = dict.fromkeys(key for settings, _ in (*first, *other) for key in settings)
    return [key for key in keys if set(_values(first, key)).isdisjoint(_values(other, key))]


def _axes(side: Side) -> dict[str, list[str]]:
    """Return the keys in which groups differ, as {key: keys that vary with it, itself included}.

    The keys of a config group (regime.steps, regime.episodes_per_step) vary with its choice (regime) if each choice
    always comes with the same value of them. So do those of eval.env, as both worlds are the choice env, and where
    an outside part comes from (env.from).
    """
    keys = dict.fromkeys(key for settings, _ in side for key in settings)
    varying = [key for key in keys if len(_values(side, key)) > 1]
    axes: dict[str, list[str]] = {}
    for key in varying:
        choice = key.rpartition(".")[0].removeprefix("eval.") if key.startswith("eval.env.") else key.rpartition(".")[0]
        chosen = f"{choice}.name"
        pairs = {(_value(settings, chosen), _value(settings, key)) for settings, _ in side}
        is_set_by_choice = chosen in varying and len(pairs) == len(_values(side, chosen))
        axes.setdefault(choice if is_set_by_choice else key, []).append(key)
    return axes


def _unmatched(
    name: str, side: Side, other_name: str, other: Side, apart: Sequence[str], matched: Collection[Rest]
) -> list[str]:
    """Return a line for each group without a partner in the other sweep, with the differences to the nearest there."""
    alone = [(settings, group) for settings, group in side if _rest(settings, apart) not in matched]
    lines = [
        f"only in {name}, not in {other_name}: {group.title}{_nearest([(settings, group)], other, apart)}"
        for settings, group in alone[:MOST_NAMED]
    ]
    return lines + more(len(alone))


def _nearest(first: Side, other: Side, apart: Sequence[str]) -> str:
    """Return what the most similar pair differs in, as the end of a sentence; empty if that is more than three keys."""
    least: list[str] | None = None
    for settings, _ in first[:MOST_NAMED]:
        for others, _ in other:
            keys = [key for key in {**settings, **others} if _value(settings, key) != _value(others, key)]
            keys = [key for key in keys if key not in apart]
            if keys and (least is None or len(keys) < len(least)):
                least = [f"{key} {_value(settings, key)} | {_value(others, key)}" for key in keys]
    return f" (the nearest differ in {', '.join(least)})" if least and len(least) <= 3 else ""


def more(number: int) -> list[str]:
    """Return the line that says how many of `number` lines are not shown, or no line if all are."""
    return [f"and {number - MOST_NAMED} more"] if number > MOST_NAMED else []
