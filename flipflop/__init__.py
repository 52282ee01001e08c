"""flipflop: the bench for Schmidhuber's 1990 flip-flop experiment.

    from flipflop import configs, load, parts, train

`configs` composes runs as the command line does. `train` trains runs of equal structure in lock-step. `load` reads what
runs have left in a folder. `parts` is the registry of cells, worlds and the like, with decorators to add one.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from flipflop.version import VERSION

# The core's products are small and parallelism is over blocks of runs: one thread each, whatever the machine's default,
# is fastest, and keeps a run's numbers the same wherever it runs. BLAS libraries read this when numpy is imported.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

if TYPE_CHECKING:
    from flipflop.config.rules import ConfigError
    from flipflop.config.schema import Config
    from flipflop.core.result import RunResult
    from flipflop.core.train import train
    from flipflop.results.load import load
    from flipflop.sweep.hydra.configs import configs

__all__ = ["Config", "ConfigError", "RunResult", "configs", "load", "parts", "train"]
__version__ = VERSION

_HOMES = {
    "Config": "flipflop.config.schema",
    "ConfigError": "flipflop.config.rules",
    "RunResult": "flipflop.core.result",
    "configs": "flipflop.sweep.hydra.configs",
    "load": "flipflop.results.load",
    "train": "flipflop.core.train",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for: numpy and Hydra would make every import slow."""
    if name == "parts":
        return import_module("flipflop.parts")
    if name not in _HOMES:
        raise AttributeError(f"module 'flipflop' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
