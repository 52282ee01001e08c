"""The differences between Hydra 1.3 and 1.4, both of which flipflop supports.

This module can be removed when support for 1.3 ends.
"""

from collections.abc import Callable
from typing import Any

import hydra
from omegaconf import OmegaConf

IS_1_3 = hydra.__version__.startswith("1.3.")


# Arguments of hydra.main and of composing: Hydra 1.3 behaves like 1.1 without version_base, and 1.4 warns of it.
BEHAVIOUR: dict[str, Any] = {"version_base": "1.3"} if IS_1_3 else {}


# Further arguments of hydra.main: Hydra 1.4 instantiates only whitelisted classes that a config names, such as the
# callback in conf/config.yaml.
TRUST: dict[str, Any] = {} if IS_1_3 else {"execution_whitelist": ["flipflop.*", "logging.*"]}


def register_resolver(name: str, resolver: Callable[..., Any]) -> None:
    """Register `${name:...}` with OmegaConf, evaluated once per config; OmegaConf 2.4 renamed the function."""
    register: Callable[..., None] = OmegaConf.register_new_resolver if IS_1_3 else OmegaConf.register_resolver
    register(name, resolver, use_cache=True)
