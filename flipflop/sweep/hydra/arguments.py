"""The command line before Hydra reads it: what Hydra would accept and we do not, and ranges written out."""

import re
from collections.abc import Iterable, Sequence

from flipflop.config.ranges import expand
from flipflop.config.rules import ConfigError

# Hydra's flags that take a value in the next argument.
_WITH_VALUE = {"-c", "--cfg", "-p", "--package", "-cp", "--config-path", "-cn", "--config-name", "-cd", "--config-dir"}


GROUPS = (
    "env",
    "controller",
    "controller/cell",
    "controller/output",
    "world_model",
    "world_model/cell",
    "optimiser",
    "regime",
    "method",
    "eval/env",
)


# What is said of a sweep as a whole, and of no run in it.
OF_THE_SWEEP = ("name", "dry_run", "figures")


# Names that only a group's file may set: they say what the rest of the group is.
_SET_BY_GROUP = ("optimiser", "regime", "method")


def prepare(arguments: Sequence[str]) -> list[str]:
    """Check the overrides among the arguments, write out their ranges and put flags first.

    Argparse would reject `regime=parallel -m seed=0..3` and take only the last of `seed=1 seed=2 seed=3`, which is
    what a shell makes of `seed={1..3}`. Without -m Hydra refuses several values, unless a sweep file asks for them.

    Raises:
        ConfigError: an override that is not allowed.
    """
    flags, overrides = _split(arguments)
    check(overrides)
    return flags + [f"{key}={expand(key, value)}" for key, _, value in (text.partition("=") for text in overrides)]


def check(overrides: Iterable[str]) -> None:
    """Refuse overrides that add, delete, repeat, or rename what a group file names.

    Raises:
        ConfigError: the first that is not allowed.
    """
    seen: dict[str, str] = {}
    for text in overrides:
        key, equals, value = text.partition("=")
        if text.startswith(("+", "~")):
            raise ConfigError(f"{text} is not allowed: keys cannot be added or deleted, only set, as in seed=1")
        if not equals or not key:
            raise ConfigError(f"{text} is not allowed: an override must be key=value, as in seed=1")
        if key in seen:
            raise ConfigError(
                f"{key} is given twice ({seen[key]} and {text}): give a key once, a list of values with commas "
                f"or a range as in {key}=1..3"
            )
        seen[key] = text
        group, _, last = key.rpartition(".")
        if last == "name" and group in _SET_BY_GROUP:
            raise ConfigError(f"{text} is not allowed: {key} is set by its group, choose {group}={value}")
        if key in _SET_BY_GROUP and re.match(r"\{.*\bname\b", value):
            raise ConfigError(f"{text} is not allowed: {key}.name is set by its group, choose {key}=...")
        if "???" in value:
            raise ConfigError(f"{text} is not allowed: ??? is no value, {key} must be given one")
        if key == "hydra":
            raise ConfigError(f"{text} is not allowed: set its parts, as in hydra.launcher.n_jobs=2")
        if key in GROUPS and (value == "null" or not re.match(r"[A-Za-z_{$]", value)):
            raise ConfigError(f"{text} is not allowed: {key} must be the name of a file in conf/{key}/")
        if "." in key and (group := key.replace(".", "/")) in GROUPS and re.match(r"[A-Za-z_]", value):
            raise ConfigError(f"{text} is not allowed: {key} has several knobs, choose {group}=...")
        if key in OF_THE_SWEEP and "," in value:
            raise ConfigError(f"{text} is not allowed: a sweep must have one {key}")


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    flags: list[str] = []
    overrides: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument.startswith("-"):
            flags.append(argument)
            if argument in _WITH_VALUE:
                flags.extend([value] if (value := next(waiting, None)) is not None else [])
        else:
            overrides.append(argument)
    return flags, overrides
