"""Integer ranges in override values: `0..9` stands for every whole number from 0 to 9, both included.

They are expanded on the command line, before Hydra parses it, and in the axes of sweep files.
"""

import re

from flipflop.config.rules import ConfigError

_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)(?:\.\.(-?\d+))?")


def expand(key: str, value: str) -> str:
    """Expand the ranges among a value's comma-separated items: `0..3,10` becomes `0,1,2,3,10`.

    A third number is the increment: `0..9..3`. Its default is 1, or -1 if the last number is below the first. Items
    that are no integer range (`../x`, `1.0..2.0`, `a..b`) stay as they are.

    Args:
        key: of the override, for the message of the error.
        value: of the override.

    Raises:
        ConfigError: the increment of a range does not lead from its first number to its last.
    """
    return ",".join(item for part in value.split(",") for item in _items(key, part))


def _items(key: str, item: str) -> list[str]:
    match = _RANGE.fullmatch(item.strip())
    if match is None:
        return [item]
    first, last = int(match[1]), int(match[2])
    direction = 1 if last >= first else -1
    increment = direction if match[3] is None else int(match[3])
    if increment * direction <= 0:
        raise ConfigError(f"{key}={item} is an empty range: its step must lead from {first} to {last}")
    return [str(number) for number in range(first, last + direction, increment)]
