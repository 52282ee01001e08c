"""Composition of configs from Python."""

from itertools import product

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from flipflop.config.combinations import validate
from flipflop.config.ranges import expand
from flipflop.config.rules import ConfigError
from flipflop.config.schema import Config
from flipflop.parts import PartError
from flipflop.sweep.hydra.arguments import check
from flipflop.sweep.hydra.choices import load_plugins, plugins_named
from flipflop.sweep.hydra.compose import Composer, axis
from flipflop.sweep.hydra.config_folders import config_folder
from flipflop.sweep.hydra.explain import HYDRA_ERRORS, explain
from flipflop.sweep.hydra.hydra_compat import BEHAVIOUR
from flipflop.sweep.hydra.registration import register


def configs(*overrides: str) -> list[Config]:
    """Return the configs that these overrides have on the command line: `configs("seed=0..9", "regime=parallel")`.

    Args:
        overrides: each `key=value`; a value can be a list or a range, as with -m. There is one config for each
            combination of values.

    Raises:
        ConfigError: an override is not allowed; the message is one sentence.
    """
    register()
    check(overrides)
    try:
        load_plugins(plugins_named(overrides))
    except PartError as error:
        raise ConfigError(str(error)) from error
    try:
        with initialize_config_dir(str(config_folder("conf")), **BEHAVIOUR):
            composer = Composer(lambda texts: compose("config", texts), GlobalHydra.instance().config_loader())
            axes = [axis(f"{key}={expand(key, value)}") for key, _, value in (o.partition("=") for o in overrides)]
            composed = [composer(job) for job in product(*axes)]
    except HYDRA_ERRORS as error:
        raise ConfigError(explain(error)) from error
    for config in composed:
        validate(config)
    return composed
