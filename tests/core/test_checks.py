"""What the checks of a block remember, with the outcomes of its tests by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
from baseline import RTRL, baseline

from flipflop.core.training.checks import Checks

SEEDS = 2


def checked(outcomes, from_reset, **changes):
    """The checks of two runs after tests that came out so, a column a run; and which runs each test was asked of."""
    config = RTRL | {"eval.episodes": 1, "eval.episode_length": 2, "eval.burn_in": 1} | changes
    configs = [baseline(config | {"seed": seed}) for seed in range(SEEDS)]
    checks = Checks(configs, configs[0].method.stop_after)
    asked = {"test": [], "from_reset": []}

    def scripted(name, rows):
        def test(_, runs):
            asked[name].append(runs.tolist())
            return SimpleNamespace(success=np.array(next(rows), bool)[runs])

        return test

    checks.test = scripted("test", iter(outcomes))
    checks.from_reset = scripted("from_reset", iter(from_reset))
    for number in range(len(outcomes)):
        checks(10 * (number + 1), None, np.arange(SEEDS))
    return checks, asked


def test_solved_checks_are_counted_in_a_row():
    """A check that is not solved begins the count anew; the first success of each test stays on record."""
    outcomes = [(1, 0), (1, 0), (0, 1), (1, 1), (1, 1)]
    from_reset = [(0, 0), (1, 0), (1, 0), (0, 1), (0, 0)]
    checks, asked = checked(outcomes, from_reset, **{"method.stop_after": 3})
    assert checks.in_a_row.tolist() == [2, 3]
    assert checks.may_stop(np.arange(SEEDS)).tolist() == [False, True]
    assert checks.may_stop(np.array([1])).tolist() == [True]
    assert checks.solved_at.tolist() == [10, 30]
    assert checks.solved_from_reset_at.tolist() == [20, 40]
    assert asked == {"test": [[0, 1]] * 5, "from_reset": [[0, 1], [0, 1], [1], [1]]}


@pytest.mark.parametrize("stop_after", [None, 5])
def test_only_what_may_tell_something_is_tested(stop_after):
    """Without an early stop a run that has solved is not tested again; none ever stops then."""
    checks, asked = checked([(1, 0), (0, 1)], [(1, 1)] * 2, **{"method.stop_after": stop_after})
    assert asked["test"] == ([[0, 1], [1]] if stop_after is None else [[0, 1], [0, 1]])
    assert asked["from_reset"] == [[0, 1]]
    assert not checks.may_stop(np.arange(SEEDS)).any()
    assert checks.solved_at.tolist() == [10, 20]
