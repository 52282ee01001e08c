"""Tuning: Optuna chooses values of knobs, trial by trial, to minimise the mean pain (sweeps/tune.yaml).

Hydra's sweeper for Optuna makes the trials; flipflop's launcher trains a batch of them, with all seeds, in blocks.
"""

import logging

from omegaconf import DictConfig, open_dict

from flipflop.config.rules import ConfigError
from flipflop.sweep.hydra.hydra_compat import IS_1_3


def prepare_for_optuna(config: DictConfig) -> None:
    """Change a multirun's config so that Optuna's sweeper does not choose among seeds.

    That sweeper chooses among the values of a key that has several. Of several seeds it would choose the luckiest. So
    the seeds of the command line are made one quoted value, as they are in a sweep file, and the launcher trains a run
    for each.

    Raises:
        ConfigError: this version of Hydra has no working sweeper for Optuna.
    """
    if not IS_1_3:
        raise ConfigError(
            "hydra/sweeper=optuna is not allowed with Hydra 1.4, which has no working sweeper for Optuna: install "
            "flipflop with its extra, flipflop[optuna], which takes Hydra 1.3"
        )
    import optuna

    optuna.logging.set_verbosity(logging.WARNING)  # Hydra logs the same
    with open_dict(config):
        config.hydra.overrides.task = [quote_seeds(override) for override in config.hydra.overrides.task]


def quote_seeds(override: str) -> str:
    """Return the override, with quotes around its value if that is several seeds."""
    key, _, value = override.partition("=")
    return f"{key}='{value}'" if key == "seed" and "," in value else override
