"""The claims of the paper, and the runs that can be compared with them."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Claim(NamedTuple):
    """A number of solved trials out of all trials."""

    successes: int
    trials: int


# FKI-126-90 as the page quotes it (Results, Paper claim): solved within 10^6 training steps, by regime.
CLAIMS = {"sequential": Claim(6, 10), "parallel": Claim(20, 30)}
PAPER_STEPS = 10**6

# The claim with which a schedule of method=rtrl_1990 is compared: the name that later descriptions of the report use.
VERSIONS = {"concurrent": "parallel", "model_first": "sequential"}

# The settings to which the claims apply: the events of the page, in training and in the test, and its cells.
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
    """Return the claim with which a run can be compared: that of its regime, or of its schedule with rtrl_1990.

    It is None for worlds, cells and methods about which the paper claims nothing.

    Args:
        settings: of the run, {dotted key: value}.
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
