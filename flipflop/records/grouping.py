"""Groups of runs that differ only by seed."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from flipflop import parts
from flipflop.config.keys import COMMON_RULES, decisive
from flipflop.records.record import FINISHED, Record

# Keys in which the runs of a group may differ: the seed, and those that change no number.
UNGROUPED_KEYS = (
    "seed",
    *(key for key, rule in COMMON_RULES.items() if rule.is_record_only or not rule.affects_results),
)


class Run(Protocol):
    """What grouping needs of a run: a record or a planned run."""

    @property
    def label(self) -> str | None:
        """The label of its grid."""

    @property
    def overrides(self) -> Sequence[str]:
        """Its overrides, key=value."""

    @property
    def origins(self) -> Mapping[str, str]:
        """Where its outside parts come from, by place."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Its config as {dotted key: value}."""


AnyRun = TypeVar("AnyRun", bound=Run)


def swept_keys(runs: Sequence[Run]) -> list[str]:
    """Return the keys of the overrides in which the runs differ, without the seed, in the order of the overrides."""
    keys = dict.fromkeys(text.partition("=")[0] for run in runs for text in run.overrides)
    return [key for key in keys if key not in UNGROUPED_KEYS and len({setting_of(run, key) for run in runs}) > 1]


def setting_of(run: Run, key: str) -> str:
    """Return the value that a run has for a key, as text: that of its override, or else that of its config.

    The value of a config group, such as `optimiser`, is the name of its choice.
    """
    for text in run.overrides:
        if text.startswith(f"{key}="):
            return text.partition("=")[2]
    settings, dotted = run.settings, key.replace("/", ".")
    return str(settings.get(key, settings.get(f"{dotted}.name", "")))


def grouped(runs: Sequence[AnyRun]) -> list[tuple[dict[str, str], list[AnyRun]]]:
    """Return groups of runs that have the same label and differ only by seed, in the order of their first runs.

    Each group comes with its name, {column: cell}.
    """
    swept = swept_keys(runs)
    members: dict[tuple[str | None, str], list[AnyRun]] = {}
    for run in runs:
        members.setdefault((run.label, identity(run, without_seed=True)), []).append(run)

    alike: dict[str | None, list[AnyRun]] = {}
    for first, *_ in members.values():
        alike.setdefault(first.label, []).append(first)

    def name(first: AnyRun) -> dict[str, str]:
        """Return the label of a group and its values of those swept keys in which groups of this label differ.

        Without a label these are all swept keys.
        """
        same = alike[first.label]
        differing = [key for key in swept if first.label is None or len({setting_of(run, key) for run in same}) > 1]
        return {**_label(first), **{key: setting_of(first, key) for key in differing}}

    named = [(name(group[0]), group) for group in members.values()]
    for place in parts.PLACES:  # for groups that differ only in the text of a plug-in
        if len({group[0].origins.get(place) for _, group in named}) > 1:
            same = Counter(json.dumps(cells) for cells, _ in named)
            named = [
                (
                    cells | {f"{place}.from": group[0].origins.get(place, "")}
                    if same[json.dumps(cells)] > 1
                    else cells,
                    group,
                )
                for cells, group in named
            ]
    return named


def identity(run: Run, without_seed: bool = False) -> str:
    """Return a text that is the same for runs that compute the same numbers, though they may store different ones."""
    ignored = [key for key in UNGROUPED_KEYS if key != "seed" or without_seed]
    settings = {key: value for key, value in decisive(run.settings).items() if key not in ignored}
    of_parts = {place: origin for place, origin in run.origins.items() if place in parts.PLACES}
    return json.dumps([settings, of_parts], sort_keys=True)


def deduplicate(records: Iterable[Record]) -> list[Record]:
    """Return the records without those that repeat the numbers of another; such a run is no new trial."""
    first: dict[str, Record] = {}
    for record in records:
        run = identity(record)
        if run not in first or (first[run].status not in FINISHED and record.status in FINISHED):
            first[run] = record
    return list(first.values())


def _label(run: Run) -> dict[str, str]:
    return {} if run.label is None else {"label": run.label}
