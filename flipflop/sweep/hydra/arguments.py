"""The command line before Hydra reads it: refusal of overrides that Hydra would accept, and expansion of ranges."""

import re
from collections.abc import Iterable, Sequence

from flipflop.config.ranges import expand
from flipflop.config.rules import ConfigError

# Flags of Hydra that take a value in the next argument.
_FLAGS_WITH_VALUE = {
    "-c",
    "--cfg",
    "-p",
    "--package",
    "-cp",
    "--config-path",
    "-cn",
    "--config-name",
    "-cd",
    "--config-dir",
}


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

# Keys that belong to a sweep as a whole and can have one value only.
OF_THE_SWEEP = ("name", "dry_run", "figures")

# Groups whose `name` only their files in conf/ may set, because it identifies the other values of the group.
_SET_BY_GROUP = ("optimiser", "regime", "method")


def prepare(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with flags first and with the ranges of overrides expanded.

    Flags go first because argparse would reject `regime=parallel -m seed=0..3`. A repeated key is refused,
    because Hydra would use only the last value: a shell expands `seed={1..3}` to `seed=1 seed=2 seed=3`.

    Raises:
        ConfigError: an override is not allowed.
    """
    flags, overrides = _split(arguments)
    check(overrides)
    return flags + [f"{key}={expand(key, value)}" for key, _, value in (text.partition("=") for text in overrides)]


def check(overrides: Iterable[str]) -> None:
    """Refuse overrides that add, delete or repeat keys, set the name of a group, or have no usable value.

    Raises:
        ConfigError: an override is not allowed; the message is about the first.
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
    """Return the flags, with their values, and the overrides among arguments."""
    flags: list[str] = []
    overrides: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        if argument.startswith("-"):
            flags.append(argument)
            if argument in _FLAGS_WITH_VALUE:
                flags.extend([value] if (value := next(remaining, None)) is not None else [])
        else:
            overrides.append(argument)
    return flags, overrides
