"""One finished run as a line of runs.jsonl, with a checksum."""

import json
import math
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from flipflop.config.keys import key_of
from flipflop.core.result import RunResult
from flipflop.records.files import checksum
from flipflop.records.planned import PlannedRun

FINISHED = ("ok", "diverged")  # with a result: a diverged run was a trial, and not a success


@dataclass(frozen=True)
class Record:
    """One finished run, as its line in runs.jsonl."""

    key: str
    index: int
    label: str | None
    overrides: list[str]
    config: dict[str, Any]  # {dotted key: value}
    origins: dict[str, str]  # where its outside parts come from, by their places
    counts_in: str  # what it counts its training in: outer step or environment step
    status: str  # ok, diverged, failed (an exception) or crashed (its process died)
    metrics: dict[str, Any]  # flipflop.core.result.Metrics by name; empty unless ok or diverged
    error: str | None
    block: str | None  # which file of blocks/ holds its arrays,
    slot: int | None  # which row of them,
    digest: str | None  # and the checksum of that file
    seconds: float  # CPU seconds of its block, shared equally
    version: int  # of the results

    @property
    def settings(self) -> dict[str, Any]:
        """The config as {dotted key: value}."""
        return self.config


class Outcome(NamedTuple):
    """How one run of a block ended: with a result, or with what stopped it."""

    run: PlannedRun
    result: RunResult | None
    error: str | None  # a traceback, or how its process died
    crashed: bool = False


def line_of(record: Record) -> bytes:
    """A record as a line of runs.jsonl."""
    text = json.dumps(vars(record), allow_nan=False)
    return f'{text[:-1]}, "checksum": "{checksum(text.encode())}"}}\n'.encode()


def record_of(line: bytes) -> Record:
    """The record in a line of runs.jsonl.

    Raises:
        ValueError: it is not one, and why, as the end of a sentence.
    """
    if not line.endswith(b"\n"):
        raise ValueError("is torn: its end is missing")
    try:
        given = json.loads(line)
        found = given.pop("checksum")
        names = {field.name for field in fields(Record)}
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        raise ValueError("is not a record of flipflop") from None
    if found != checksum(json.dumps(given).encode()):
        raise ValueError("was changed after it was written: its checksum is another")
    if given.keys() != names:
        raise ValueError("is a record of another version of flipflop")
    record = Record(**given)
    if record.key != key_of(record.config, record.origins, record.version):
        raise ValueError("has a key that is not its config's")
    return record


def finite(metrics: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: what is not a number is nothing."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in metrics.items()
    }
