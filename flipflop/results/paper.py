"""What the paper claims, to compare with."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from flipflop.config.keys import is_on_stream


class Claim(NamedTuple):
    """So many of so many trials solved."""

    successes: int
    trials: int


# FKI-126-90 as the page quotes it (Results, Paper claim): solved within 10^6 training steps, by regime.
CLAIMS = {"sequential": Claim(6, 10), "parallel": Claim(20, 30)}
PAPER_STEPS = 10**6

# Which of them a schedule of method=rtrl_1990 is compared with: what later descriptions of the report call them.
VERSIONS = {"concurrent": "parallel", "model_first": "sequential"}


def claim_of(settings: Mapping[str, Any]) -> Claim | None:
    """The claim that a run's config, {dotted key: value}, is compared with: its regime's, or its version's."""
    if is_on_stream(settings):
        return CLAIMS[VERSIONS[settings["method.schedule"]]]
    return CLAIMS.get(settings.get("regime.name", ""))
