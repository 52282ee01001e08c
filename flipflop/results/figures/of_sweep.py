"""All figures of a sweep."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from flipflop.results.figures.heat import heat
from flipflop.results.figures.lag import lag, lengths
from flipflop.results.figures.pain import pain
from flipflop.results.figures.solved import both_tests, solved
from flipflop.results.figures.success import success
from flipflop.results.load import Sweep

Floats = NDArray[np.float64]


def draw(sweep: Sweep) -> dict[str, Figure]:
    """Plot the figures for which a sweep has the data, and return them by name: success, pain, solved, ..."""
    groups = sweep.groups()
    figures = {
        "success": success(groups),
        "pain": pain(sweep, groups),
        "solved": solved(groups),
        "both_tests": both_tests(groups),
        "lag": lag(sweep, groups),
        "lengths": lengths(groups),
        "heat": heat(sweep, groups),
    }
    return {name: figure for name, figure in figures.items() if figure is not None}
