"""Which runs belong together: those that differ only by seed."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from flipflop import parts
from flipflop.config.keys import COMMON_RULES, decisive
from flipflop.records.record import FINISHED, Record

# What never tells groups apart: the seed, and what changes no number.
UNGROUPED_KEYS = (
    "seed",
    *(key for key, rule in COMMON_RULES.items() if rule.is_record_only or not rule.affects_results),
)


class Run(Protocol):
    """What tells runs apart: a record, or a run that is only planned."""

    @property
    def label(self) -> str | None:
        """Its grid's."""

    @property
    def overrides(self) -> Sequence[str]:
        """As given, key=value."""

    @property
    def origins(self) -> Mapping[str, str]:
        """Where its outside parts come from, by their places."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Its config by dotted keys."""


AnyRun = TypeVar("AnyRun", bound=Run)


def swept_keys(runs: Sequence[Run]) -> list[str]:
    """The overrides, other than the seed, in which the runs differ, in the order in which they were given."""
    given = [dict(text.split("=", 1) for text in run.overrides) for run in runs]
    keys = dict.fromkeys(key for overrides in given for key in overrides)
    return [key for key in keys if key not in UNGROUPED_KEYS and len({setting_of(run, key) for run in runs}) > 1]


def setting_of(run: Run, key: str) -> str:
    """What a run has for a key: as given, else its config's value; a group's choice is named by its file."""
    for text in run.overrides:
        if text.startswith(f"{key}="):
            return text.partition("=")[2]
    settings, dotted = run.settings, key.replace("/", ".")
    return str(settings.get(key, settings.get(f"{dotted}.name", "")))


def grouped(runs: Sequence[AnyRun]) -> list[tuple[dict[str, str], list[AnyRun]]]:
    """Put runs of one label that differ only by seed together, in the order of their first.

    A group's name is {column: cell}.
    """
    swept = swept_keys(runs)
    members: dict[tuple[str | None, str], list[AnyRun]] = {}
    for run in runs:
        members.setdefault((run.label, identity(run, without_seed=True)), []).append(run)

    alike: dict[str | None, list[AnyRun]] = {}
    for first, *_ in members.values():
        alike.setdefault(first.label, []).append(first)

    def name(first: AnyRun) -> dict[str, str]:
        """Its label, and of what was swept what tells it from others of the label; all where there are no labels."""
        same = alike[first.label]
        telling = [key for key in swept if first.label is None or len({setting_of(other, key) for other in same}) > 1]
        return {**_label(first), **{key: setting_of(first, key) for key in telling}}

    named = [(name(group[0]), group) for group in members.values()]
    for place in parts.PLACES:  # groups that differ in the text of a plug-in alone are told apart by that
        if len({group[0].origins.get(place) for _, group in named}) > 1:
            same = Counter(json.dumps(cells) for cells, _ in named)
            named = [
                (
                    cells | {f"{place} from": group[0].origins.get(place, "")}
                    if same[json.dumps(cells)] > 1
                    else cells,
                    group,
                )
                for cells, group in named
            ]
    return named


def identity(run: Run, without_seed: bool = False) -> str:
    """What a run computes: two that differ only in what is kept of them have the same numbers."""
    ignored = [key for key in UNGROUPED_KEYS if key != "seed" or without_seed]
    settings = {key: value for key, value in decisive(run.settings).items() if key not in ignored}
    of_parts = {place: origin for place, origin in run.origins.items() if place in parts.PLACES}
    return json.dumps([settings, of_parts], sort_keys=True)


def deduplicate(records: Iterable[Record]) -> list[Record]:
    """The records, those with the same numbers once: a run done again for other arrays is no new trial."""
    first: dict[str, Record] = {}
    for record in records:
        run = identity(record)
        if run not in first or (first[run].status not in FINISHED and record.status in FINISHED):
            first[run] = record
    return list(first.values())


def _label(run: Run) -> dict[str, str]:
    return {} if run.label is None else {"label": run.label}
