"""The comparison of two groups of runs by success, pain and steps to solve, with tests."""

from dataclasses import dataclass

from flipflop.records.summary import Summary
from flipflop.statistics import Interval, boschloo, detectable_difference, newcombe

LEVEL = 0.05  # a difference with a p-value below it counts as significant
POWER = 0.8  # the probability with which a detectable true difference is found significant
MOST_SEARCHED = 200  # runs in a group; with more, the detectable difference is small and takes minutes to compute


@dataclass(frozen=True)
class Comparison:
    """A pair of groups of runs whose configs are equal except for what is compared."""

    name: dict[str, str]  # {column: cell}, the settings that distinguish this pair from the other pairs
    reference: str  # the first group's side: the name of a sweep, or a value of the compared key
    other: str  # the second group's side
    first: Summary
    second: Summary

    @property
    def has_trials(self) -> bool:
        """Whether both groups have runs with an outcome, so that their success rates can be compared."""
        return self.first.runs > 0 and self.second.runs > 0

    @property
    def difference(self) -> float | None:
        """The second group's success rate minus the first's; None without trials."""
        if not self.has_trials:
            return None
        return self.second.successes / self.second.runs - self.first.successes / self.first.runs

    @property
    def interval(self) -> Interval | None:
        """Newcombe's 95% interval of the difference; None without trials."""
        if not self.has_trials:
            return None
        return newcombe(self.second.successes, self.second.runs, self.first.successes, self.first.runs)

    @property
    def p(self) -> float | None:
        """The two-sided p-value of Boschloo's test that the rates are equal; None without trials."""
        if not self.has_trials:
            return None
        return boschloo(self.first.successes, self.first.runs, self.second.successes, self.second.runs)

    @property
    def detectable(self) -> float | None:
        """The smallest true difference that these numbers of runs detect with POWER.

        None if no difference is detectable, or if there are more than MOST_SEARCHED runs.
        """
        if max(self.first.runs, self.second.runs) > MOST_SEARCHED:
            return None
        return detectable_difference(self.first.runs, self.second.runs, LEVEL, POWER)

    @property
    def steps_ratio(self) -> float | None:
        """The second group's median outer steps to the first success, divided by the first's."""
        return _ratio(self.first.median_steps, self.second.median_steps)

    @property
    def pain_ratio(self) -> float | None:
        """The second group's median pain, divided by the first's."""
        return _ratio(self.first.median_pain, self.second.median_pain)


@dataclass(frozen=True)
class Result:
    """The result of comparing sweeps, or the groups of a sweep by a key."""

    compared: str  # "sweep", or the key by whose values groups are compared
    folders: dict[str, str]  # {S1: folder, ...} if sweeps are compared, else empty
    comparisons: list[Comparison]
    differing: list[str]  # a line for each setting in which the compared sides differ
    remarks: list[str]  # a line for each group without a partner and each other limitation of the result


def _ratio(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None or first == 0 else second / first
