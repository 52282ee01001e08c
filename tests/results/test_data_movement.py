"""The section of RESULTS.md on data movement and its figure, for costs written by hand."""

import pandas as pd
import pytest

from flipflop.results.claims.data_movement import TITLES, draw, exponent, section

FACTORS = {"one_step": 2, "full": 3, "direct": 1}


def prices(solved=True):
    """Return costs of 10 H^2 T times a factor of the method, and four times that for an LSTM."""
    places = [("elman", H, 20) for H in (8, 16, 32, 64)] + [("elman", 16, T) for T in (10, 40, 80)] + [("lstm", 16, 20)]
    return pd.DataFrame(
        {
            "controller": cell,
            "world_model": "elman",
            "method": method,
            "hidden": H,
            "episode_length": T,
            "reads": 1234,
            "deepest_read": 99,
            "cost_1": 10 * H**2 * T * factor * (4 if cell == "lstm" else 1),
            "cost_8": 80 * H**2 * T,
            "warmup_steps": 0 if method == "direct" else 500,
            "solved": 29 if solved else None,
            "runs": 30 if solved else None,
            "median_steps": (300 if method == "direct" else 900) if solved else None,
            "solution_cost_1": factor * 1e6 if solved else None,
        }
        for cell, H, T in places
        for method, factor in FACTORS.items()
    )


@pytest.mark.parametrize("method", TITLES)
def test_exponents_are_those_of_the_prices(method):
    """For a cost of H^2 T the exponents are 2 and 1, whatever the factor of the method."""
    assert exponent(prices(), method, "hidden") == pytest.approx(2)
    assert exponent(prices(), method, "episode_length") == pytest.approx(1)


def test_section_answers_from_the_numbers():
    """The numbers in the sentences and the table follow from the costs."""
    text = section(prices(), "results/cost.png")
    assert "With an LSTM C and an Elman M of 16 units and T = 20, an outer step of the two networks moves" in text
    assert "moves 2.00 times what direct back-propagation moves with one-step credit, 3.00 times with full" in text
    assert "(102,400 and 153,600 against 51,200 at 1 byte per number)" in text
    assert "A solution takes 900 outer steps with one-step credit and 900 with full credit, 500 of them" in text
    assert "against 300 (medians of 30 runs), and so moves 2.0 and 3.0 times as much" in text
    assert "two networks, one-step credit as H^2.00 and T^1.00" in text
    assert "moves between 2.00 and 2.00 times" in text
    assert "| LSTM |  | direct | 1,234 | 99 | 204,800 | 409,600 | 1.00 | 29/30 | 300 | 1e+06 |" in text
    assert "](results/cost.png)" in text


def test_section_without_runs():
    """Without the runs of a sweep nothing is said of solutions."""
    text = section(prices(solved=False), "cost.png")
    assert "A solution takes" not in text
    assert "| Elman |  | direct | 1,234 | 99 | 51,200 | 409,600 | 1.00 |  |  |  |" in text


def test_figure_shows_what_was_priced():
    """Two plots share the axis of costs; each method's line goes through its costs, in order."""
    sizes, lengths = draw(prices()).axes
    assert [line.get_xdata().tolist() for line in sizes.lines] == [[8, 16, 32, 64]] * 3
    assert [line.get_xdata().tolist() for line in lengths.lines] == [[10, 20, 40, 80]] * 3
    assert sizes.lines[0].get_ydata().tolist() == [2 * 200 * H**2 for H in (8, 16, 32, 64)]
    assert "power 2.00" in sizes.get_legend().get_texts()[0].get_text()
