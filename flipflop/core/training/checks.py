"""The checks of a block in training: which runs pass the fixed test, at which outer step, and how often in a row."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.evaluate import Evaluation
from flipflop.core.nets.weights import Net

Runs = NDArray[np.integer]


class Checks:
    """The outcome of the checks of R runs, (R,) each; outer step 0 means that no check was passed."""

    def __init__(self, configs: Sequence[Config], stop_after: int | None = None) -> None:
        R, settings = len(configs), configs[0].eval
        self.stop_after = stop_after  # number of passed checks in a row after which a run may stop; None: never
        self.test = Evaluation(configs)
        self.from_reset = Evaluation(configs, from_reset=True) if settings.burn_in else None
        self.solved_at = np.zeros(R, int)  # the outer step of the first check passed
        self.solved_from_reset_at = np.zeros(R, int)  # the same for the test without burn-in
        self.in_a_row = np.zeros(R, int)  # number of passed checks up to now, counted if stop_after is set

    def __call__(self, k: int, controllers: Net, runs: Runs) -> None:
        """Test controllers after k outer steps.

        A run that has passed is not tested again, unless `stop_after` counts passed checks in a row.

        Args:
            k: number of outer steps done.
            controllers: of all runs of the block.
            runs: indices of the runs to test.
        """
        tested = runs if self.stop_after else runs[self.solved_at[runs] == 0]
        if tested.size:
            success = self.test(controllers, tested).success
            self.in_a_row[tested] = np.where(success, self.in_a_row[tested] + 1, 0)
            first = success & (self.solved_at[tested] == 0)
            self.solved_at[tested[first]] = k
        unsolved = runs[self.solved_from_reset_at[runs] == 0]
        if self.from_reset is not None and unsolved.size:
            self.solved_from_reset_at[unsolved[self.from_reset(controllers, unsolved).success]] = k

    def may_stop(self, runs: Runs) -> NDArray[np.bool_]:
        """Return for each of the runs whether it has passed `stop_after` checks in a row."""
        if self.stop_after is None:
            return np.zeros(len(runs), bool)
        enough: NDArray[np.bool_] = self.in_a_row[runs] >= self.stop_after
        return enough

    def arrays(self) -> dict[str, Runs]:
        """Return the arrays of outcomes by name, for checkpoints; not copies."""
        names = ("solved_at", "solved_from_reset_at", "in_a_row")
        return {name: getattr(self, name) for name in names}
