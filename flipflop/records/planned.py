"""A run that is planned, and the key that identifies what it computes."""

from dataclasses import dataclass
from typing import Any

from flipflop.config.keys import counts_in, flat, key_of, origins
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

    @property
    def origins(self) -> dict[str, str]:
        """Where its outside parts come from, by their places."""
        return origins(self.config)

    @property
    def counts_in(self) -> str:
        """What it counts its training in: outer step or environment step."""
        return counts_in(self.config)


def run_key(config: Config) -> str:
    """Return a hash of all that decides a run's record: config, outside parts and the version of the results."""
    return key_of(flat(config), origins(config), RESULTS_VERSION)
