"""What the paper claims, and which runs that can be compared with."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Claim(NamedTuple):
    """How many of how many trials were solved."""

    successes: int
    trials: int


# FKI-126-90 as the page quotes it (Results, Paper claim): solved within 10^6 training steps, by regime.
CLAIMS = {"sequential": Claim(6, 10), "parallel": Claim(20, 30)}
PAPER_STEPS = 10**6

# Which of them a schedule of method=rtrl_1990 is compared with: what later descriptions of the report call them.
VERSIONS = {"concurrent": "parallel", "model_first": "sequential"}

# The world that the claims are of: the page's events, in training and in the test; and its cells.
CLAIMED = {
    "env.name": "latch",
    "env.p_a": 0.10,
    "env.p_b": 0.15,
    "env.p_x": 0.25,
    "env.pain_at": "every",
    "env.min_lag": 0,
    "controller.cell.name": "elman",
    "world_model.cell.name": "elman",
}


def claim_of(settings: Mapping[str, Any]) -> Claim | None:
    """Return the claim that a run's settings, by dotted key, can be compared with: its regime's, or its version's.

    None for worlds, cells and methods that the paper claims nothing of.
    """
    if any(settings.get(key) != value for key, value in CLAIMED.items()):
        return None
    if any(settings.get(f"eval.{key}", value) not in (None, value) for key, value in CLAIMED.items()):
        return None
    match settings.get("method.name"):
        case "rtrl_1990":
            return CLAIMS[VERSIONS[settings["method.schedule"]]]
        case "world_model":
            return CLAIMS.get(settings.get("regime.name", ""))
    return None
