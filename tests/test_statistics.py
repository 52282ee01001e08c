"""Intervals, tests and survival curves, checked against published and hand-computed values."""

import subprocess
import sys
from math import comb, inf, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm

from flipflop.statistics import (
    bootstrap_median,
    boschloo,
    clopper_pearson,
    critical_successes,
    detectable_difference,
    fisher,
    kaplan_meier,
    log_rank,
    newcombe,
    wilson,
)


def counts(most=40, least=1):
    """Generate pairs of successes and trials."""
    return st.integers(least, most).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


checked = settings(derandomize=True, deadline=None, max_examples=60)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(6, 10, 0.3127, 0.8318), (20, 30, 0.4878, 0.8077), (10, 10, 0.7225, 1), (0, 10, 0, 0.2775), (0, 0, 0, 1)],
)
def test_wilson_intervals(successes, trials, low, high):
    """The paper's counts have the intervals computed by hand; without failures the upper end is exactly 1."""
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_wilson_by_hand():
    """For z = 1 and 1 of 2 successes the formula is 1/2 +- sqrt(1/8 + 1/16) / (1 + 1/2)."""
    one_sigma = 0.6826894921370859
    assert wilson(1, 2, one_sigma) == pytest.approx((0.5 - (3 / 16) ** 0.5 / 1.5, 0.5 + (3 / 16) ** 0.5 / 1.5))


@given(counts(300))
@checked
def test_wilson_properties(counted):
    """The interval contains the rate, lies within [0, 1], is symmetric, and narrows with ten times the trials."""
    successes, trials = counted
    low, high = wilson(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1
    assert wilson(trials - successes, trials) == pytest.approx((1 - high, 1 - low))
    more = wilson(10 * successes, 10 * trials)
    assert more.high - more.low < high - low


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (0, 10, 0, 1 - 0.025 ** (1 / 10)),
        (10, 10, 0.025 ** (1 / 10), 1),
        (1, 2, 1 - sqrt(0.975), sqrt(0.975)),  # P(X >= 1) = 1 - (1 - p)^2 and P(X <= 1) = 1 - p^2 are .025
        (0, 0, 0, 1),
    ],
)
def test_clopper_pearson_by_hand(successes, trials, low, high):
    """Where the binomial tail is a power, the bounds are roots; with 0 or all successes an end is exactly 0 or 1."""
    assert clopper_pearson(successes, trials) == pytest.approx((low, high), abs=1e-12)


@given(counts(300))
@checked
def test_clopper_pearson_properties(counted):
    """Each bound leaves a tail probability of exactly 2.5%; the interval is symmetric."""
    successes, trials = counted
    low, high = clopper_pearson(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1
    assert clopper_pearson(trials - successes, trials) == pytest.approx((1 - high, 1 - low))
    assert successes == 0 or binom.sf(successes - 1, trials, low) == pytest.approx(0.025)
    assert successes == trials or binom.cdf(successes, trials, high) == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("counted", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((10, 10, 0, 10), 0.6075, 1),
        ((0, 0, 3, 10), -1, 1),
    ],
)
def test_newcombe_published(counted, low, high):
    """The intervals are those of the examples of Newcombe (1998), method 10; without trials they are [-1, 1]."""
    assert newcombe(*counted) == pytest.approx((low, high), abs=5e-5)


@given(counts(), counts())
@checked
def test_newcombe_properties(first, second):
    """The interval contains the difference, lies within [-1, 1], and changes sign when the groups are swapped."""
    low, high = newcombe(*first, *second)
    assert -1 <= low <= first[0] / first[1] - second[0] / second[1] <= high <= 1
    assert newcombe(*second, *first) == pytest.approx((-high, -low))


def test_fisher_by_hand():
    """6/10 against 10/10: 2 C(10,6) of the C(20,16) distributions of 16 successes are as extreme."""
    assert fisher(6, 10, 10, 10) == pytest.approx(2 * comb(10, 6) / comb(20, 16))
    assert fisher(6, 10, 10, 10) == pytest.approx(0.0867, abs=5e-5)
    assert fisher(0, 0, 3, 10) == fisher(10, 10, 10, 10) == 1


def test_boschloo_by_hand():
    """3/3 against 0/3 is the only outcome as extreme; its probability p^3 (1-p)^3 is at most 1/64, and is doubled.

    For 6/10 against 10/10 it is that of 22,120 of 2^20 equally likely outcomes at p = 1/2, doubled.
    """
    assert boschloo(0, 3, 3, 3) == pytest.approx(2 / 64)
    extreme = [(i, j) for i in range(11) for j in range(11) if less(i, 10, j, 10) <= less(6, 10, 10, 10) + 1e-9]
    assert sum(comb(10, i) * comb(10, j) for i, j in extreme) == 22_120
    assert boschloo(6, 10, 10, 10) == pytest.approx(2 * 22_120 / 2**20)


def less(successes_1, trials_1, successes_2, trials_2):
    """Return Fisher's one-sided p-value by enumeration."""
    total = successes_1 + successes_2
    ways = [comb(trials_1, i) * comb(trials_2, total - i) for i in range(successes_1 + 1) if i <= total]
    return sum(ways) / comb(trials_1 + trials_2, total)


@given(counts(), counts())
@checked
def test_boschloo_properties(first, second):
    """The p-value is in (0, 1], symmetric in groups and in failures, and at most twice Fisher's one-sided p."""
    p = boschloo(*first, *second)
    assert 0 < p <= 1
    assert boschloo(*second, *first) == p
    failures = [(trials - successes, trials) for successes, trials in (first, second)]
    assert boschloo(*failures[0], *failures[1]) == pytest.approx(p, rel=1e-4)
    assert p <= 2 * min(less(*first, *second), less(*second, *first)) * (1 + 1e-6)


@pytest.mark.parametrize("counted", [(0, 0, 3, 10), (3, 10, 0, 0), (10, 10, 7, 7), (0, 10, 0, 7), (0, 0, 0, 0)])
def test_boschloo_says_nothing_where_nothing_differs(counted):
    """Without trials, or if all or none succeed in both groups, p is 1 and nothing is divided by 0."""
    assert boschloo(*counted) == pytest.approx(1)


def test_what_ten_runs_can_tell():
    """10/10 differs from 6/10, not from 7/10; a rate .48 below 1 gives at most 6/10 with probability .8."""
    assert critical_successes(10, 10) == 6
    assert boschloo(10, 10, 7, 10) > 0.05
    difference = detectable_difference(10, 10)
    assert difference == pytest.approx(0.4837, abs=5e-5)
    assert binom.cdf(6, 10, 1 - difference) == pytest.approx(0.8)


@pytest.mark.parametrize(("trials_1", "trials_2"), [(10, 10), (5, 20), (15, 15)])
def test_no_smaller_difference_is_found_anywhere(trials_1, trials_2):
    """On a grid of pairs of true rates, no smaller difference is detected with 80% power."""
    significant = np.array(
        [[boschloo(i, trials_1, j, trials_2) < 0.05 for j in range(trials_2 + 1)] for i in range(trials_1 + 1)]
    )
    rates = np.linspace(0, 1, 101)
    first, second = (binom.pmf(np.arange(n + 1), n, rates[:, None]) for n in (trials_1, trials_2))
    power = first @ significant @ second.T
    apart = np.abs(np.subtract.outer(rates, rates))
    assert apart[power >= 0.8].min() >= detectable_difference(trials_1, trials_2) - 1e-9


def test_two_runs_tell_nothing():
    """2/2 against 0/2 has p = 2/16: no difference is detectable with two runs, nor without trials."""
    assert boschloo(2, 2, 0, 2) == pytest.approx(2 / 16)
    assert critical_successes(2, 2) is None
    assert detectable_difference(2, 2) is None
    assert detectable_difference(0, 10) is None


def test_kaplan_meier_by_hand():
    """Solved at 1, 2 and 3, censored at 2 and 3: 4/5, times 3/4 of 4 at risk, times 1/2 of 2 at risk."""
    times, unsolved, at_risk = kaplan_meier([3, 1, 2, 2, 3], [True, True, True, False, False])
    assert times.tolist() == [1, 2, 3]
    assert unsolved == pytest.approx([4 / 5, 4 / 5 * 3 / 4, 4 / 5 * 3 / 4 * 1 / 2])
    assert at_risk.tolist() == [5, 4, 2]


def test_kaplan_meier_of_ties_and_of_the_unsolved():
    """Runs solved at the same time are one step; if no run is solved, the curve stays at 1."""
    assert [part.tolist() for part in kaplan_meier([5, 5, 5], [True] * 3)] == [[5], [0], [3]]
    assert [part.tolist() for part in kaplan_meier([5, 5, 7], [False] * 3)] == [[5, 7], [1, 1], [3, 1]]


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=30))
@checked
def test_kaplan_meier_properties(runs):
    """The curve never rises and, up to the first censored run, is the share of unsolved runs."""
    times, observed = zip(*runs, strict=True)
    curve = kaplan_meier(times, observed)
    assert (np.diff([1, *curve.unsolved]) <= 1e-12).all()
    assert curve.unsolved[-1] >= -1e-12
    assert curve.times.tolist() == sorted(set(times))
    first_censored = min((time for time, seen in runs if not seen), default=inf)
    for time, share in zip(curve.times, curve.unsolved, strict=True):
        if time < first_censored:
            assert share == pytest.approx(sum(other > time for other in times) / len(times))


def test_log_rank_by_hand():
    """Runs at 1, 2 against runs at 3, 4: observed minus expected is 2 - 1/2 - 1/3, with variance 1/4 + 2/9."""
    z = (2 - 1 / 2 - 1 / 3) / sqrt(1 / 4 + 2 / 9)
    assert log_rank([1, 2], [True] * 2, [3, 4], [True] * 2) == pytest.approx(2 * norm.sf(z))


def test_log_rank_where_nothing_is_known():
    """If no run is solved, or all at one time, p is 1; swapping the groups does not change p."""
    assert log_rank([5, 5], [False] * 2, [5], [False]) == 1
    assert log_rank([5], [True], [5], [True]) == 1
    one, other = ([1, 4, 9], [True, False, True]), ([2, 9, 9], [True, False, False])
    assert log_rank(*one, *other) == pytest.approx(log_rank(*other, *one))


def test_bootstrap_by_hand():
    """Of two values, the median of a resample is each with probability 1/4, and their mean with 1/2."""
    assert bootstrap_median([1, 3], seed=0) == (1, 3)
    assert bootstrap_median([1, 3], seed=0, confidence=0.4) == (2, 2)
    assert bootstrap_median([7], seed=0) == (7, 7)


def test_bootstrap_of_censored_values():
    """If many resamples have a censored median, the upper end is inf, without a warning."""
    assert bootstrap_median([1, 2, 3, inf, inf], seed=0) == (1, inf)
    assert bootstrap_median([inf, inf], seed=0) == (inf, inf)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30), st.integers(0, 99))
@checked
def test_bootstrap_properties(values, seed):
    """The same seed gives the same interval, which lies within the values."""
    interval = bootstrap_median(values, seed, resamples=200)
    assert interval == bootstrap_median(values, seed, resamples=200)
    assert min(values) <= interval.low <= interval.high <= max(values)


def test_bootstrap_in_parts_is_whole():
    """A large sample is resampled in parts: all resamples count, and the interval has the median's known width."""
    values = np.random.default_rng(0).normal(size=3001)
    low, high = bootstrap_median(values, seed=1, resamples=1000)
    assert low < np.median(values) < high
    assert high - low == pytest.approx(2 * 1.96 * sqrt(np.pi / 2 / 3001), rel=0.25)


@pytest.mark.parametrize(("successes", "trials"), [(-1, 3), (4, 3)])
@pytest.mark.parametrize("of_one", [wilson, clopper_pearson])
@pytest.mark.parametrize("of_two", [newcombe, boschloo, fisher])
def test_impossible_counts_are_refused(of_one, of_two, successes, trials):
    """A number of successes below 0 or above the number of trials raises ValueError, in either group."""
    message = f"not {successes} of {trials}"
    with pytest.raises(ValueError, match=message):
        of_one(successes, trials)
    with pytest.raises(ValueError, match=message):
        of_two(successes, trials, 1, 2)
    with pytest.raises(ValueError, match=message):
        of_two(1, 2, successes, trials)


@pytest.mark.parametrize(
    "call",
    [
        lambda: wilson(1, 2, 95),
        lambda: newcombe(1, 2, 1, 2, 0),
        lambda: clopper_pearson(1, 2, 1),
        lambda: bootstrap_median([1], 0, 1),
        lambda: bootstrap_median([], 0),
        lambda: bootstrap_median([1], 0, resamples=0),
        lambda: bootstrap_median([float("nan")], 0),
        lambda: kaplan_meier([], []),
        lambda: kaplan_meier([1], [True, True]),
        lambda: kaplan_meier([inf], [False]),
        lambda: kaplan_meier([-1], [False]),
        lambda: log_rank([1], [True], [], []),
        lambda: critical_successes(-1, 2),
        lambda: detectable_difference(3, -2),
        lambda: detectable_difference(3, 2, power=1),
    ],
)
def test_impossible_arguments_are_refused(call):
    """Arguments outside their range raise ValueError with a sentence, instead of returning NaN."""
    with pytest.raises(ValueError, match="must"):
        call()


def test_importing_loads_no_scipy():
    """Importing the module does not import scipy, which would take longer than a short run."""
    program = "import sys, flipflop.statistics; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
