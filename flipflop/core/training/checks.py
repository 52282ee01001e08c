"""The checks of a block in training: which runs solve the fixed test, since when, and how often in a row."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flipflop.config.schema import Config
from flipflop.core.evaluate import Evaluation
from flipflop.core.nets.weights import Net

Runs = NDArray[np.integer]


class Checks:
    """What the checks of R runs have found, (R,) each; 0 stands for no check."""

    def __init__(self, configs: Sequence[Config], stop_after: int | None = None) -> None:
        R, settings = len(configs), configs[0].eval
        self.stop_after = stop_after  # solved checks in a row after which a run may stop; None: never
        self.test = Evaluation(configs)
        self.from_reset = Evaluation(configs, from_reset=True) if settings.burn_in else None
        self.solved_at = np.zeros(R, int)  # the outer step of the first check that was solved
        self.solved_from_reset_at = np.zeros(R, int)  # likewise without the burn-in
        self.in_a_row = np.zeros(R, int)  # solved checks up to now, of runs that may stop early

    def __call__(self, k: int, controllers: Net, runs: Runs) -> None:
        """Test the controllers of `runs` (indices into the block) after k outer steps, where that may tell something.

        That is until the first success, or at every check if solved ones in a row are counted.
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

    def stop(self, runs: Runs) -> NDArray[np.bool_]:
        """Which of the runs have solved `stop_after` checks in a row."""
        if self.stop_after is None:
            return np.zeros(len(runs), bool)
        enough: NDArray[np.bool_] = self.in_a_row[runs] >= self.stop_after
        return enough

    def arrays(self) -> dict[str, Runs]:
        """What has been found, to be kept: the arrays themselves."""
        names = ("solved_at", "solved_from_reset_at", "in_a_row")
        return {name: getattr(self, name) for name in names}
