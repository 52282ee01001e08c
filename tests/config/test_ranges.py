"""Ranges of whole numbers in override values."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flipflop.config.ranges import expand
from flipflop.config.rules import ConfigError

numbers = st.integers(-50, 50)


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("0..3", "0,1,2,3"),
        ("5..5", "5"),
        ("0..9..3", "0,3,6,9"),
        ("0..10..3", "0,3,6,9"),
        ("-2..1", "-2,-1,0,1"),
        ("3..0", "3,2,1,0"),
        ("9..0..-4", "9,5,1"),
        ("0..2,10,20..22", "0,1,2,10,20,21,22"),
        ("0..1, 5", "0,1, 5"),
    ],
)
def test_ranges_are_written_out(text, expanded):
    """Ranges include both ends, take a step, run either way and stand beside other items."""
    assert expand("seed", text) == expanded


@pytest.mark.parametrize("text", ["", "1", "../x", "1.0..2.0", "a..b", "[0..3,1]", "1..2..3..4", "choice(0..3)"])
def test_what_is_no_range_stays(text):
    """Only whole numbers make ranges; paths, decimals and Hydra's own syntax are left alone."""
    assert expand("seed", text) == text


@pytest.mark.parametrize("text", ["0..9..-1", "5..3..1", "0..3..0", "2..2..-1", "1,0..3..-1"])
def test_empty_ranges_are_refused(text):
    """A step that leads away from the end is an error that names key and range, not a sweep of nothing."""
    with pytest.raises(ConfigError, match=rf"seed={text.split(',')[-1].replace('.', '[.]')} is an empty range"):
        expand("seed", text)


@given(numbers, numbers, st.integers(1, 9))
@settings(derandomize=True, deadline=None)
def test_ranges_are_pythons_with_the_end_included(first, last, step):
    """For any ends and step the numbers are those of Python's range up to and including the end."""
    towards = 1 if last >= first else -1
    expanded = expand("seed", f"{first}..{last}..{step * towards}")
    assert [int(item) for item in expanded.split(",")] == list(range(first, last + towards, step * towards))
