"""Statistics of success and of time to success, as pure functions.

scipy is imported where it is needed: it costs .8 s, and every run imports this module for its table.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import inf, isnan, sqrt
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Interval(NamedTuple):
    """A confidence interval."""

    low: float
    high: float


class Survival(NamedTuple):
    """What share of the runs is still unsolved, as a step function: `unsolved[i]` from `times[i]` on, 1 before."""

    times: Floats  # outer steps at which a run was solved or went out of sight, rising, each once
    unsolved: Floats  # estimated probability of being unsolved after each time
    at_risk: NDArray[np.int64]  # runs unsolved and in sight just before each time


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927); without trials, all of [0, 1].

    Raises:
        ValueError: successes beyond 0 to trials, or a confidence that is not between 0 and 1.
    """
    _check(successes, trials)
    _check_confidence(confidence)
    if trials == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p, n = successes / trials, trials
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # The bounds at 0 and n successes are exactly 0 and 1; rounding must not say otherwise.
    return Interval(0.0 if successes == 0 else centre - half, 1.0 if successes == trials else centre + half)


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """The interval of a proportion that is never too short (Clopper & Pearson 1934); without trials, all of [0, 1].

    Raises:
        ValueError: successes beyond 0 to trials, or a confidence that is not between 0 and 1.
    """
    from scipy.special import betaincinv

    _check(successes, trials)
    _check_confidence(confidence)
    tail, failures = (1 - confidence) / 2, trials - successes
    return Interval(
        0.0 if successes == 0 else float(betaincinv(successes, failures + 1, tail)),
        1.0 if failures == 0 else float(betaincinv(successes + 1, failures, 1 - tail)),
    )


def newcombe(successes_1: int, trials_1: int, successes_2: int, trials_2: int, confidence: float = 0.95) -> Interval:
    """The interval of a difference of proportions, the first less the second; without trials, all of [-1, 1].

    It is put together from the Wilson intervals of both (Newcombe 1998, Statistics in Medicine 17:873, method 10).

    Raises:
        ValueError: successes beyond 0 to trials, or a confidence that is not between 0 and 1.
    """
    low_1, high_1 = wilson(successes_1, trials_1, confidence)
    low_2, high_2 = wilson(successes_2, trials_2, confidence)
    if trials_1 == 0 or trials_2 == 0:
        return Interval(-1.0, 1.0)
    p_1, p_2 = successes_1 / trials_1, successes_2 / trials_2
    low = p_1 - p_2 - sqrt((p_1 - low_1) ** 2 + (high_2 - p_2) ** 2)
    high = p_1 - p_2 + sqrt((high_1 - p_1) ** 2 + (p_2 - low_2) ** 2)
    return Interval(max(low, -1.0), min(high, 1.0))  # no further but by rounding


def fisher(successes_1: int, trials_1: int, successes_2: int, trials_2: int) -> float:
    """Fisher's exact test, two-sided: the p-value of two proportions being one; without trials, 1.

    Raises:
        ValueError: successes beyond 0 to trials.
    """
    from scipy.stats import fisher_exact

    _check(successes_1, trials_1)
    _check(successes_2, trials_2)
    table = [[successes_1, successes_2], [trials_1 - successes_1, trials_2 - successes_2]]
    return float(fisher_exact(table).pvalue)


def boschloo(successes_1: int, trials_1: int, successes_2: int, trials_2: int) -> float:
    """Boschloo's exact test, two-sided: the p-value of two proportions being one; without trials, 1.

    Boschloo (1970) orders the outcomes by Fisher's one-sided p and takes the chance of one as extreme, at the common
    proportion at which it is largest. It finds more than Fisher's test and is as exact. Two-sided is twice the smaller
    of the one-sided values. Up to 200 against 200 runs take less than .3 s, 1,000 against 1,000 take 20 s.

    Raises:
        ValueError: successes beyond 0 to trials.
    """
    _check(successes_1, trials_1)
    _check(successes_2, trials_2)
    if trials_1 == 0 or trials_2 == 0:
        return 1.0
    first, second = sorted([(trials_1, successes_1), (trials_2, successes_2)])  # the order makes no difference
    return _boschloo(*first, *second)


@lru_cache(maxsize=10_000)
def _boschloo(trials_1: int, successes_1: int, trials_2: int, successes_2: int) -> float:
    from scipy.stats import boschloo_exact

    if successes_1 + successes_2 in (0, trials_1 + trials_2):
        return 1.0  # the only possible outcome; scipy's search for a proportion has nothing to find
    return float(boschloo_exact([[successes_1, successes_2], [trials_1 - successes_1, trials_2 - successes_2]]).pvalue)


def detectable_difference(trials_1: int, trials_2: int, level: float = 0.05, power: float = 0.8) -> float | None:
    """The smallest difference of two true proportions that Boschloo's test finds with this power, at best.

    Best is where one of them is 1 (or 0): there outcomes scatter least, and a difference that is missed there is
    missed anywhere; the tests see to that by counting. All of one's trials succeed, and the other has to stay at or
    below the count with which p falls below the level; the proportion at which it does so with this power is a quantile
    of a beta distribution. None if not even all against none is told from chance.

    Raises:
        ValueError: fewer than no trials, or a level or power that is not between 0 and 1.
    """
    from scipy.special import betaincinv

    _check_confidence(level)
    _check_confidence(power)
    differences = []
    for sure, other in ((trials_1, trials_2), (trials_2, trials_1)):
        critical = critical_successes(sure, other, level)
        if critical is not None:
            differences.append(1 - float(betaincinv(critical + 1, other - critical, 1 - power)))
    return min(differences, default=None)


def critical_successes(trials_1: int, trials_2: int, level: float = 0.05) -> int | None:
    """The most successes of the second with which Boschloo's p, against only successes of the first, is below a level.

    Raises:
        ValueError: fewer than no trials.
    """
    _check(0, trials_1)
    _check(0, trials_2)
    low, high = (
        -1,
        trials_2,
    )  # p rises between them; it is not below the level at high, and is so at low if low is not -1
    while high - low > 1:
        middle = (low + high) // 2
        if boschloo(trials_1, trials_1, middle, trials_2) < level:
            low = middle
        else:
            high = middle
    return None if low < 0 else low


def kaplan_meier(times: Sequence[float], observed: Sequence[bool]) -> Survival:
    """The product-limit estimate of the share of runs still unsolved (Kaplan & Meier 1958).

    Args:
        times: in outer steps; of each run, when it was solved or was last seen unsolved.
        observed: whether it was solved then. Runs solved at a time when others go out of sight come before these.

    Raises:
        ValueError: no runs, lists of unequal length, or a time that is negative or not finite.
    """
    from scipy.stats import ecdf

    sample = _sample(times, observed)
    function = ecdf(sample).sf
    at = np.asarray(function.quantiles, dtype=np.float64)
    at_risk = len(times) - np.searchsorted(np.sort(np.asarray(times, dtype=np.float64)), at, side="left")
    return Survival(at, np.asarray(function.probabilities, dtype=np.float64), at_risk.astype(np.int64))


def log_rank(
    times_1: Sequence[float], observed_1: Sequence[bool], times_2: Sequence[float], observed_2: Sequence[bool]
) -> float:
    """The log-rank test, two-sided: the p-value of two groups being solved alike (Mantel 1966); 1 if none is solved.

    Args:
        times_1: as for `kaplan_meier`, of the first group.
        observed_1: whether each was solved.
        times_2: of the second group.
        observed_2: whether each was solved.

    Raises:
        ValueError: a group without runs, lists of unequal length, or a time that is negative or not finite.
    """
    from scipy.stats import logrank

    first, second = _sample(times_1, observed_1), _sample(times_2, observed_2)
    # Where runs are solved only when no others are left to be compared with, scipy divides 0 by 0.
    with np.errstate(invalid="ignore", divide="ignore"):
        p = float(logrank(first, second).pvalue)
    return 1.0 if isnan(p) else p


def _sample(times: Sequence[float], observed: Sequence[bool]) -> Any:
    from scipy.stats import CensoredData

    if not 0 < len(times) == len(observed):
        raise ValueError(f"times and observed must be as many, one or more, not {len(times)} and {len(observed)}")
    if not all(0 <= time < inf for time in times):
        raise ValueError("times must be finite and not negative")
    return CensoredData.right_censored(np.asarray(times, dtype=np.float64), ~np.asarray(observed, dtype=bool))


def bootstrap_median(values: Sequence[float], seed: int, confidence: float = 0.95, resamples: int = 10_000) -> Interval:
    """The percentile interval of a median (Efron 1979), the same for the same seed; inf is later than all observed.

    Raises:
        ValueError: no values, one that is NaN or -inf, no resamples, or a confidence that is not between 0 and 1.
    """
    _check_confidence(confidence)
    if not len(values) or resamples < 1:
        raise ValueError(f"values and resamples must be one or more, not {len(values)} and {resamples}")
    if not all(value > -inf for value in values):
        raise ValueError("values must be numbers, or inf where censored")
    generator = np.random.default_rng(seed)
    sample = np.asarray(values, dtype=np.float64)
    medians = np.empty(resamples)
    at_once = max(1, 1_000_000 // len(sample))  # 8 MB
    for start in range(0, resamples, at_once):
        part = medians[start : start + at_once]
        part[:] = np.median(sample[generator.integers(len(sample), size=(len(part), len(sample)))], axis=1)
    # One of the medians themselves: between a number and inf there is no interpolating.
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(medians, tails, method="inverted_cdf")
    return Interval(float(low), float(high))


def _check(successes: int, trials: int) -> None:
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must be from 0 to trials, not {successes} of {trials}")


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence, level or power must be between 0 and 1, not {confidence}")
