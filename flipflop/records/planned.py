"""Planned runs, and the key that identifies what a run computes."""

from dataclasses import dataclass
from typing import Any

from flipflop.config.keys import counts_in, flat, key_of, origins
from flipflop.config.schema import Config
from flipflop.core.result import RESULTS_VERSION


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run of a sweep before it is trained."""

    key: str  # identifies what it computes; runs with the same key are trained once
    label: str | None  # of its grid in the sweep file, if it has one
    overrides: tuple[str, ...]
    config: Config

    @property
    def settings(self) -> dict[str, Any]:
        """Return the config as {dotted key: value}."""
        return flat(self.config)

    @property
    def origins(self) -> dict[str, str]:
        """Return where the outside parts of the run come from, by place."""
        return origins(self.config)

    @property
    def counts_in(self) -> str:
        """Return the unit in which the run counts its training: `outer step` or `environment step`."""
        return counts_in(self.config)


def run_key(config: Config) -> str:
    """Return the key of a run: a hash of its config, its outside parts and the version of the results."""
    return key_of(flat(config), origins(config), RESULTS_VERSION)
