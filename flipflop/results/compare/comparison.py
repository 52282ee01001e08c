"""A comparison of two groups of runs: success, pain and steps to solve, with tests."""

from dataclasses import dataclass

from flipflop.records.summary import Summary
from flipflop.statistics import Interval, boschloo, detectable_difference, newcombe

LEVEL, POWER = 0.05, 0.8  # p below LEVEL counts as told from chance; POWER is how often a true difference should be
MOST_SEARCHED = 200  # runs: what more cannot tell is small, and takes minutes to find


@dataclass(frozen=True)
class Comparison:
    """Two groups of runs, alike but for what is compared."""

    name: dict[str, str]  # {column: cell}: what tells this pair from the others
    reference: str  # what the first group is of: a sweep's name, or a value of the key
    other: str  # and the second
    first: Summary
    second: Summary

    @property
    def has_trials(self) -> bool:
        """Whether both groups have runs with an outcome; without, nothing can be said of success."""
        return self.first.runs > 0 and self.second.runs > 0

    @property
    def difference(self) -> float | None:
        """The second's success rate less the first's."""
        if not self.has_trials:
            return None
        return self.second.successes / self.second.runs - self.first.successes / self.first.runs

    @property
    def interval(self) -> Interval | None:
        """Newcombe's 95% interval of the difference."""
        if not self.has_trials:
            return None
        return newcombe(self.second.successes, self.second.runs, self.first.successes, self.first.runs)

    @property
    def p(self) -> float | None:
        """Boschloo's, two-sided, of the rates being one."""
        if not self.has_trials:
            return None
        return boschloo(self.first.successes, self.first.runs, self.second.successes, self.second.runs)

    @property
    def detectable(self) -> float | None:
        """The smallest true difference that so many runs would tell with POWER; None where that takes long to find."""
        if max(self.first.runs, self.second.runs) > MOST_SEARCHED:
            return None
        return detectable_difference(self.first.runs, self.second.runs, LEVEL, POWER)

    @property
    def steps_ratio(self) -> float | None:
        """The second's median outer steps to the first success over the first's."""
        return _ratio(self.first.median_steps, self.second.median_steps)

    @property
    def pain_ratio(self) -> float | None:
        """The second's median pain over the first's."""
        return _ratio(self.first.median_pain, self.second.median_pain)


@dataclass(frozen=True)
class Result:
    """All that a comparison comes to."""

    compared: str  # what the sides are: "sweep", or a key
    folders: dict[str, str]  # of sweeps, which is S1, S2 and so on
    comparisons: list[Comparison]
    differing: list[str]  # what the sides differ in, a line each
    remarks: list[str]  # groups without a partner and whatever else limits what is said, a line each


def _ratio(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None or first == 0 else second / first
