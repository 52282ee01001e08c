"""Statistics against published and hand-computed values."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipflop.results.statistics import wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(6, 10, 0.3127, 0.8318), (20, 30, 0.4878, 0.8077), (10, 10, 0.7225, 1), (0, 10, 0, 0.2775), (0, 0, 0, 1)],
)
def test_wilson_intervals(successes, trials, low, high):
    """The paper's counts have the intervals that the formula gives by hand; without failures the end is exactly 1."""
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_wilson_by_hand():
    """At z = 1 and 1 of 2 the formula is 1/2 +- sqrt(1/8 + 1/16) / (1 + 1/2) by hand."""
    one_sigma = 0.6826894921370859
    assert wilson(1, 2, one_sigma) == pytest.approx((0.5 - (3 / 16) ** 0.5 / 1.5, 0.5 + (3 / 16) ** 0.5 / 1.5))


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(derandomize=True, deadline=None)
def test_wilson_properties(counts):
    """The interval holds the rate, lies within [0, 1], mirrors, and narrows with ten times the trials."""
    successes, trials = counts
    low, high = wilson(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1
    assert wilson(trials - successes, trials) == pytest.approx((1 - high, 1 - low))
    more = wilson(10 * successes, 10 * trials)
    assert more.high - more.low < high - low


@pytest.mark.parametrize(("successes", "trials"), [(-1, 3), (4, 3)])
def test_wilson_refuses_impossible_counts(successes, trials):
    """More successes than trials is a caller's mistake, not an interval."""
    with pytest.raises(ValueError, match=f"not {successes} of {trials}"):
        wilson(successes, trials)
