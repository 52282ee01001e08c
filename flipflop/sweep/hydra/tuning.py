"""Tuning: Optuna chooses knobs, trial by trial, to lessen the mean pain (sweeps/tune.yaml).

It is Hydra's own sweeper for Optuna that asks; our launcher trains a batch of trials, with all their seeds, in blocks.
"""

import logging

from omegaconf import DictConfig, open_dict

from flipflop.config.rules import ConfigError
from flipflop.sweep.hydra.hydra_compat import IS_1_3


def before_tuning(config: DictConfig) -> None:
    """Make a multirun's config ready for Optuna's sweeper.

    That takes several values for alternatives to choose from. Among seeds it must not: it would find the luckiest. So
    seeds of the command line become one value, as those of a sweep file are, and the launcher trains all of them.

    Raises:
        ConfigError: this Hydra has no working sweeper for Optuna.
    """
    if not IS_1_3:
        raise ConfigError(
            "hydra/sweeper=optuna is not allowed with Hydra 1.4, for which there is none that works: install flipflop "
            "with its extra, flipflop[optuna], which takes Hydra 1.3"
        )
    import optuna

    optuna.logging.set_verbosity(logging.WARNING)  # Hydra tells the same
    with open_dict(config):
        config.hydra.overrides.task = [together(override) for override in config.hydra.overrides.task]


def together(override: str) -> str:
    """An override whose seeds, if it has several, are one value: text in quotes."""
    key, _, value = override.partition("=")
    return f"{key}='{value}'" if key == "seed" and "," in value else override
