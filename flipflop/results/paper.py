"""What the paper claims, to compare with."""

from typing import NamedTuple


class Claim(NamedTuple):
    """So many of so many trials solved."""

    successes: int
    trials: int


# FKI-126-90 as the page quotes it (Results, Paper claim): solved within 10^6 training steps, by regime.
CLAIMS = {"sequential": Claim(6, 10), "parallel": Claim(20, 30)}
