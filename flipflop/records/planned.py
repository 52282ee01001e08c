"""A run that is planned, and the key that identifies what it computes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flipflop.config.keys import decisive, flat
from flipflop.config.schema import Config
from flipflop.core.result import RESULTS_VERSION


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run of a sweep."""

    key: str  # identifies what it computes: two runs with one key are one run
    label: str | None  # its grid's, where a sweep file names its grids
    overrides: tuple[str, ...]
    config: Config

    @property
    def settings(self) -> dict[str, Any]:
        """The config as {dotted key: value}."""
        return flat(self.config)


def run_key(config: Config) -> str:
    """A hash of all that decides a run's numbers: its resolved config and the version of the results."""
    return key_of(flat(config), RESULTS_VERSION)


def key_of(settings: Mapping[str, Any], version: int) -> str:
    """The key of a run with these settings, as that version of the results gave it."""
    text = json.dumps([version, decisive(settings)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
