"""What differs between the two lines of Hydra that flipflop runs on, 1.3 and 1.4; with 1.3 gone, so is this."""

from collections.abc import Callable
from typing import Any

import hydra
from omegaconf import OmegaConf

IS_1_3 = hydra.__version__.startswith("1.3.")


# Hydra 1.3 behaves as 1.1 unless it is told otherwise; 1.4 warns of being told.
BEHAVIOUR: dict[str, Any] = {"version_base": "1.3"} if IS_1_3 else {}


# Hydra 1.4 calls what a config names, as conf/config.yaml names its callback, only if the program trusts it.
TRUST: dict[str, Any] = {} if IS_1_3 else {"execution_whitelist": ["flipflop.*", "logging.*"]}


def register_resolver(name: str, resolver: Callable[..., Any]) -> None:
    """Make `${name:...}` known to OmegaConf, with one answer per config; 2.4 has another name for it than 2.3."""
    register: Callable[..., None] = OmegaConf.register_new_resolver if IS_1_3 else OmegaConf.register_resolver
    register(name, resolver, use_cache=True)
