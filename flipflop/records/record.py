"""The record of a finished run: a line of runs.jsonl with a checksum."""

import json
import math
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from flipflop.config.keys import key_of
from flipflop.core.result import RunResult
from flipflop.records.files import checksum
from flipflop.records.planned import PlannedRun

FINISHED = ("ok", "diverged")  # the statuses with a result; a diverged run is a trial without success


@dataclass(frozen=True)
class Record:
    """A finished run, with the fields of its line in runs.jsonl."""

    key: str  # identifies what the run computes (flipflop.config.keys.key_of)
    index: int  # of the run in its sweep
    label: str | None  # of its grid in the sweep file
    overrides: list[str]  # as given, key=value
    config: dict[str, Any]  # {dotted key: value}
    origins: dict[str, str]  # where its outside parts come from, by place
    counts_in: str  # the unit of its training: outer step or environment step
    status: str  # ok, diverged, failed (an exception) or crashed (its process died)
    metrics: dict[str, Any]  # flipflop.core.result.Metrics by name; empty unless ok or diverged
    error: str | None  # what stopped a run that failed or crashed
    block: str | None  # the file in blocks/ that has its arrays
    slot: int | None  # its row in these arrays
    digest: str | None  # the checksum of this file
    seconds: float  # CPU seconds of its block, divided by the number of runs
    version: int  # of the results (flipflop.core.result.RESULTS_VERSION)

    @property
    def settings(self) -> dict[str, Any]:
        """Return the config as {dotted key: value}."""
        return self.config


class Outcome(NamedTuple):
    """The end of one run of a block: its result, or the error that stopped it."""

    run: PlannedRun
    result: RunResult | None
    error: str | None  # a traceback, or how its process died
    crashed: bool = False


def line_of(record: Record) -> bytes:
    """Return a record as a line of runs.jsonl."""
    text = json.dumps(vars(record), allow_nan=False)
    return f'{text[:-1]}, "checksum": "{checksum(text.encode())}"}}\n'.encode()


def record_of(line: bytes) -> Record:
    """Return the record in a line of runs.jsonl.

    Raises:
        ValueError: the line is no valid record; the message completes the sentence "The line ...".
    """
    if not line.endswith(b"\n"):
        raise ValueError("is torn: its end is missing")
    try:
        content = json.loads(line)
        stored_checksum = content.pop("checksum")
        names = {field.name for field in fields(Record)}
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        raise ValueError("is not a record of flipflop") from None
    if stored_checksum != checksum(json.dumps(content).encode()):
        raise ValueError("was changed after it was written: its checksum is another")
    if content.keys() != names:
        raise ValueError("is a record of another version of flipflop")
    record = Record(**content)
    if record.key != key_of(record.config, record.origins, record.version):
        raise ValueError("has a key that is not its config's")
    return record


def finite(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return metrics with None in place of NaN and infinity, which JSON does not have."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in metrics.items()
    }
